"""Access counts: the reads since the last flush are added to the table of counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .item_columns import same_key
from .statement import ItemId, SqlContext, columns_of, written_once


@dataclass(frozen=True, slots=True)
class Accesses:
    """The reads of one record by one process: their count, the age of the last one, its agent.

    `created_at` None: of the record of that triple that there was at that moment.
    """

    item_id: ItemId
    created_at: datetime | None
    count: int
    age: timedelta
    agent: str


def count_statement(
    accesses: Sequence[Accesses], context: SqlContext
) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that adds these counts; counts of removed records are dropped."""
    return _count_sql(context), (
        *columns_of([access.item_id for access in accesses]),
        [access.created_at for access in accesses],
        [access.count for access in accesses],
        [access.age for access in accesses],
        [access.agent for access in accesses],
    )


@written_once
def _count_sql(context: SqlContext) -> str:
    return f"""
INSERT INTO {context.tables.item_access} AS a
       (user_id, namespace, key, item_created_at, access_count, last_accessed_at, last_accessed_by)
SELECT p.user_id, p.namespace, p.key, i.created_at, sum(p.count), now() - min(p.age),
       (array_agg(p.agent ORDER BY p.age))[1]
  FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[],
              $6::interval[], $7::text[])
       AS p (user_id, namespace, key, created_at, count, age, agent)
  -- No lock on the item: one that is removed at this moment leaves counts behind that are nobody's.
  JOIN {context.tables.item} i
    ON {same_key("i", "p")}{context.of_users("i", "$1::text[]")}
   -- A touch without a date is of the record that was there then, not of a later one.
   AND coalesce(i.created_at = p.created_at, i.created_at <= now() - p.age)
 GROUP BY p.user_id, p.namespace, p.key, i.created_at
 ORDER BY p.user_id, p.namespace, p.key
    ON CONFLICT (user_id, namespace, key) DO UPDATE SET
       item_created_at  = excluded.item_created_at,
       access_count     = excluded.access_count
                        + CASE WHEN a.item_created_at = excluded.item_created_at
                               THEN a.access_count ELSE 0 END,
       last_accessed_by = CASE WHEN a.item_created_at = excluded.item_created_at
                                AND a.last_accessed_at > excluded.last_accessed_at
                               THEN a.last_accessed_by ELSE excluded.last_accessed_by END,
       last_accessed_at = CASE WHEN a.item_created_at = excluded.item_created_at
                               THEN greatest(a.last_accessed_at, excluded.last_accessed_at)
                               ELSE excluded.last_accessed_at END"""
