"""Gets: one statement reads any number of items, of any users and namespaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.store.base import Item

from ...model.json_values import as_mapping, copied
from ..item_columns import key_is, same_key
from ..row_users import check_user
from ..statement import (
    LARGE_VALUE_BYTES,
    Decoded,
    Get,
    ItemId,
    Refresh,
    Row,
    Sealing,
    SqlContext,
    Statement,
    StoredValue,
    Users,
    columns_of,
    written_once,
)
from .expiry import REFRESHED

_GET_COLUMNS = f"i.value, i.created_at, i.updated_at, i.expires_at, {REFRESHED}"
# A value that is large comes apart: whoever asked for others would wait for it. As it is stored,
# maybe compressed: that is known without reading it.
_IS_LARGE = f"pg_column_size(i.value) > {LARGE_VALUE_BYTES}"
_COLUMNS_OF_MANY = f"""CASE WHEN NOT {_IS_LARGE} THEN i.value END, i.created_at, i.updated_at,
       i.expires_at, {REFRESHED}, {_IS_LARGE}"""

_COUNT = 5
"""The number of columns that an item is made of; of many gets, the place comes before them."""

_IS_LARGE_AT = _COUNT + 1
"""Where many gets tell that a value is large."""


@written_once
def get_one_sql(context: SqlContext) -> str:
    return f"""
SELECT {_GET_COLUMNS}{context.user_column()}
  FROM {context.tables.item} i
 WHERE {key_is()} AND {context.live()}"""


@written_once
def get_many_sql(context: SqlContext) -> str:
    return f"""
SELECT q.position, {_COLUMNS_OF_MANY}{context.user_column()}
  FROM unnest($1::text[], $2::text[], $3::text[])
       WITH ORDINALITY AS q (user_id, namespace, key, position)
  JOIN {context.tables.item} i
    ON {same_key("i", "q")}
 WHERE {context.live()}{context.of_users("i", "$1::text[]")}"""


def get_statement(gets: Sequence[Get[Any]], context: SqlContext) -> tuple[str, tuple[Any, ...]]:
    """Return the statement for these gets: a plain look-up for one item, a join for more."""
    item_ids = distinct_triples(gets)
    if len(item_ids) == 1:
        return get_one_sql(context), item_ids[0]
    return get_many_sql(context), columns_of(item_ids)


def distinct_triples(gets: Sequence[Get[Any]]) -> list[ItemId]:
    """Return each item id once, in the order of the first requests."""
    if len(gets) == 1:
        return [gets[0].item_id]
    return list(dict.fromkeys([get.item_id for get in gets]))


def plan_get_alone(get: Get[Any], context: SqlContext) -> Statement[Item | StoredValue | None]:
    """Plan the read of one item by its own statement, however large its value is."""

    def decode(rows: Sequence[Row]) -> Decoded[Item | StoredValue | None]:
        allowed = [get.users] if context.tells_users else None
        read = decode_gets([get], rows, context.sealing, allowed)
        return Decoded(read.items[0], read.refreshes)

    return Statement(get_one_sql(context), get.item_id, decode, users=get.users, kind="get")


@dataclass(frozen=True, slots=True)
class Gotten:
    """The result of a statement for several gets.

    `items`: in their order, None where there is none. `apart`: the places of those whose values
    are large, and are to be read by `plan_get_alone`.
    """

    items: list[Item | StoredValue | None]
    refreshes: list[Refresh]
    apart: list[int]


def decode_gets(
    gets: Sequence[Get[Any]],
    rows: Sequence[Row],
    sealing: Sealing | None = None,
    users: Sequence[Users] | None = None,
) -> Gotten:
    """Return the result of the gets, decoded from these rows.

    `users`: whose item each get may have, where the rows tell their users.
    """
    items: list[Item | StoredValue | None] = [None] * len(gets)
    refreshes: list[Refresh] = []
    apart: list[int] = []
    item_ids = distinct_triples(gets)
    positions_of = _positions_of(gets, item_ids)
    alone = len(item_ids) == 1
    for row in rows:
        place = 0 if alone else row[0] - 1
        if users is not None:
            for position in positions_of[place]:
                check_user(row[-1], users[position])
        if not alone and row[_IS_LARGE_AT]:
            apart += positions_of[place]
            continue
        columns = row[:_COUNT] if alone else row[1 : _COUNT + 1]
        value = columns[0] if sealing is None else sealing.opened(item_ids[place], columns[0])
        first, *others = positions_of[place]
        items[first] = _item_of_row(gets[first], columns, value, refreshes)
        for position in others:
            items[position] = _item_of_row(gets[position], columns, copied(value), refreshes)
    return Gotten(items, refreshes, apart)


def _positions_of(gets: Sequence[Get[Any]], item_ids: Sequence[ItemId]) -> Sequence[Sequence[int]]:
    """Return for each item id the positions of the gets that asked for it."""
    if len(item_ids) == len(gets):
        return [(position,) for position in range(len(gets))]
    positions: dict[ItemId, list[int]] = {item_id: [] for item_id in item_ids}
    for position, get in enumerate(gets):
        positions[get.item_id].append(position)
    return list(positions.values())


def _item_of_row(
    get: Get[Any], columns: Row, value: Any, refreshes: list[Refresh]
) -> Item | StoredValue:
    _, created_at, updated_at, expires_at, refreshed = columns
    if refreshed is not None and get.refresh:
        refreshes.append(Refresh(get.item_id, expires_at, refreshed))
    if get.labels is None:
        return StoredValue(value, created_at)
    return Item(
        value=as_mapping(value),
        key=get.item_id[2],
        namespace=get.labels,
        created_at=created_at,
        updated_at=updated_at,
    )
