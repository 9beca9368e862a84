"""Expiry: reads extend it, and the sweep deletes expired items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..change_notify import RETENTION, notify_change
from ..item_columns import same_key
from ..statement import Refresh, SqlContext, Statement, columns_of, decode_count, written_once
from .delete import removing

REFRESHED = """CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END"""
"""Where a read moves an item's expiry to; null while less than a tenth of the ttl would be won."""


@written_once
def refresh_sql(context: SqlContext) -> str:
    return f"""
UPDATE {context.tables.item} AS i
   SET expires_at = r.expires_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
       AS r (user_id, namespace, key, seen, expires_at)
 WHERE {same_key("i", "r")}{context.of_users("i", "$1::text[]")}
   -- Written, refreshed or expired since it was read: leave it. No plain =, which the index
   -- for the sweeper would serve: many items can expire at one moment.
   AND i.expires_at IS NOT DISTINCT FROM r.seen AND {context.live()}"""


def refresh_statement(
    refreshes: Sequence[Refresh], context: SqlContext
) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that extends these expiries; their item ids must differ."""
    ordered = sorted(refreshes, key=lambda refresh: refresh.item_id)
    return refresh_sql(context), (
        *columns_of([refresh.item_id for refresh in ordered]),
        [refresh.seen for refresh in ordered],
        [refresh.expires_at for refresh in ordered],
    )


@written_once
def _sweep_sql(context: SqlContext, held: bool) -> str:
    due = "expires_at <= now()"
    if held:
        # Those that stay would fill every batch.
        due += f" AND {context.tables.quoted}.hold_of(user_id, namespace) IS NULL"
    # Over several nodes nothing is skipped: two sweepers there meet harmlessly.
    alone = context.either(" FOR UPDATE SKIP LOCKED", "")
    delete = f"""
DELETE FROM {context.tables.item} i USING expired e
 WHERE {same_key("i", "e")}"""
    return f"""
WITH expired AS (
    -- Several processes may sweep at once: each takes what no other holds.
    SELECT user_id, namespace, key FROM {context.tables.item}
     WHERE {due} ORDER BY expires_at LIMIT $1{alone}
), over AS (
    -- Leases whose holders died, of locks that nobody took since.
    DELETE FROM {context.tables.item_lock} l USING (
        SELECT user_id, namespace, key FROM {context.tables.item_lock}
         WHERE expires_at <= now() LIMIT $1{alone}) o
     WHERE {same_key("l", "o")}
), unwatched AS (
    -- Of watches whose processes were killed: nobody ends those.
    DELETE FROM {context.tables.watch} w USING (
        SELECT user_id, id FROM {context.tables.watch}
         WHERE expires_at <= now() ORDER BY user_id, id LIMIT $1{alone}) o
     WHERE w.user_id = o.user_id AND w.id = o.id
), forgotten AS (
    DELETE FROM {context.tables.change} WHERE at < now() - $2::interval
), {removing(delete, context)}, told AS (
{notify_change(context, "w.key", gone=True)}
)
SELECT count(*), count(told) FROM told"""


def plan_sweep(batch_size: int, context: SqlContext, *, held: bool = False) -> Statement[int]:
    """Plan to delete at most `batch_size` expired items, longest expired first, and count them.

    `held`: whether there are legal holds, whose items are left out.
    """
    return Statement(_sweep_sql(context, held), (batch_size, RETENTION), decode_count, kind="sweep")
