"""The items of a map: a bounded choice of a user's items that have vectors, mostly the newest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..model.namespaces import Labels, decode_labels, first_sort_key_after, sort_key
from ..sql.item_columns import same_key
from ..sql.statement import Decoded, ItemId, Queue, Row, SqlContext, Statement
from ..store.notebook_sql import MappedItem

MOST_POINTS = 2_000

MOST_PLACES_OF_A_MAP = 50
"""Namespaces from which points are chosen."""

_CHARACTERS = 120
_LONGEST_READ = 100_000
"""Bytes of a stored value up to which its beginning is read: a longer one takes long to unpack."""


def plan_points(
    context: SqlContext, user_id: str, labels: Labels, most: int
) -> Statement[list[MappedItem]]:
    """Plan the read of up to `most` items with vectors at or below a namespace, newest first.

    Of each of the first namespaces, the newest are looked at, and of those that are not in the
    index of the newest, as many by key. So the cost does not grow with the store.
    """
    arguments: list[Any] = [user_id, most, MOST_PLACES_OF_A_MAP]
    if labels:
        place = sort_key(labels)
        arguments += [place, first_sort_key_after(place)]
    text = "NULL::text"
    if context.sealing is None:
        text = f"""CASE WHEN pg_column_size(i.value) <= {_LONGEST_READ}
                 THEN left(i.value::text, {_CHARACTERS}) END"""
    sql = f"""{_looked_at_sql(bool(labels), context)}
SELECT l.namespace, l.key, {text}, v.embedding::{context.tables.of_extension}vector::real[]
  FROM looked_at l
 CROSS JOIN LATERAL (
    SELECT v.embedding FROM {context.vectors} v
     WHERE v.user_id = $1 AND {same_key("v", "l")} AND v.embedding IS NOT NULL
       -- Another version's vector is of what the item was.
       AND v.version = l.version
     ORDER BY v.part LIMIT 1) v
  JOIN {context.tables.item} i ON i.user_id = $1 AND {same_key("i", "l")}
 ORDER BY l.updated_at DESC, l.namespace, l.key
 LIMIT $2"""

    def decode(rows: Sequence[Row]) -> Decoded[list[MappedItem]]:
        return Decoded(
            [MappedItem(decode_labels(stored), key, text or "", v) for stored, key, text, v in rows]
        )

    return Statement(
        sql,
        tuple(arguments),
        decode,
        queue=Queue.EQUAL_READS,
        users=(user_id,),
        kind="list_map",
    )


def _looked_at_sql(is_part: bool, context: SqlContext) -> str:
    """Return the CTEs of the items that may be points; `is_part`: only those from $4 to $5."""
    item = context.tables.item
    within = "i.place >= $4 AND i.place < $5" if is_part else "true"
    columns = "i.user_id, i.namespace, i.key, i.version, i.updated_at"
    of_place = f"i.user_id = $1 AND i.place = seen.place AND {context.live()}"
    return f"""
WITH RECURSIVE seen AS (
    (SELECT i.place, 1 AS nth FROM {item} i
      WHERE i.user_id = $1 AND {within} ORDER BY i.place LIMIT 1)
    UNION ALL
    SELECT following.place, seen.nth + 1
      FROM seen CROSS JOIN LATERAL (
        SELECT i.place FROM {item} i
         WHERE i.user_id = $1 AND i.place > seen.place AND {within}
         ORDER BY i.place LIMIT 1) following
     WHERE seen.nth < $3
), looked_at AS MATERIALIZED (
    SELECT chosen.*
      FROM seen CROSS JOIN LATERAL (
        (SELECT {columns} FROM {item} i
          WHERE {of_place} AND i.newest_at IS NOT NULL
          ORDER BY i.newest_at DESC, i.key LIMIT $2)
        UNION ALL
        (SELECT {columns} FROM {item} i
          WHERE {of_place} AND i.newest_at IS NULL
          ORDER BY i.key LIMIT $2)) chosen
     ORDER BY chosen.updated_at DESC, chosen.namespace, chosen.key
     LIMIT 2 * $2
)"""


def plan_vector_of(item_id: ItemId, context: SqlContext) -> Statement[list[float] | None]:
    """Plan the read of the vector of an item's first text; None if it has none."""
    sql = f"""
SELECT v.embedding::{context.tables.of_extension}vector::real[]
  FROM {context.vectors} v
  JOIN {context.tables.item} i
    ON i.user_id = $1 AND {same_key("i", "v")} AND i.version = v.version
 WHERE v.user_id = $1 AND v.namespace = $2 AND v.key = $3 AND v.embedding IS NOT NULL
 ORDER BY v.part LIMIT 1"""

    def decode(rows: Sequence[Row]) -> Decoded[list[float] | None]:
        return Decoded(rows[0][0] if rows else None)

    return Statement(
        sql, item_id, decode, queue=Queue.EQUAL_READS, users=(item_id[0],), kind="get_vector"
    )
