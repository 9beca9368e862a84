"""Counts, pages over everything, and the read of one whole record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

from langgraph.store.base import Item

from ...model.namespaces import decode_labels
from ...model.users import Region, Scope, users_of_regions
from ...results import ItemRecord
from ..filters import Filter, filter_sql
from ..item_columns import key_is
from ..region_condition import region_condition
from ..sealing import first_columns, with_opened_values
from ..statement import (
    Decoded,
    ItemId,
    Queue,
    Row,
    SqlContext,
    Statement,
    decode_count,
    written_once,
)


def plan_count(regions: Sequence[Region], filter: Filter, context: SqlContext) -> Statement[int]:
    """Plan the count of the items of the regions that pass the filter."""
    arguments: list[Any] = []
    sql = f"""
SELECT count(*)
  FROM {context.tables.item} i
 WHERE {region_condition(regions, arguments)} AND {context.live()}
   AND {filter_sql(filter, arguments)}"""

    users = users_of_regions(regions)
    return Statement(
        sql, tuple(arguments), decode_count, queue=Queue.EQUAL_READS, users=users, kind="count"
    )


def plan_page(
    regions: Sequence[Region],
    filter: Filter,
    after: ItemId | None,
    size: int,
    scope: Scope,
    context: SqlContext,
) -> Statement[list[tuple[ItemId, Item]]]:
    """Plan the read of the next `size` items in the order of the primary key, with their ids."""
    arguments: list[Any] = [size]
    conditions = [region_condition(regions, arguments), context.live()]
    conditions += [*after_key(after, arguments), filter_sql(filter, arguments)]
    columns = "i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at"
    sql = page_by_key_sql(columns, f"{context.tables.item} i", conditions)

    def decode(rows: Sequence[Row]) -> Decoded[list[tuple[ItemId, Item]]]:
        return Decoded([keyed_item(row, scope) for row in rows])

    opened = with_opened_values(decode, 3, first_columns, context)
    return Statement(
        sql,
        tuple(arguments),
        opened,
        queue=Queue.EQUAL_READS,
        users=users_of_regions(regions),
        kind="list_items",
    )


def after_key(after: ItemId | None, arguments: list[Any]) -> list[str]:
    """Return the condition that rows of `item i` come after this item; nothing for None."""
    if after is None:
        return []
    arguments.extend(after)
    n = len(arguments)
    return [f"(i.user_id, i.namespace, i.key) > (${n - 2}, ${n - 1}, ${n})"]


def page_by_key_sql(columns: str, source: str, conditions: Sequence[str]) -> str:
    """Return the SELECT of the first `$1` rows of a source with `item i`, by primary key."""
    return f"""
SELECT {columns}
  FROM {source}
 WHERE {" AND ".join(conditions)}
 ORDER BY i.user_id, i.namespace, i.key
 LIMIT $1"""


def keyed_item(row: Row, scope: Scope) -> tuple[ItemId, Item]:
    """Return the id and the item of a row: the id, the value, two times."""
    user_id, stored, key, value, created_at, updated_at = row
    item = Item(
        namespace=scope.labels(user_id, decode_labels(stored)),
        key=key,
        value=scope.value(value),
        created_at=created_at,
        updated_at=updated_at,
    )
    return (user_id, stored, key), item


@written_once
def _record_sql(context: SqlContext) -> str:
    columns = ", ".join(f"i.{field.name}" for field in fields(ItemRecord)[2:-1])
    return f"""
SELECT {columns}, i.ttl
  FROM {context.tables.item} i
 WHERE {key_is()} AND {context.live()}"""


def plan_record(
    item_id: ItemId, labels: tuple[str, ...], context: SqlContext
) -> Statement[ItemRecord | None]:
    """Plan the read of an item with version, metadata and expiry, which `Item` does not have.

    The columns stand in the order of `ItemRecord`'s fields, the last one for `ttl_minutes`.
    """

    def decode(rows: Sequence[Row]) -> Decoded[ItemRecord | None]:
        if not rows:
            return Decoded(None)
        ttl = rows[0][-1]
        minutes = None if ttl is None else ttl / timedelta(minutes=1)
        return Decoded(ItemRecord(labels, item_id[2], *(*rows[0][:-1], minutes)))

    opened = with_opened_values(decode, 0, lambda _: item_id, context)
    return Statement(
        _record_sql(context),
        item_id,
        opened,
        queue=Queue.SHARED,
        users=(item_id[0],),
        kind="get_record",
    )
