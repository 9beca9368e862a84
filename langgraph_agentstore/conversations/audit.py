"""Everything that a user or a namespace holds, in the order of time, with who wrote it and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from os import PathLike
from typing import Any

from langgraph.store.base import BaseStore

from ..beyond import ExtendedSurface
from ..namespaces import Labels, check_labels, encode_labels
from ..plan.model import Triple
from ..plan.turns import plan_records_page
from ..progress import Progress
from ..records import ItemRecord
from ..users import SHARED
from .addresses import USERS, address_of, decode_label
from .export import Columns, ExportFormat, write_rows
from .keys import in_utc
from .ordering import in_order
from .saver import await_savers

COLUMNS = Columns(
    (
        *("user_id", "namespace", "key", "created_by", "created_at", "updated_at", "version"),
        *("metadata", "value"),
    ),
    times=frozenset({"created_at", "updated_at"}),
    json=frozenset({"metadata", "value"}),
    numbers=frozenset({"version"}),
)
PAGE_SIZE = 1_000


def export_items(
    store: BaseStore,
    path: str | PathLike[str],
    namespace: Labels = (),
    format: ExportFormat = "jsonl",
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    user_id: str | None = None,
    progress: Progress | bool | None = None,
) -> int:
    """Writes all items at or below a namespace to a file, oldest first; how many.

    In constant memory: more than fit into it are sorted in temporary files. The file appears when
    it is complete. Each row says whose the item is, who wrote it first, when it was written first
    and last, how often, its metadata and its value; what a store does not tell stays empty.

    Args:
        store: an `AgentStore` or a view of one, or any other LangGraph store.
        path: the file.
        namespace: `()` for everything; beside `user_id`, below that user.
        format: "jsonl", "csv" or "parquet", which needs the extra `parquet`.
        since: written first from this moment on; with a time zone.
        until: written first before this moment; with a time zone.
        user_id: one user's items alone.
        progress: called with how many are written so far; True shows a bar on a terminal.

    Raises:
        ConfigurationError: the format is unknown, or what writes it is not installed.
    """
    since = None if since is None else in_utc(since)
    until = None if until is None else in_utc(until)
    await_savers()
    if user_id is not None:
        address = address_of(store, (USERS, user_id, *namespace))
        store, namespace = address.store, address.labels
    rows = (row for row in _rows(store, check_labels(namespace)) if _between(row, since, until))
    return write_rows(in_order(rows, _order), COLUMNS, path, format, progress)


def _rows(store: BaseStore, prefix: Labels) -> Iterable[dict[str, Any]]:
    return _records(store, prefix) if isinstance(store, ExtendedSurface) else _items(store, prefix)


def _records(store: ExtendedSurface, prefix: Labels) -> Iterator[dict[str, Any]]:
    after: Triple | None = None
    planner = store._planner
    regions = planner.scope.regions(prefix)
    while True:
        page: list[tuple[Triple, ItemRecord]] = store._run(
            plan_records_page(regions, after, PAGE_SIZE, planner.scope, planner.rules)
        )
        for (user_id, stored, key), record in page:
            yield {
                "user_id": user_id,
                "namespace": stored,
                "key": key,
                "created_by": record.created_by,
                "created_at": record.created_at,
                "updated_at": record.updated_at,
                "version": record.version,
                "metadata": record.metadata or None,
                "value": record.value,
            }
        if len(page) < PAGE_SIZE:
            return
        after = page[-1][0]


def _items(store: BaseStore, prefix: Labels) -> Iterator[dict[str, Any]]:
    offset = 0
    while page := store.search(prefix, limit=PAGE_SIZE, offset=offset):
        offset += len(page)
        for item in page:
            user_id, labels = _owner(tuple(item.namespace))
            yield {
                **dict.fromkeys(COLUMNS.names),
                "user_id": user_id,
                "namespace": encode_labels(labels),
                "key": item.key,
                "created_at": in_utc(item.created_at),
                "updated_at": in_utc(item.updated_at),
                "value": item.value,
            }


def _owner(labels: Labels) -> tuple[str, Labels]:
    if len(labels) > 1 and labels[0] == USERS:
        return decode_label(labels[1]), tuple(map(decode_label, labels[2:]))
    return SHARED, tuple(map(decode_label, labels))


def _order(row: Mapping[str, Any]) -> tuple[datetime, str, str, str]:
    return row["created_at"], row["user_id"], row["namespace"], row["key"]


def _between(row: Mapping[str, Any], since: datetime | None, until: datetime | None) -> bool:
    written = row["created_at"]
    return (since is None or written >= since) and (until is None or written < until)
