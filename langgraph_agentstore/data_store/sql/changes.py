"""Watching: which changes of a user were made since one last looked.

A row of `change` is written by the statement that changes an item. One who looks remembers the
snapshot in which it looked: new is what can be seen now and could not be seen then. So a change
comes once, however long its transaction took; those of one item come in their order, since the
second writer of an item waits for the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ...sql.change_notify import RETENTION
from ...sql.statement import Row, Sealing, SqlContext, written_once


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One change: of which item, to what; `gone` if it was removed."""

    namespace: str
    key: str
    version: int
    gone: bool
    value: Any
    at: datetime


def begin_statement(user_id: str, watch: UUID, context: SqlContext) -> tuple[str, tuple[Any, ...]]:
    """Register a watch: after its commit, writers record their changes. Forget what others left."""
    sql = f"""
WITH over AS (
    DELETE FROM {context.tables.watch} WHERE expires_at <= now()
), forgotten AS (
    DELETE FROM {context.tables.change} WHERE at < now() - $3::interval
)
INSERT INTO {context.tables.watch} (user_id, id, expires_at) VALUES ($1, $2, now() + $3::interval)
    ON CONFLICT (user_id, id) DO UPDATE SET expires_at = excluded.expires_at"""
    return sql, (user_id, watch, RETENTION)


def renew_statement(user_id: str, watch: UUID, context: SqlContext) -> tuple[str, tuple[Any, ...]]:
    """Keep a watch alive and forget old changes; nothing comes back if the watch lapsed."""
    sql = f"""
WITH forgotten AS (
    DELETE FROM {context.tables.change} WHERE user_id = $1 AND at < now() - $3::interval
)
UPDATE {context.tables.watch} SET expires_at = now() + $3::interval
 WHERE user_id = $1 AND id = $2 AND expires_at > now()
RETURNING 1"""
    return sql, (user_id, watch, RETENTION)


def end_statement(user_id: str, watch: UUID, context: SqlContext) -> tuple[str, tuple[Any, ...]]:
    """End a watch, and forget all changes if it was the user's last."""
    sql = f"""
WITH ended AS (
    DELETE FROM {context.tables.watch} WHERE user_id = $1 AND id = $2
)
DELETE FROM {context.tables.change}
 WHERE user_id = $1
   AND NOT EXISTS (SELECT 1 FROM {context.tables.watch} WHERE user_id = $1 AND id <> $2)"""
    return sql, (user_id, watch)


SNAPSHOT = "SELECT pg_current_snapshot()::text"


def watched_namespaces(namespace: str, watched: str, *, with_below: bool) -> str:
    """Return the condition that a namespace is the watched one; `with_below`: or below it."""
    same = f"{namespace} = {watched}"
    if not with_below:
        return same
    return f"({watched} = '' OR {same} OR starts_with({namespace}, {watched} || ':'))"


@written_once
def _since_sql(context: SqlContext, with_below: bool) -> str:
    namespace = watched_namespaces("c.namespace", "$3", with_below=with_below)
    return f"""
SELECT pg_current_snapshot()::text, c.namespace, c.key, c.version, c.value IS NULL, c.value, c.at
  FROM (SELECT 1) one
  LEFT JOIN {context.tables.change} c
    ON c.user_id = $1 AND c.xact >= pg_snapshot_xmin($2::text::pg_snapshot)
   AND NOT pg_visible_in_snapshot(c.xact, $2::text::pg_snapshot)
   AND {namespace} AND starts_with(c.key, $4)
 ORDER BY c.id"""


def since_statement(
    user_id: str,
    snapshot: str,
    namespace: str,
    prefix: str,
    context: SqlContext,
    *,
    with_below: bool = False,
) -> tuple[str, tuple[Any, ...]]:
    """Read what changed since a snapshot; the first column is the snapshot of this look.

    `with_below`: also in the namespaces below; "" is above all.
    """
    return _since_sql(context, with_below), (user_id, snapshot, namespace, prefix)


def decode_changes(
    user_id: str, rows: Sequence[Row], context: SqlContext
) -> tuple[str, list[StoredChange]]:
    """Return the snapshot to continue from, and the changes in order."""
    changes = [StoredChange(*row[1:]) for row in rows if row[1] is not None]
    if context.sealing is not None:
        changes = [opened_change(user_id, each, context.sealing) for each in changes]
    return rows[0][0], changes


def opened_change(user_id: str, change: StoredChange, sealing: Sealing) -> StoredChange:
    """Return the change with its value as it was before it was sealed."""
    if change.gone:
        return change
    item_id = (user_id, change.namespace, change.key)
    return replace(change, value=sealing.opened(item_id, change.value))
