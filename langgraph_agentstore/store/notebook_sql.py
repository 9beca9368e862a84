"""A look at a store that costs little however much it holds: what a notebook shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..model.namespaces import Labels, labels_of_sort_key
from ..sql.statement import Decoded, Queue, Row, SqlContext, Statement

MOST_NAMESPACES = 20
MOST_RECORDS = 1000
"""Counting a namespace ends here."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A namespace of a user, and how many records it has, up to `MOST_RECORDS`."""

    user_id: str
    labels: Labels
    records: int


def plan_overview(context: SqlContext) -> Statement[list[Glimpse]]:
    """Read the first namespaces, by user and labels: up to one more than `MOST_NAMESPACES`.

    Namespaces whose records have all expired are left out.
    """
    item = context.tables.item
    sql = f"""
WITH RECURSIVE walk AS (
    -- From one namespace to the next: one probe of the index each, not one row each.
    (SELECT i.user_id, i.place, 1 AS nth FROM {item} i ORDER BY i.user_id, i.place LIMIT 1)
    UNION ALL
    SELECT following.user_id, following.place, walk.nth + 1
      FROM walk CROSS JOIN LATERAL (
        SELECT i.user_id, i.place FROM {item} i
         WHERE (i.user_id, i.place) > (walk.user_id, walk.place)
         ORDER BY i.user_id, i.place LIMIT 1) following
     WHERE walk.nth <= $1
)
SELECT walk.user_id, walk.place, live.count
  FROM walk CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT FROM {item} i
         WHERE i.user_id = walk.user_id AND i.place = walk.place AND {context.live()}
         LIMIT $2) counted) live
 WHERE live.count > 0
 ORDER BY walk.user_id, walk.place"""

    def decode(rows: Sequence[Row]) -> Decoded[list[Glimpse]]:
        return Decoded([Glimpse(row[0], labels_of_sort_key(row[1]), row[2]) for row in rows])

    return Statement(
        sql, (MOST_NAMESPACES, MOST_RECORDS), decode, queue=Queue.EQUAL_READS, kind="list_overview"
    )
