"""Users and their sizes, by a walk from one to the next: no table is read as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..model.namespaces import first_text_after
from ..sql.statement import Decoded, Queue, Row, SqlContext, Statement, decode_count

MOST_ITEMS = 500
"""Counting the items of a user ends here."""

MOST_PLACES = 20
"""Counting the namespaces of a user ends here."""


@dataclass(frozen=True, slots=True)
class UserGlimpse:
    """A user, and about how much they have.

    `items` and `namespaces`: one more than the most that is counted means that there are more.
    """

    user_id: str
    items: int
    namespaces: int


def plan_users(
    context: SqlContext, *, prefix: str = "", after: str | None = None, limit: int
) -> Statement[list[UserGlimpse]]:
    """Plan the read of the next users by code point, with bounded counts."""
    arguments: list[Any] = [limit, MOST_ITEMS + 1, MOST_PLACES + 1]
    start, within = _range_of(prefix, after, arguments)
    item = context.tables.item
    walked = f"""
WITH RECURSIVE walk AS (
    {_walk(item, start, within, "$1")}
)
SELECT walk.user_id, counted.items, seen.places
  FROM walk CROSS JOIN LATERAL (
    SELECT count(*) AS items FROM (
        SELECT 1 FROM {item} i WHERE i.user_id = walk.user_id AND {context.live()} LIMIT $2) one
  ) counted CROSS JOIN LATERAL (
    WITH RECURSIVE place AS (
        (SELECT i.place, 1 AS nth FROM {item} i
          WHERE i.user_id = walk.user_id ORDER BY i.place LIMIT 1)
        UNION ALL
        SELECT following.place, place.nth + 1
          FROM place CROSS JOIN LATERAL (
            SELECT i.place FROM {item} i
             WHERE i.user_id = walk.user_id AND i.place > place.place
             ORDER BY i.place LIMIT 1) following
         WHERE place.nth < $3)
    SELECT count(*) AS places FROM place) seen
 ORDER BY walk.user_id"""
    # A walk would go from node to node.
    grouped = f"""
SELECT i.user_id, least(count(*), $2::bigint), least(count(DISTINCT i.place), $3::bigint)
  FROM {item} i
 WHERE {start} AND {within} AND {context.live()}
 GROUP BY i.user_id ORDER BY i.user_id LIMIT $1"""
    sql = context.either(walked, grouped)

    def decode(rows: Sequence[Row]) -> Decoded[list[UserGlimpse]]:
        return Decoded([UserGlimpse(*row) for row in rows])

    return Statement(sql, tuple(arguments), decode, queue=Queue.EQUAL_READS, kind="users")


def plan_number_of_users(context: SqlContext, most: int) -> Statement[int]:
    """Plan the count of the users with items, without the shared space; it ends at `most`."""
    item = context.tables.item
    walked = f"""
WITH RECURSIVE walk AS (
    {_walk(item, "i.user_id > ''", "true", "$1")}
)
SELECT count(*) FROM walk"""
    grouped = f"""
SELECT count(*) FROM (
    SELECT i.user_id FROM {item} i WHERE i.user_id > '' GROUP BY i.user_id LIMIT $1) walk"""
    sql = context.either(walked, grouped)

    return Statement(sql, (most,), decode_count, queue=Queue.EQUAL_READS, kind="users")


def _range_of(prefix: str, after: str | None, arguments: list[Any]) -> tuple[str, str]:
    """Return the conditions of the first user, and of all that follow."""
    start = ["true"]
    if prefix:
        arguments.append(prefix)
        start.append(f"i.user_id >= ${len(arguments)}")
    if after is not None:
        arguments.append(after)
        start.append(f"i.user_id > ${len(arguments)}")
    within, end = "true", first_text_after(prefix)
    if end is not None:
        arguments.append(end)
        within = f"i.user_id < ${len(arguments)}"
    return " AND ".join(start), within


def _walk(item: str, start: str, within: str, most: str) -> str:
    """Return the two parts of a recursive CTE that goes from one user to the next."""
    return f"""(SELECT i.user_id, 1 AS nth FROM {item} i
      WHERE {start} AND {within} ORDER BY i.user_id LIMIT 1)
    UNION ALL
    SELECT following.user_id, walk.nth + 1
      FROM walk CROSS JOIN LATERAL (
        SELECT i.user_id FROM {item} i
         WHERE i.user_id > walk.user_id AND {within}
         ORDER BY i.user_id LIMIT 1) following
     WHERE walk.nth < {most}"""
