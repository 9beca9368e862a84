"""Locks of records: leases in a table of their own, so that no listing shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ...sql.item_columns import key_is
from ...sql.statement import Decoded, ItemId, Row, SqlContext, Statement, written_once


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a lock, and until when; `token` is the holder's own, None to others."""

    owner: str
    expires_at: datetime
    token: UUID | None = None


def plan_acquire(
    item_id: ItemId, owner: str, token: UUID, lease: timedelta, context: SqlContext
) -> Statement[Lease]:
    """Take the lock if nobody holds it; the lease's token tells whether it was taken."""

    def decode(rows: Sequence[Row]) -> Decoded[Lease]:
        found_owner, expires_at, found_token = rows[0]
        return Decoded(Lease(found_owner, expires_at, token if found_token == token else None))

    return Statement(
        _acquire_sql(context), (*item_id, owner, token, lease), decode, kind="acquire_lock"
    )


@written_once
def _acquire_sql(context: SqlContext) -> str:
    return f"""
INSERT INTO {context.tables.item_lock} AS l
       (user_id, namespace, key, owner, token, acquired_at, expires_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp(), clock_timestamp() + $6::interval)
    ON CONFLICT (user_id, namespace, key) DO UPDATE SET
       -- Whoever does not get it writes what is there, so that the answer tells who has it.
       owner       = CASE WHEN {_FREE} THEN excluded.owner ELSE l.owner END,
       acquired_at = CASE WHEN {_FREE} THEN excluded.acquired_at ELSE l.acquired_at END,
       token       = CASE WHEN {_FREE} THEN excluded.token ELSE l.token END,
       expires_at  = CASE WHEN {_FREE} THEN excluded.expires_at ELSE l.expires_at END
RETURNING l.owner, l.expires_at, l.token"""


_FREE = "l.expires_at <= excluded.acquired_at OR l.token = excluded.token"


def plan_renew(
    item_id: ItemId, token: UUID, lease: timedelta, context: SqlContext
) -> Statement[datetime | None]:
    """Lets the lease begin anew; until when, or None if it is no longer this token's."""
    sql = f"""
UPDATE {context.tables.item_lock} l SET expires_at = now() + $5::interval
 WHERE {key_is("l")} AND l.token = $4
   AND l.expires_at > now()
RETURNING l.expires_at"""

    def decode(rows: Sequence[Row]) -> Decoded[datetime | None]:
        return Decoded(rows[0][0] if rows else None)

    return Statement(sql, (*item_id, token, lease), decode, kind="renew_lock")


def plan_release(item_id: ItemId, token: UUID, context: SqlContext) -> Statement[bool]:
    """Release the lock; tell whether the lease still held."""
    sql = f"""
WITH released AS (
    DELETE FROM {context.tables.item_lock} l
     WHERE {key_is("l")} AND l.token = $4
    RETURNING l.expires_at
)
SELECT expires_at > now() FROM released"""

    def decode(rows: Sequence[Row]) -> Decoded[bool]:
        return Decoded(bool(rows) and rows[0][0])

    # Run twice, the second finds nothing and would report a loss.
    return Statement(sql, (*item_id, token), decode, idempotent=False, kind="release_lock")
