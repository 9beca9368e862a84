"""Search without a query: the newest items at or below a namespace that pass a filter.

Most searches name a namespace that has none below it. So the first statement reads the newest
items of just that one, and says if there is more below; only then a second one is needed.

That one walks the namespaces of the prefix on the index `item_place`, takes the newest of each
and merges them. Below a prefix of more than `MANY_NAMESPACES` namespaces it sorts instead. Across
users it sorts the items of a window of time, long enough for the page.

Within a namespace the newest come from two places. Listed items have a `newest_at`, equal to
`updated_at`, and are read in the order of the index `item_newest`. The others are sorted: in a
small namespace that is all of them, so that its updates write no entry of an index. A search that
finds many to sort says so (`Decoded.grown`), and they are listed in the background. So the cost is
about that of the page, whatever the namespace's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from langgraph.store.base import SearchItem, SearchOp

from ...model.namespaces import decode_labels, encode_labels, first_sort_key_after, sort_key
from ...model.users import Region, Scope, users_of_regions
from ..filters import Filter, filter_sql
from ..region_condition import region_condition
from ..sealing import first_columns, with_opened_values, within
from ..statement import Decoded, Queue, Refresh, Row, SqlContext, Statement, written_once
from .expiry import REFRESHED

MANY_NAMESPACES = 32
"""From here on, one sort of everything below the prefix beats one index probe per namespace."""

MOST_SORTED = 4096
"""A namespace with more items than this is listed; up to there its updates are cheap."""

MOST_SORTED_BESIDE = 256
"""In a namespace with listed items, more others than this are listed, too."""

LISTED_AT_ONCE = 1000
"""How many items one statement lists: short locks, short transactions."""

ListedUpTo: TypeAlias = tuple[str, str]
"""A stored namespace, and the key up to which its items were listed."""

_MOST = "$1::bigint + $2::bigint"

_NEWEST_COLUMNS = f"""i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at,
               i.expires_at, {REFRESHED} AS refreshed, i.place"""

WINDOWS = 33
"""How many windows of time a search across users looks into; the last is of more than a year."""

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

    user_id = regions[0].user_id if len(regions) == 1 else None

    def decode(rows: Sequence[Row]) -> Decoded[list[SearchItem]]:
        found = _decode(rows, scope, refresh=op.refresh_ttl)
        if user_id is not None and rows and rows[0][9]:
            found.grown.extend((user_id, place) for place in rows[0][9])
        return found

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
    user_id, place = everything.arguments[2:4]
    stored = encode_labels(region.labels)

    def decode(rows: Sequence[Row]) -> Decoded[list[SearchItem]]:
        *_, below, grown = rows[0]
        if below:
            return Decoded([], instead=everything)
        found: Decoded[list[SearchItem]] = Decoded([], grown=[(user_id, place)] if grown else [])
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
    columns = f"""i.key, i.value, i.created_at, i.updated_at, i.expires_at,
               {REFRESHED} AS refreshed{user}"""
    return f"""
SELECT newest.*, below.some, below.grown
  -- OFFSET 0: in a batch, the server would look again for each row that is found.
  FROM (SELECT EXISTS (SELECT 1 FROM {item} i
                        WHERE i.user_id = $3 AND i.place > $4 AND i.place < $5) AS some,
               {_grown_sql(item, "$4")} AS grown OFFSET 0) below
  LEFT JOIN LATERAL (
    SELECT * FROM (
    {_both_sql(item, columns, f"NOT below.some AND i.place = $4 AND {live} AND {condition}")}
    ) found
     ORDER BY updated_at DESC, key LIMIT $1 OFFSET $2) newest ON true"""


def _both_sql(item: str, columns: str, condition: str) -> str:
    """Return the newest of one namespace, listed and others: each part in order, not the whole."""
    page = f"""SELECT {columns}
          FROM {item} i
         WHERE i.user_id = $3 AND {condition}"""
    return f"""({page} AND i.newest_at IS NOT NULL
         ORDER BY i.newest_at DESC, i.key LIMIT {_MOST})
        UNION ALL
        ({page} AND i.newest_at IS NULL
         ORDER BY i.updated_at DESC, i.key LIMIT {_MOST})"""


def _grown_sql(item: str, place: str) -> str:
    """Return the condition that so many items of a namespace are sorted that listing them pays."""
    here = f"SELECT 1 FROM {item} i WHERE i.user_id = $3 AND i.place = {place}"
    return f"""EXISTS (
           {here} AND i.newest_at IS NULL
           OFFSET CASE WHEN EXISTS ({here} AND i.newest_at IS NOT NULL)
                       THEN {MOST_SORTED_BESIDE} ELSE {MOST_SORTED} END)"""


@written_once
def _list_sql(context: SqlContext, which: str) -> str:
    item = context.tables.item
    # Whoever holds a row writes it, or lists it.
    # By their places in the table: before it is analysed, the server may take any index for a key.
    # Nodes take neither places nor locks of rows.
    columns = context.either("o.ctid", "o.namespace, o.key")
    alone = context.either("FOR UPDATE SKIP LOCKED", "")
    same = context.either(
        "i.ctid = sorted.ctid", "i.namespace = sorted.namespace AND i.key = sorted.key"
    )
    return f"""
UPDATE {item} i SET newest_at = i.updated_at
  FROM (SELECT {columns} FROM {item} o
         WHERE o.user_id = $1 AND {which} LIMIT {LISTED_AT_ONCE}
         {alone}) sorted
 WHERE i.user_id = $1 AND {same}
RETURNING i.namespace, i.key"""


def plan_list(
    user_id: str, place: str, after: ListedUpTo | None, context: SqlContext
) -> Statement[ListedUpTo | None]:
    """List items of a namespace that has grown; return how far it came, None at the end.

    The first statement finds a few quickly. If there are more, the others go through the whole
    namespace by its keys: in `item_place`, each would pass by what those before it listed.
    """
    if after is None:
        sql = _list_sql(context, "o.place = $2 AND o.newest_at IS NULL")
        arguments: tuple[str, ...] = (user_id, place)
    else:
        paged = "o.namespace = $2 AND o.key > $3 AND o.newest_at IS NULL ORDER BY o.key"
        sql, arguments = _list_sql(context, paged), (user_id, *after)

    def decode(rows: Sequence[Row]) -> Decoded[ListedUpTo | None]:
        if len(rows) < LISTED_AT_ONCE:
            return Decoded(None)
        last = "" if after is None else max(key for _, key in rows)
        return Decoded((rows[0][0], last))

    return Statement(sql, arguments, decode, users=(user_id,), kind="list_newest")


def _across_users(
    regions: Sequence[Region], op: SearchOp, filter: Filter, context: SqlContext
) -> tuple[str, list[Any]]:
    arguments: list[Any] = [op.limit, op.offset]
    item = context.tables.item
    found = f"{region_condition(regions, arguments)} AND {context.live()}"
    if op.filter:  # few may pass it, then each window is read for nothing
        found += f" AND {filter_sql(filter, arguments)}"
    elif any(region.user_id is None for region in regions):
        # Nodes sort their own; a window would be looked for over all of them, one by one.
        found += context.either(f" AND {_recent_sql(item, found)}", "")
    return (
        f"""
SELECT {_NEWEST_COLUMNS}
  FROM {item} i
 WHERE {found}
 ORDER BY i.updated_at DESC, i.user_id, i.place, i.key
 LIMIT $1 OFFSET $2""",
        arguments,
    )


def _recent_sql(item: str, found: str) -> str:
    """Return the condition of a window of time, up to now, that has the whole page.

    From ten milliseconds on, each is twice as long as the one before. `item_updated` tells
    which pages of the table have any row of a window.
    """
    within = "i.updated_at BETWEEN {} AND 'infinity'"
    enough = f"(SELECT count(*) FROM {item} i WHERE {found} AND {within.format('w.since')})"
    return within.format(f"""coalesce((
       SELECT w.since
         FROM (SELECT now() - interval '10 milliseconds' * 2 ^ n AS since
                 FROM generate_series(0, {WINDOWS - 1}) n OFFSET 0) w
        WHERE {enough} >= {_MOST} LIMIT 1), '-infinity')""")


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
SELECT *, (SELECT array_agg(s.place) FROM spaces s
            WHERE (SELECT count(*) FROM spaces) <= {MANY_NAMESPACES}
              AND {_grown_sql(item, "s.place")}) AS grown
  FROM (
    -- Few namespaces: the newest of each.
    SELECT newest.* FROM spaces CROSS JOIN LATERAL (
        {_both_sql(item, _NEWEST_COLUMNS, f"i.place = spaces.place AND {live} AND {condition}")}
    ) newest
     WHERE (SELECT count(*) FROM spaces) <= {MANY_NAMESPACES}
    UNION ALL
    -- Many: everything below the prefix, sorted.
    ({page} AND i.place >= $4 {end} AND (SELECT count(*) FROM spaces) > {MANY_NAMESPACES}
         ORDER BY i.updated_at DESC, i.place, i.key LIMIT {_MOST})
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
