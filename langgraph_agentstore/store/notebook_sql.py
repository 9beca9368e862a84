"""A look at a store that costs little however much it holds: what a notebook shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langgraph.store.base import Item

from ..model.namespaces import Labels, decode_labels, labels_of_sort_key
from ..model.users import Scope
from ..sql.items.pages import keyed_item
from ..sql.sealing import first_columns, with_opened_values
from ..sql.statement import Decoded, Queue, Row, SqlContext, Statement

MOST_NAMESPACES = 20
MOST_RECORDS = 1000
"""Counting a namespace ends here."""

SAMPLED_WHOLE = 20_000
"""A sample of fewer items picks from all."""

SAMPLED_ROWS = 5_000
"""How many rows a sample of a large table reads at least, about."""

MAPPED_CHARACTERS = 200
"""How much of each value a map reads."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A namespace of a user, and how many records it has, up to `MOST_RECORDS`."""

    user_id: str
    labels: Labels
    records: int


def plan_overview(
    context: SqlContext, limit: int = MOST_NAMESPACES, user_id: str | None = None
) -> Statement[list[Glimpse]]:
    """Read the first namespaces, by user and labels: up to one more than `limit`.

    Namespaces whose records have all expired are left out. `user_id` None: of all users.
    """
    item = context.tables.item
    of_user = "" if user_id is None else "i.user_id = $3"
    walked = f"""
WITH RECURSIVE walk AS (
    -- From one namespace to the next: one probe of the index each, not one row each.
    (SELECT i.user_id, i.place, 1 AS nth FROM {item} i {of_user and f"WHERE {of_user}"}
      ORDER BY i.user_id, i.place LIMIT 1)
    UNION ALL
    SELECT following.user_id, following.place, walk.nth + 1
      FROM walk CROSS JOIN LATERAL (
        SELECT i.user_id, i.place FROM {item} i
         WHERE (i.user_id, i.place) > (walk.user_id, walk.place) {of_user and f"AND {of_user}"}
         ORDER BY i.user_id, i.place LIMIT 1) following
     WHERE walk.nth <= $1
)
SELECT walk.user_id, walk.place, live.count
  FROM walk CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT 1 FROM {item} i
         WHERE i.user_id = walk.user_id AND i.place = walk.place AND {context.live()}
         LIMIT $2) counted) live
 WHERE live.count > 0
 ORDER BY walk.user_id, walk.place"""

    def decode(rows: Sequence[Row]) -> Decoded[list[Glimpse]]:
        return Decoded([Glimpse(row[0], labels_of_sort_key(row[1]), row[2]) for row in rows])

    users = None if user_id is None else (user_id,)
    arguments = (limit, MOST_RECORDS, *(users or ()))
    sql = context.either(walked, _grouped_sql(of_user, context))
    return Statement(
        sql, arguments, decode, queue=Queue.EQUAL_READS, users=users, kind="list_overview"
    )


def _grouped_sql(of_user: str, context: SqlContext) -> str:
    """Return the same without a walk, which would go from node to node."""
    return f"""
SELECT i.user_id, i.place, least(count(*), $2)
  FROM {context.tables.item} i
 WHERE {context.live()} {of_user and f"AND {of_user}"}
 GROUP BY i.user_id, i.place
 ORDER BY i.user_id, i.place
 LIMIT $1::bigint + 1"""


def plan_sample(size: int, scope: Scope, context: SqlContext) -> Statement[list[Item]]:
    """Read `size` items, or all if there are fewer, picked by chance.

    Of a large table, pages are picked by chance first, so that it is not read whole.
    """
    item, columns = context.tables.item, "i.user_id, i.namespace, i.key, i.value"
    # Nodes do not know the size of the whole.
    sampled = context.either(
        f""" TABLESAMPLE SYSTEM ((
       SELECT CASE WHEN t.reltuples < {SAMPLED_WHOLE} THEN 100
                   ELSE least(100, 100 * ({SAMPLED_ROWS} + 20.0 * $1::integer) / t.reltuples) END
         FROM pg_catalog.pg_class t WHERE t.oid = '{item}'::regclass)::real)""",
        "",
    )
    sql = f"""
SELECT {columns}, i.created_at, i.updated_at
  FROM {item} i{sampled}
 WHERE {context.live()}
 ORDER BY random() LIMIT $1"""

    def decode(rows: Sequence[Row]) -> Decoded[list[Item]]:
        return Decoded([keyed_item(row, scope)[1] for row in rows])

    opened = with_opened_values(decode, 3, first_columns, context)
    return Statement(sql, (size,), opened, kind="sample")


@dataclass(frozen=True, slots=True)
class MappedItem:
    """An item with the vector of its first part and the beginning of its value's JSON text."""

    labels: Labels
    key: str
    text: str
    vector: Sequence[float]


def plan_mapped_items(user_id: str, limit: int, context: SqlContext) -> Statement[list[MappedItem]]:
    """Read the items of a user that have vectors, the newest first."""
    vector = f"v.embedding::{context.tables.of_extension}vector::real[]"
    text = "NULL::text" if context.sealing else f"left(i.value::text, {MAPPED_CHARACTERS})"
    sql = f"""
SELECT i.namespace, i.key, {text}, {vector}
  FROM {context.tables.item} i
  JOIN {context.vectors} v ON v.user_id = $1 AND v.namespace = i.namespace AND v.key = i.key
 WHERE i.user_id = $1 AND v.part = (
       SELECT min(p.part) FROM {context.vectors} p
        WHERE p.user_id = $1 AND p.namespace = i.namespace AND p.key = i.key)
   AND v.embedding IS NOT NULL AND {context.live()}
 ORDER BY i.updated_at DESC, i.namespace, i.key
 LIMIT $2"""

    def decode(rows: Sequence[Row]) -> Decoded[list[MappedItem]]:
        return Decoded(
            [MappedItem(decode_labels(stored), key, text or "", v) for stored, key, text, v in rows]
        )

    return Statement(sql, (user_id, limit), decode, users=(user_id,), kind="map")
