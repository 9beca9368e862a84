"""Search without a query: the newest items at or below a namespace that pass a filter.

Most searches name a namespace that has none below it. So the first statement reads the newest
items of just that one, and says if there is more below; only then a second one is needed.

That one walks the namespaces of the prefix on the index `item_newest`, takes the newest of each
and merges them: the cost is that of the page, whatever the namespace's size. Below a prefix of
more than `MANY_NAMESPACES` namespaces, and across users, it sorts instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from langgraph.store.base import SearchItem, SearchOp

from ...model.namespaces import decode_labels, encode_labels, first_sort_key_after, sort_key
from ...model.users import Region, Scope, users_of_regions
from ..filters import Filter, filter_sql
from ..region_condition import region_condition
from ..sealing import first_columns, with_opened_values, within
from ..statement import Decoded, Queue, Refresh, Row, SqlContext, Statement
from .expiry import REFRESHED

MANY_NAMESPACES = 32
"""From here on, one sort of everything below the prefix beats one index probe per namespace."""

_NEWEST_COLUMNS = f"""i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at,
               i.expires_at, {REFRESHED} AS refreshed, i.place"""

LARGEST_SHARED_PAGE = 200
"""Searches for more items than this travel alone."""


def plan_search(op: SearchOp, filter: Filter, scope: Scope, context: SqlContext) -> Statement[Any]:
    """Plan the search for `op.limit` items after `op.offset`, newest `updated_at` first.

    Ties are ordered by user, namespace and key, so pages are disjoint and complete.
    """
    regions = scope.regions(op.namespace_prefix)
    if len(regions) > 1 or regions[0].user_id is None:
        sql, arguments = _across_users(regions, op, filter, context)
    else:
        sql, arguments = _within_a_user(regions[0], op, filter, context)

    def decode(rows: Sequence[Row]) -> Decoded[list[SearchItem]]:
        return _decode(rows, scope, refresh=op.refresh_ttl)

    opened = with_opened_values(decode, 3, first_columns, context)
    users = users_of_regions(regions)
    everything = Statement(
        sql,
        tuple(arguments),
        opened,
        queue=Queue.EQUAL_READS,
        users=users,
        kind="search_newest",
        depth=len(op.namespace_prefix),
    )
    if len(regions) > 1 or not regions[0].labels:
        return everything
    return _plan_leaf(regions[0], op, filter, everything, scope, context)


def _plan_leaf(
    region: Region,
    op: SearchOp,
    filter: Filter,
    everything: Statement[list[SearchItem]],
    scope: Scope,
    context: SqlContext,
) -> Statement[list[SearchItem]]:
    """Plan the newest of one namespace, and `everything` instead if others are below it."""
    arguments = list(everything.arguments[:5])
    condition = filter_sql(filter, arguments)
    sql = _leaf_sql(context.tables.item, context.live(), condition, context.user_column())
    user_id, stored = everything.arguments[2], encode_labels(region.labels)

    def decode(rows: Sequence[Row]) -> Decoded[list[SearchItem]]:
        if rows[0][-1]:
            return Decoded([], instead=everything)
        found: Decoded[list[SearchItem]] = Decoded([])
        for key, value, created_at, updated_at, expires_at, refreshed, *_ in rows:
            if key is None:  # the row that says so when there is none
                continue
            item = SearchItem(op.namespace_prefix, key, scope.value(value), created_at, updated_at)
            found.result.append(item)
            if op.refresh_ttl and refreshed is not None:
                found.refreshes.append(Refresh((user_id, stored, key), expires_at, refreshed))
        return found

    # A filter may have to look at a whole namespace to find its page.
    shared = not op.filter and op.limit + op.offset <= LARGEST_SHARED_PAGE
    queue = Queue.SHARED if shared else Queue.EQUAL_READS
    opened = with_opened_values(decode, 1, within(user_id, stored), context)
    user_column = 6 if context.tells_users else None
    return Statement(
        sql,
        tuple(arguments),
        opened,
        queue=queue,
        users=everything.users,
        user_column=user_column,
        kind="search_newest",
        depth=len(op.namespace_prefix),
    )


@lru_cache(maxsize=512)
def _leaf_sql(item: str, live: str, condition: str, user: str) -> str:
    return f"""
SELECT newest.*, below.some
  FROM (SELECT EXISTS (SELECT FROM {item} i
                        WHERE i.user_id = $3 AND i.place > $4 AND i.place < $5) AS some) below
  LEFT JOIN LATERAL (
    SELECT i.key, i.value, i.created_at, i.updated_at, i.expires_at, {REFRESHED} AS refreshed{user}
      FROM {item} i
     WHERE NOT below.some AND i.user_id = $3 AND i.place = $4 AND {live} AND {condition}
     ORDER BY i.updated_at DESC, i.key LIMIT $1 OFFSET $2) newest ON true"""


def _across_users(
    regions: Sequence[Region], op: SearchOp, filter: Filter, context: SqlContext
) -> tuple[str, list[Any]]:
    arguments: list[Any] = [op.limit, op.offset]
    region = region_condition(regions, arguments)
    return (
        f"""
SELECT {_NEWEST_COLUMNS}
  FROM {context.tables.item} i
 WHERE {region} AND {context.live()} AND {filter_sql(filter, arguments)}
 ORDER BY i.updated_at DESC, i.user_id, i.place, i.key
 LIMIT $1 OFFSET $2""",
        arguments,
    )


def _within_a_user(
    region: Region, op: SearchOp, filter: Filter, context: SqlContext
) -> tuple[str, list[Any]]:
    start = sort_key(region.labels)
    arguments: list[Any] = [op.limit, op.offset, region.user_id, start]
    if region.labels:
        arguments.append(first_sort_key_after(start))
    condition = filter_sql(filter, arguments)
    return _within_a_user_sql(
        context.tables.item, context.live(), bool(region.labels), condition
    ), arguments


@lru_cache(maxsize=512)
def _within_a_user_sql(item: str, live: str, bounded: bool, condition: str) -> str:
    end = "AND i.place < $5" if bounded else ""
    page = f"""SELECT {_NEWEST_COLUMNS}
          FROM {item} i
         WHERE i.user_id = $3 AND {live} AND {condition}"""
    return f"""
WITH RECURSIVE walk AS (
    -- The namespaces at or below the prefix: one index probe each, not one row each.
    (SELECT i.place FROM {item} i
      WHERE i.user_id = $3 AND i.place >= $4 {end} ORDER BY i.place LIMIT 1)
    UNION ALL
    SELECT following.place
      FROM walk CROSS JOIN LATERAL (
           SELECT i.place FROM {item} i
            WHERE i.user_id = $3 AND i.place > walk.place {end} ORDER BY i.place LIMIT 1) following
), spaces AS MATERIALIZED (
    SELECT place FROM walk LIMIT {MANY_NAMESPACES + 1}
)
SELECT * FROM (
    -- Few namespaces: the newest of each, in the order of the index.
    SELECT newest.* FROM spaces CROSS JOIN LATERAL (
        {page} AND i.place = spaces.place
         ORDER BY i.updated_at DESC, i.key LIMIT $1::bigint + $2::bigint) newest
     WHERE (SELECT count(*) FROM spaces) <= {MANY_NAMESPACES}
    UNION ALL
    -- Many: everything below the prefix, sorted.
    ({page} AND i.place >= $4 {end} AND (SELECT count(*) FROM spaces) > {MANY_NAMESPACES}
         ORDER BY i.updated_at DESC, i.place, i.key LIMIT $1::bigint + $2::bigint)
) found
 ORDER BY updated_at DESC, place, key
 LIMIT $1 OFFSET $2"""


def _decode(rows: Sequence[Row], scope: Scope, *, refresh: bool) -> Decoded[list[SearchItem]]:
    found: Decoded[list[SearchItem]] = Decoded([])
    for row in rows:
        user_id, stored, key, value, created_at, updated_at, expires_at, refreshed = row[:8]
        found.result.append(
            SearchItem(
                namespace=scope.labels(user_id, decode_labels(stored)),
                key=key,
                value=scope.value(value),
                created_at=created_at,
                updated_at=updated_at,
            )
        )
        if refresh and refreshed is not None:
            found.refreshes.append(Refresh((user_id, stored, key), expires_at, refreshed))
    return found
