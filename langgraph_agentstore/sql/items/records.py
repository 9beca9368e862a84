"""Reads of records: what `data_store` and exports show of items, one statement each.

Unlike LangGraph's items their values are any JSON, their namespace is one, not it and what is
below, and no read moves an expiry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from langgraph.store.base import ListNamespacesOp

from ...model.addresses import ItemAddress
from ...model.namespaces import Labels, decode_labels, encode_labels, first_text_after, name_of
from ...model.users import Region, Scope, users_of_regions
from ..filters import Filter, filter_sql
from ..item_columns import key_is, key_of, same_key
from ..region_condition import region_condition
from ..sealing import first_columns, with_opened_values, within
from ..statement import (
    Decoded,
    ItemId,
    Queue,
    ResultT,
    Row,
    SqlContext,
    Statement,
    StoredValue,
    Users,
    columns_of,
    written_once,
)
from .list_namespaces import plan_list_namespaces
from .pages import after_key, page_by_key_sql

LARGEST_LIMIT = 2**62 - 1
"""The limit of an unlimited read: with an offset as large, the sum still fits a bigint."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A stored record with its access counts."""

    user_id: str
    labels: Labels
    key: str
    value: Any
    metadata: dict[str, Any]
    version: int
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    ttl: timedelta | None
    access_count: int
    last_accessed_at: datetime | None
    last_accessed_by: str | None


_FIELDS = [field.name for field in fields(StoredRecord)]

RECORD_COLUMNS = ", ".join(
    [
        key_of("i"),
        *(f"i.{name}" for name in _FIELDS[3:-3]),
        "coalesce(a.access_count, 0)",
        *(f"a.{name}" for name in _FIELDS[-2:]),
    ]
)
"""The columns of `StoredRecord`, in the order of its fields."""


def records_from(context: SqlContext, users: str = "") -> str:
    """Return the FROM item: `item i` with its access counts `a`, null where there are none.

    `users`: the array of whose they are, if there is one.
    """
    return f"""{context.tables.item} i
  LEFT JOIN {context.tables.item_access} a
    ON {same_key("a", "i")}{context.of_users("a", users) if users else ""}
   -- Counts of a record that was removed say nothing about the one that took its place.
   AND a.item_created_at = i.created_at"""


def decode_record(row: Row) -> StoredRecord:
    """Return the record of a row of `RECORD_COLUMNS`."""
    return StoredRecord(row[0], decode_labels(row[1]), *row[2 : len(_FIELDS)])


def plan_one_record(
    at: ItemAddress, key: str, context: SqlContext
) -> Statement[StoredRecord | None]:
    """Plan the read of a whole record; None if there is none. The server's time comes last."""

    def decode(rows: Sequence[Row]) -> StoredRecord | None:
        return decode_record(rows[0]) if rows else None

    read = _equal_read(_one_record_sql(context), (at.user_id, at.stored, key), decode, at.user_id)
    return replace(read, decode=with_opened_values(read.decode, 3, first_columns, context))


@written_once
def _one_record_sql(context: SqlContext) -> str:
    return f"""
SELECT {RECORD_COLUMNS}, now()
  FROM {records_from(context)}
 WHERE {key_is()} AND {context.live()}"""


def plan_values(
    at: ItemAddress, keys: Sequence[str], context: SqlContext
) -> Statement[dict[str, StoredValue]]:
    """Plan the read of the values of these keys, in no order, without missing ones."""
    # OFFSET 0: each key is looked up. A plan for a small namespace might compare it with every row.
    sql = f"""
SELECT i.*
  FROM unnest($3::text[]) AS k (key)
 CROSS JOIN LATERAL (
       SELECT i.key, i.value, i.created_at
         FROM {context.tables.item} i
        WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = k.key AND {context.live()}
       OFFSET 0) i"""
    return _read_of_values(sql, (at.user_id, at.stored, list(keys)), at, context)


def plan_all_values(at: ItemAddress, context: SqlContext) -> Statement[dict[str, StoredValue]]:
    """Plan the read of every value of the namespace, by key."""
    sql = f"""
SELECT i.key, i.value, i.created_at
  FROM {context.tables.item} i
 WHERE i.user_id = $1 AND i.namespace = $2 AND {context.live()}
 ORDER BY i.key"""
    return _read_of_values(sql, (at.user_id, at.stored), at, context)


def plan_page_of_values(
    at: ItemAddress,
    prefix: str,
    after: str | None,
    limit: int,
    context: SqlContext,
    filter: Filter | None = None,
) -> Statement[dict[str, StoredValue]]:
    """Plan the read of at most `limit` values that pass the filter, with keys after `after`."""
    columns = "i.key, i.value, i.created_at"
    sql, arguments = _page_sql(columns, at, prefix, after, limit, context, filter)
    return _read_of_values(sql, arguments, at, context)


def plan_keys(
    at: ItemAddress, prefix: str, after: str | None, limit: int | None, context: SqlContext
) -> Statement[list[str]]:
    """Plan the read of keys that begin with `prefix` and come after `after`, by code point."""
    sql, arguments = _page_sql("i.key", at, prefix, after, limit, context)
    return _equal_read(sql, arguments, lambda rows: [row[0] for row in rows], at.user_id)


def plan_exists(at: ItemAddress, key: str, context: SqlContext) -> Statement[bool]:
    """Plan the read of whether there is such a record."""
    sql = f"""
SELECT 1 FROM {context.tables.item} i
 WHERE {key_is()} AND {context.live()}"""
    return _equal_read(sql, (at.user_id, at.stored, key), bool, at.user_id)


def plan_namespace_names(scope: Scope, context: SqlContext) -> Statement[list[str]]:
    """Plan the listing of a scope's namespaces that a string can name, by code point."""
    op = ListNamespacesOp(limit=LARGEST_LIMIT)
    listing = plan_list_namespaces(op, scope, context)

    def decode(rows: Sequence[Row]) -> list[str]:
        names = [name_of(labels) for labels in listing.decode(rows).result]
        return sorted(name for name in names if name is not None)

    return Statement(
        listing.sql,
        listing.arguments,
        lambda rows: Decoded(decode(rows)),
        queue=listing.queue,
        users=listing.users,
        kind=listing.kind,
    )


def plan_page_of_stored(
    regions: Sequence[Region], after: ItemId | None, size: int, context: SqlContext
) -> Statement[list[StoredRecord]]:
    """Plan the read of the next `size` records of the regions, by primary key."""
    return plan_records_by_key(
        lambda args: region_condition(regions, args),
        after,
        size,
        context,
        users_of_regions(regions),
    )


def plan_records_by_key(
    within: Callable[[list[Any]], str],
    after: ItemId | None,
    size: int,
    context: SqlContext,
    users: Users | None = None,
) -> Statement[list[StoredRecord]]:
    """Plan the read of the next `size` records that meet a condition, by primary key."""
    arguments: list[Any] = [size]
    conditions = [within(arguments), context.live(), *after_key(after, arguments)]
    sql = page_by_key_sql(RECORD_COLUMNS, records_from(context), conditions)

    def decode(rows: Sequence[Row]) -> Decoded[list[StoredRecord]]:
        return Decoded([decode_record(row) for row in rows])

    opened = with_opened_values(decode, 3, first_columns, context)
    return Statement(
        sql, tuple(arguments), opened, queue=Queue.EQUAL_READS, users=users, kind="get_records"
    )


def plan_stored_at(
    item_ids: Sequence[ItemId], context: SqlContext
) -> Statement[list[StoredRecord | None]]:
    """Plan the read of the records of these item ids, in their order; None where there is none."""
    sql = f"""
SELECT {RECORD_COLUMNS}, p.position
  FROM unnest($1::text[], $2::text[], $3::text[])
       WITH ORDINALITY AS p (user_id, namespace, key, position)
  JOIN ({records_from(context, "$1::text[]")})
    ON {same_key("i", "p")}{context.of_users("i", "$1::text[]")}
 WHERE {context.live()}"""

    def decode(rows: Sequence[Row]) -> Decoded[list[StoredRecord | None]]:
        found = {row[-1]: decode_record(row) for row in rows}
        return Decoded([found.get(position) for position in range(1, len(item_ids) + 1)])

    opened = with_opened_values(decode, 3, first_columns, context)
    users = tuple(dict.fromkeys([item_id[0] for item_id in item_ids]))
    return Statement(
        sql, columns_of(item_ids), opened, queue=Queue.EQUAL_READS, users=users, kind="get_stored"
    )


def item_id_of(record: StoredRecord) -> ItemId:
    """Return the item id of a record, behind which the next page begins."""
    return record.user_id, encode_labels(record.labels), record.key


def _page_sql(
    columns: str,
    at: ItemAddress,
    prefix: str,
    after: str | None,
    limit: int | None,
    context: SqlContext,
    filter: Filter | None = None,
) -> tuple[str, tuple[Any, ...]]:
    arguments: list[Any] = [at.user_id, at.stored]
    conditions = [context.live()]
    # Keys sort by code point, so those that begin alike are one range of the index.
    if prefix:
        arguments.append(prefix)
        conditions.append(f"i.key >= ${len(arguments)}")
    if (end := first_text_after(prefix)) is not None:
        arguments.append(end)
        conditions.append(f"i.key < ${len(arguments)}")
    if after is not None:
        arguments.append(after)
        conditions.append(f"i.key > ${len(arguments)}")
    if filter is not None:
        conditions.append(filter_sql(filter, arguments))
    arguments.append(limit)
    sql = f"""
SELECT {columns}
  FROM {context.tables.item} i
 WHERE i.user_id = $1 AND i.namespace = $2 AND {" AND ".join(conditions)}
 ORDER BY i.key
 LIMIT ${len(arguments)}"""
    return sql, tuple(arguments)


def _read_of_values(
    sql: str, arguments: tuple[Any, ...], at: ItemAddress, context: SqlContext
) -> Statement[dict[str, StoredValue]]:
    """Return the read of rows of key, value and time of creation in one namespace."""
    read = _equal_read(sql, arguments, _values, at.user_id)
    return replace(
        read, decode=with_opened_values(read.decode, 1, within(at.user_id, at.stored), context)
    )


def _values(rows: Sequence[Row]) -> dict[str, StoredValue]:
    return {key: StoredValue(value, created_at) for key, value, created_at in rows}


def _equal_read(
    sql: str,
    arguments: tuple[Any, ...],
    make: Callable[[Sequence[Row]], ResultT],
    user_id: str,
) -> Statement[ResultT]:
    def decode(rows: Sequence[Row]) -> Decoded[ResultT]:
        return Decoded(make(rows))

    return Statement(
        sql, arguments, decode, queue=Queue.EQUAL_READS, users=(user_id,), kind="list_values"
    )
