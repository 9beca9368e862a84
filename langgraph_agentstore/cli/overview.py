"""Commands that show a store as a whole: users, namespaces, sizes, counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Annotated, Any

import typer

from ..data_store.administration import DataStoreAdministration
from ..data_store.sql.administration import AccessedRecord, LargeRecord, NamespaceCount
from ..model.users import SHARED
from ..sql.filters import parse_filter
from ..sql.items.pages import plan_count
from ..sql.items.user_counts import UserCount
from ..store.executor import READY
from ..store.namespace_tree import tree_lines
from ..tools.filter_text import read_filter
from ..tools.namespace_paths import UserNamespace, namespace_named, written_labels
from ..tools.printable import bytes_text, one_line
from ..tools.store_size_sql import TableSize, plan_stored_search, plan_table_sizes
from .commands import CommandRun, Filters, Limit, OptionalNamespace, User
from .output import TableColumn, note


def users(
    run: CommandRun,
    *,
    limit: Limit = 100,
    after: Annotated[str | None, typer.Option(help="Continue after this user.")] = None,
) -> None:
    """List the users, with how much each has and when it was last written."""
    found = run.reading().users(after=after, limit=limit + 1 if limit else None)
    shown = found[:limit] if limit else found
    columns = (
        TableColumn("user", "user"),
        TableColumn("items", "items", "number"),
        TableColumn("namespaces", "namespaces", "number"),
        TableColumn("first_created_at", "first written", "time"),
        TableColumn("last_updated_at", "last written", "time"),
    )
    run.output.rows(columns, (_user_row(user, run.output.as_json) for user in shown))
    if len(found) > len(shown):
        note(f"there are more: --after {shown[-1].user_id!r} continues, --limit 0 lists all")


def _user_row(user: UserCount, as_json: bool) -> dict[str, Any]:
    return {
        "user": user.user_id if as_json or user.user_id != SHARED else "(shared)",
        "items": user.records,
        "namespaces": user.namespaces,
        "first_created_at": user.first_created_at,
        "last_updated_at": user.last_updated_at,
    }


def tree(
    run: CommandRun,
    namespace: OptionalNamespace = "",
    *,
    user: User = None,
    limit: Limit = 1000,
) -> None:
    """Show the namespaces at or below a namespace as a tree, with their numbers of items."""
    place = namespace_named(namespace, user)
    everybody = place.user_id == SHARED and len(place.regions) > 1
    counts = DataStoreAdministration(run.reading()).namespaces(
        None if everybody else place.user_id,
        None if everybody or not place.labels else place.labels,
        below=True,
        limit=limit + 1 if limit else None,
    )
    shown = counts[:limit] if limit else counts
    if run.output.as_json:
        for count in shown:
            path = UserNamespace(count.user_id, count.labels).path
            run.output.line({"namespace": path, "items": count.records})
    else:
        for line in _drawn(shown):
            run.output.text(line)
    if len(counts) > len(shown):
        note(f"cut after {limit:,} namespaces: --limit 0 shows all")


def _drawn(counts: Sequence[NamespaceCount]) -> Iterator[str]:
    named = (
        (UserNamespace(one.user_id, one.labels).all_labels, f"{one.records:,}") for one in counts
    )
    return tree_lines(named, lambda label: one_line(written_labels((label,)) or "%00", 120))


def count(
    run: CommandRun, namespace: OptionalNamespace = "", *, user: User = None, filter: Filters = None
) -> None:
    """Count the items at or below a namespace that pass a filter."""
    place = namespace_named(namespace, user)
    condition = parse_filter(read_filter(filter or ()) or {})
    store = run.reading()
    items = store.executor.run(plan_count(place.regions, condition, store.planner.context))
    if run.output.as_json:
        run.output.line({"namespace": place.path, "items": items})
    else:
        run.output.text(f"{items}")


class Order(str, Enum):
    """Tell by which figure `top` orders items."""

    size = "size"
    reads = "reads"
    recent = "recent"


def top(
    run: CommandRun,
    namespace: OptionalNamespace = "",
    *,
    user: User = None,
    by: Annotated[Order, typer.Option(help="The largest, the most read, or the last read.")] = (
        Order.size
    ),
    limit: Limit = 10,
) -> None:
    """Show the largest items, or those that agents read most often or last."""
    place = namespace_named(namespace, user)
    everybody = place.user_id == SHARED and len(place.regions) > 1
    within: tuple[Any, ...] = (
        None if everybody else place.user_id,
        None if everybody or not place.labels else place.labels,
    )
    records = DataStoreAdministration(run.reading())
    how: dict[str, Any] = {"below": True, "limit": limit or None}
    if by is Order.size:
        large = records.larger_than(0, *within, **how)
        run.output.rows(_LARGE, (_large_row(item, run.output.as_json) for item in large))
        return
    read = records.most_accessed if by is Order.reads else records.recently_accessed
    run.output.rows(_READ, (_read_row(item) for item in read(*within, **how)))


_LARGE = (
    TableColumn("size", "size", "number"),
    TableColumn("updated_at", "updated", "time"),
    TableColumn("namespace", "namespace"),
    TableColumn("key", "key"),
)
_READ = (
    TableColumn("reads", "reads", "number"),
    TableColumn("last_read_at", "last read", "time"),
    TableColumn("last_read_by", "by"),
    TableColumn("namespace", "namespace"),
    TableColumn("key", "key"),
)


def _large_row(item: LargeRecord, as_json: bool) -> dict[str, Any]:
    return {
        "namespace": UserNamespace(item.user_id, item.labels).path,
        "key": item.key,
        "size": item.json_bytes if as_json else bytes_text(item.json_bytes),
        "updated_at": item.updated_at,
    }


def _read_row(item: AccessedRecord) -> dict[str, Any]:
    return {
        "namespace": UserNamespace(item.user_id, item.labels).path,
        "key": item.key,
        "reads": item.access_count,
        "last_read_at": item.last_accessed_at,
        "last_read_by": item.last_accessed_by_agent,
    }


def stats(run: CommandRun) -> None:
    """Show the versions, the sizes of the tables and what items are found by; read no item."""
    store = run.reading()
    health, context = store.executor.run(READY), store.planner.context
    sizes = store.executor.run(plan_table_sizes(context))
    search = store.executor.run(plan_stored_search(context))
    items = next((size.rows for size in sizes if size.table == "item"), 0)
    facts: dict[str, Any] = {
        "server": f"Postgres {health.server_version}",
        "schema": context.tables.schema,
        "schema_version": health.schema_version,
        "latency_ms": round(health.latency_ms or 0.0, 2),
        "items_about": items,
        "bytes": sum(size.table_bytes + size.index_bytes for size in sizes),
        "model": search.model,
        "dims": search.dims,
        "has_words": search.has_words,
    }
    if run.output.as_json:
        tables = {s.table: [s.rows, s.table_bytes, s.index_bytes] for s in sizes}
        run.output.line({**facts, "tables": tables})
        return
    facts["bytes"] = bytes_text(facts.pop("bytes"))
    run.output.facts(facts)
    run.output.text("")
    run.output.rows(_SIZES, (_size_row(size) for size in sizes))


_SIZES = (
    TableColumn("table", "table"),
    TableColumn("rows", "rows, about", "number"),
    TableColumn("table_bytes", "table", "number"),
    TableColumn("index_bytes", "indexes", "number"),
    TableColumn("last_vacuum", "last vacuum", "time"),
)


def _size_row(size: TableSize) -> dict[str, Any]:
    return {
        "table": size.table,
        "rows": size.rows,
        "table_bytes": bytes_text(size.table_bytes),
        "index_bytes": bytes_text(size.index_bytes),
        "last_vacuum": size.last_vacuum,
    }
