"""Commands that look: nothing they do changes the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import orjson
import typer

from ..data_store.administration import DataStoreAdministration
from ..data_store.models import DataStoreRecord
from ..tools.filter_text import read_filter
from ..tools.listing import PREVIEW_CHARACTERS, WHOLE_VALUE, items_of, namespaces_below
from ..tools.listing_sql import ListedItem
from ..tools.namespace_paths import UserNamespace, item_id_of_path, namespace_named
from ..tools.printable import bytes_text, safe_json, several_lines
from .commands import CommandRun, Filters, Key, Limit, NamespaceArgument, OptionalNamespace, User
from .failures import Status, Stop
from .output import TableColumn, note

_LISTED_COLUMNS = (
    TableColumn("key", "key"),
    TableColumn("version", "version", "number"),
    TableColumn("updated_at", "updated", "time"),
    TableColumn("size", "size", "number"),
    TableColumn("value", "value", "rest"),
)
_LONGEST_OUTPUT = 20_000


def ls(
    run: CommandRun,
    namespace: OptionalNamespace = "",
    *,
    user: User = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Items of the namespaces below, too.")
    ] = False,
    filter: Filters = None,
    limit: Limit = 100,
    after: Annotated[str | None, typer.Option(help="Continue after this key.")] = None,
) -> None:
    """List the namespaces below a namespace, and its items by key."""
    place, condition = namespace_named(namespace, user), read_filter(filter or ())
    store = run.reading()
    if not recursive and after is None and condition is None:
        _show_namespaces(run, namespaces_below(store, place, limit or 1_000_000))
    cursor = None
    if after is not None:
        cursor = item_id_of_path(after) if recursive else place.item_id(after)
    items = items_of(
        store,
        place,
        condition,
        exactly=not recursive,
        after=cursor,
        limit=limit + 1 if limit else None,
        characters=WHOLE_VALUE if run.output.as_json else PREVIEW_CHARACTERS,
    )
    shown = list(items) if limit and not run.output.as_json else items
    _show_items(run, iter(shown), limit, recursive)


def _show_namespaces(run: CommandRun, places: list[UserNamespace]) -> None:
    if run.output.as_json:
        for place in places:
            run.output.line({"namespace": f"{place.path}/"})
        return
    run.output.rows(
        [TableColumn("path", "namespace", kind="rest")],
        ({"path": f"{place.path}/"} for place in places),
    )


def _show_items(run: CommandRun, items: Iterator[ListedItem], limit: int, recursive: bool) -> None:
    last: ListedItem | None = None
    more = False

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal last, more
        for n, item in enumerate(items):
            if limit and n == limit:
                more = True
                return
            last = item
            yield _listed_row(item, run.output.as_json)

    columns = (
        (TableColumn("namespace", "namespace"), *_LISTED_COLUMNS) if recursive else _LISTED_COLUMNS
    )
    run.output.rows(columns, rows())
    if more and last is not None:
        place = UserNamespace(last.user_id, last.labels)
        key = place.item_path(last.key) if recursive else last.key
        note(f"there are more: --after {key!r} continues, --limit 0 lists all")


def _listed_row(item: ListedItem, as_json: bool) -> dict[str, Any]:
    return {
        "namespace": UserNamespace(item.user_id, item.labels).path,
        "key": item.key,
        "version": item.version,
        "updated_at": item.updated_at,
        "expires_at": item.expires_at,
        "size": item.json_bytes if as_json else bytes_text(item.json_bytes),
        "value": orjson.loads(item.text) if as_json else item.text,
    }


def get(
    run: CommandRun,
    namespace: NamespaceArgument,
    key: Key,
    *,
    user: User = None,
    record: Annotated[
        bool, typer.Option("--record", help="Version, times, expiry, reads and metadata, too.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Do not cut a long value.")] = False,
) -> None:
    """Show the value of an item."""
    place = namespace_named(namespace, user)
    found = DataStoreAdministration(run.reading()).record(place.user_id, place.labels, key)
    if found is None:
        raise Stop(Status.NO, f"there is no item {key!r} in {place.path!r}")
    if run.output.as_json:
        run.output.line(_record_row(place, found) if record else {"value": found.value})
        return
    if record:
        facts = _record_row(place, found)
        del facts["value"]
        run.output.facts(facts)
    text = several_lines(safe_json(found.value, indent=2))
    cut = text if full else text[:_LONGEST_OUTPUT]
    run.output.text(cut)
    if len(cut) < len(text):
        note(f"cut after {len(cut):,} of {len(text):,} characters: --full shows all")


def _record_row(place: UserNamespace, found: DataStoreRecord) -> dict[str, Any]:
    return {
        "namespace": place.path,
        "key": found.key,
        "version": found.version,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "expires_at": found.expires_at,
        "created_by": found.created_by_agent,
        "reads": found.access_count,
        "last_read_at": found.last_accessed_at,
        "last_read_by": found.last_accessed_by_agent,
        "metadata": found.metadata,
        "value": found.value,
    }
