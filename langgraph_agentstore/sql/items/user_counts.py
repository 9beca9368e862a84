"""The users of a store, and how much each has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..statement import Decoded, Queue, Row, SqlContext, Statement


@dataclass(frozen=True, slots=True)
class UserCount:
    """How much a user has; `user_id` "" is the shared space, which belongs to nobody."""

    user_id: str
    namespaces: int
    records: int
    first_created_at: datetime
    last_updated_at: datetime


def plan_user_counts(
    after: str | None, limit: int | None, context: SqlContext
) -> Statement[list[UserCount]]:
    """Plan the count of each user's records, by code point; the shared space is the user ""."""
    sql = f"""
SELECT i.user_id, count(DISTINCT i.namespace), count(*), min(i.created_at), max(i.updated_at)
  FROM {context.tables.item} i
 WHERE {context.live()} AND ($1::text IS NULL OR i.user_id > $1)
 GROUP BY i.user_id
 ORDER BY i.user_id
 LIMIT $2"""

    def decode(rows: Sequence[Row]) -> Decoded[list[UserCount]]:
        return Decoded([UserCount(*row) for row in rows])

    return Statement(sql, (after, limit), decode, queue=Queue.EQUAL_READS, kind="count_users")
