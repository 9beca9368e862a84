"""Everything that a user or a namespace holds, in the order of time, with who wrote it and when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from os import PathLike
from typing import Any

from langgraph.store.base import BaseStore

from .._support.external_sort import in_order
from .._support.progress import Progress
from ..model.namespaces import Labels, check_labels, encode_labels
from ..sql.items.records import StoredRecord, item_id_of, plan_page_of_stored
from ..sql.statement import ItemId
from ..store.base import StoreBase
from ..store.steps import run
from ..store.user_scope import decode_label, encode_label, part_of
from ..transfer.formats.columns import Columns
from ..transfer.readers import ItemReader
from .background_saver import await_savers
from .export_turns import ExportFormat, write_rows
from .keys import in_utc

COLUMNS: Columns = {
    "user_id": "text",
    "namespace": "text",
    "key": "text",
    "created_by": "text",
    "created_at": "time",
    "updated_at": "time",
    "version": "integer",
    "metadata": "json",
    "value": "json",
}
PAGE_SIZE = 1_000


def export_items(
    store: BaseStore,
    path: str | PathLike[str],
    *,
    user_id: str | None = None,
    prefix: Labels = (),
    since: datetime | None = None,
    until: datetime | None = None,
    format: ExportFormat | None = None,
    progress: Progress | bool | None = None,
    escape_formulas: bool = True,
) -> int:
    """Writes all items at or below a namespace to a file for readers, oldest first; how many.

    `transfer.export` writes what can be imported again, in the order of the keys.

    In constant memory: more than fit into it are sorted in temporary files. The file appears when
    it is complete. Each row says whose the item is, who wrote it first, when it was written first
    and last, how often, its metadata and its value; what a store does not tell stays empty.

    Args:
        store: an `AgentStore` or a view of one, or any other LangGraph store.
        path: its end says the format, as in `ConversationMemory.export`.
        user_id: only this user's items.
        prefix: only what is at or below this namespace, with `user_id` of that user's.
        since: written first from this moment on; with a time zone.
        until: written first before this moment; with a time zone.
        format: "jsonl", "csv" or "parquet", in place of the one that the name says.
        progress: as for `AgentStore.load`.
        escape_formulas: in CSV, writes `'` before a text that a spreadsheet would run as a
            formula; False for exact texts. The other formats are always exact.

    Raises:
        ConfigurationError: the format is unknown, the folder is not there, or the store is
            another user's view.
        MissingExtraError: Parquet is asked for without the extra `parquet`.
    """
    since = None if since is None else in_utc(since)
    until = None if until is None else in_utc(until)
    await_savers(store)
    if user_id is not None:
        part = part_of(store, user_id, tuple(map(encode_label, prefix)))
        store, prefix = part.store, part.labels
    rows = (row for row in _rows(store, check_labels(prefix)) if _between(row, since, until))
    return write_rows(
        in_order(rows, _order), COLUMNS, path, format, progress, escape_formulas=escape_formulas
    )


async def aexport_items(
    store: BaseStore,
    path: str | PathLike[str],
    *,
    user_id: str | None = None,
    prefix: Labels = (),
    since: datetime | None = None,
    until: datetime | None = None,
    format: ExportFormat | None = None,
    progress: Progress | bool | None = None,
    escape_formulas: bool = True,
) -> int:
    """As `export_items`, in a thread."""
    options: dict[str, Any] = {"since": since, "until": until, "format": format}
    options["escape_formulas"] = escape_formulas
    return await asyncio.to_thread(
        export_items, store, path, user_id=user_id, prefix=prefix, progress=progress, **options
    )


def _rows(store: BaseStore, prefix: Labels) -> Iterator[dict[str, Any]]:
    if isinstance(store, StoreBase):
        return map(_row, _records(store, prefix))
    return map(_row_of_item, _items(store, prefix))


def _records(store: StoreBase, prefix: Labels) -> Iterator[StoredRecord]:
    after: ItemId | None = None
    planner = store.planner
    regions = planner.scope.regions(prefix)
    while True:
        page: list[StoredRecord] = store.executor.run(
            plan_page_of_stored(regions, after, PAGE_SIZE, planner.context)
        )
        yield from page
        if len(page) < PAGE_SIZE:
            return
        after = item_id_of(page[-1])


def _items(store: BaseStore, prefix: Labels) -> Iterator[StoredRecord]:
    reader = ItemReader(store, prefix)
    while page := run(reader.next_page()):
        yield from page


def _row(record: StoredRecord) -> dict[str, Any]:
    return {
        "user_id": record.user_id,
        "namespace": encode_labels(record.labels),
        "key": record.key,
        "created_by": record.created_by,
        "created_at": in_utc(record.created_at),
        "updated_at": in_utc(record.updated_at),
        "version": record.version,
        "metadata": record.metadata or None,
        "value": record.value,
    }


def _row_of_item(record: StoredRecord) -> dict[str, Any]:
    """Of a store of another package, which does not tell of versions."""
    user_id, labels = decode_label(record.user_id), tuple(map(decode_label, record.labels))
    return {**_row(replace(record, user_id=user_id, labels=labels)), "version": None}


def _order(row: Mapping[str, Any]) -> tuple[datetime, str, str, str]:
    return row["created_at"], row["user_id"], row["namespace"], row["key"]


def _between(row: Mapping[str, Any], since: datetime | None, until: datetime | None) -> bool:
    written = row["created_at"]
    return (since is None or written >= since) and (until is None or written < until)
