"""Gets: any number of items, of any users and namespaces, by one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langgraph.store.base import Item

from ..values import as_mapping
from .expiry import REFRESHED
from .model import Get, Refresh, Row, Rules, StoredValue, columns_of, written_once

_COLUMNS = f"i.value, i.created_at, i.updated_at, i.expires_at, {REFRESHED}"


@written_once
def get_one_sql(rules: Rules) -> str:
    return f"""
SELECT {_COLUMNS}
  FROM {rules.tables.item} i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = $3 AND {rules.live()}"""


@written_once
def get_many_sql(rules: Rules) -> str:
    return f"""
SELECT q.position, {_COLUMNS}
  FROM unnest($1::text[], $2::text[], $3::text[])
       WITH ORDINALITY AS q (user_id, namespace, key, position)
  JOIN {rules.tables.item} i
    ON i.user_id = q.user_id AND i.namespace = q.namespace AND i.key = q.key
 WHERE {rules.live()}"""


def get_statement(gets: Sequence[Get], rules: Rules) -> tuple[str, tuple[Any, ...]]:
    """The statement for these gets: a plain look-up for one, a join for more."""
    if len(gets) == 1:
        return get_one_sql(rules), gets[0].triple
    return get_many_sql(rules), columns_of([get.triple for get in gets])


def decode_gets(
    gets: Sequence[Get], rows: Sequence[Row]
) -> tuple[list[Item | StoredValue | None], list[Refresh]]:
    """The items in the order of `gets`, None where there is none; and the expiries to move."""
    items: list[Item | StoredValue | None] = [None] * len(gets)
    refreshes: list[Refresh] = []
    single = len(gets) == 1
    for row in rows:
        position, columns = (0, row) if single else (row[0] - 1, row[1:])
        get = gets[position]
        value, created_at, updated_at, expires_at, refreshed = columns
        if get.labels is None:
            items[position] = StoredValue(value, created_at)
        else:
            items[position] = Item(
                value=as_mapping(value),
                key=get.triple[2],
                namespace=get.labels,
                created_at=created_at,
                updated_at=updated_at,
            )
        if refreshed is not None and get.refresh:
            refreshes.append(Refresh(get.triple, expires_at, refreshed))
    return items, refreshes
