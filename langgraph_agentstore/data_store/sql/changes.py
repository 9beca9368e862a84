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

from ...model.addresses import ItemAddress
from ...sql.change_notify import RETENTION
from ...sql.statement import Decoded, Queue, Row, Sealing, SqlContext, Statement, written_once


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One change: of which item, to what; `gone` if it was removed."""

    namespace: str
    key: str
    version: int
    gone: bool
    value: Any
    at: datetime


@dataclass(frozen=True, slots=True)
class Watcher:
    """One watch, by its id, and the user who watches."""

    id: UUID
    user_id: str


@dataclass(frozen=True, slots=True)
class SeenChanges:
    """The result of one look: the snapshot to continue from, and the changes in order.

    `holds`: the watch is still registered with the user whose namespace it was.
    """

    snapshot: str
    holds: bool
    changes: Sequence[StoredChange]


def plan_begin_watch(user_id: str, watcher: Watcher, context: SqlContext) -> Statement[str]:
    """Plan to register a watch of a user: after its commit, writers record their changes.

    The result is the watched user. What other watches left is forgotten.
    """
    sql = f"""
WITH over AS (
    DELETE FROM {context.tables.watch} WHERE expires_at <= now()
), forgotten AS (
    DELETE FROM {context.tables.change} WHERE at < now() - $3::interval
)
INSERT INTO {context.tables.watch} (user_id, id, expires_at, watcher)
VALUES ($1, $2, now() + $3::interval, nullif($4::text, $1))
    ON CONFLICT (user_id, id) DO UPDATE SET expires_at = excluded.expires_at"""
    arguments = (user_id, watcher.id, RETENTION, watcher.user_id)
    return Statement(
        sql, arguments, lambda _: Decoded(user_id), users=(watcher.user_id,), kind="begin_watch"
    )


def plan_renew_watch(user_id: str, watcher: Watcher, context: SqlContext) -> Statement[bool]:
    """Plan to keep a watch alive and to forget old changes; False: the watch lapsed."""
    sql = f"""
WITH forgotten AS (
    DELETE FROM {context.tables.change} WHERE user_id = $1 AND at < now() - $3::interval
)
UPDATE {context.tables.watch} SET expires_at = now() + $3::interval
 WHERE user_id = $1 AND id = $2 AND expires_at > now()
RETURNING 1"""

    def decode(rows: Sequence[Row]) -> Decoded[bool]:
        return Decoded(bool(rows))

    arguments = (user_id, watcher.id, RETENTION)
    return Statement(sql, arguments, decode, users=(watcher.user_id,), kind="renew_watch")


def plan_end_watch(user_id: str, watcher: Watcher, context: SqlContext) -> Statement[None]:
    """Plan to end a watch, and to forget all changes if it was the user's last.

    Row level security spares the changes of another user: they go when that user or the sweeper
    forgets them.
    """
    sql = f"""
WITH ended AS (
    DELETE FROM {context.tables.watch} WHERE user_id = $1 AND id = $2
)
DELETE FROM {context.tables.change}
 WHERE user_id = $1
   AND NOT EXISTS (SELECT 1 FROM {context.tables.watch} WHERE user_id = $1 AND id <> $2)"""
    arguments, users = (user_id, watcher.id), (watcher.user_id,)
    return Statement(sql, arguments, lambda _: Decoded(None), users=users, kind="end_watch")


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
SELECT pg_current_snapshot()::text,
       EXISTS (SELECT 1 FROM {context.tables.watch} w WHERE w.user_id = $1 AND w.id = $5),
       c.namespace, c.key, c.version, c.value IS NULL, c.value, c.at
  FROM (SELECT 1) one
  LEFT JOIN {context.tables.change} c
    ON c.user_id = $1 AND c.xact >= pg_snapshot_xmin($2::text::pg_snapshot)
   AND NOT pg_visible_in_snapshot(c.xact, $2::text::pg_snapshot)
   AND {namespace} AND starts_with(c.key, $4)
 ORDER BY c.id"""


def plan_changes_since(
    at: ItemAddress,
    prefix: str,
    snapshot: str,
    watcher: Watcher,
    context: SqlContext,
    *,
    with_below: bool = False,
) -> Statement[SeenChanges]:
    """Plan the read of what changed in exactly this namespace since a snapshot.

    `with_below`: also in the namespaces below; the root is above all.
    """
    arguments = (at.user_id, snapshot, at.stored, prefix, watcher.id)

    def decode(rows: Sequence[Row]) -> Decoded[SeenChanges]:
        return Decoded(decode_changes(at.user_id, rows, context))

    return Statement(
        _since_sql(context, with_below),
        arguments,
        decode,
        queue=Queue.EQUAL_READS,
        users=(watcher.user_id,),
        kind="read_changes",
    )


def decode_changes(user_id: str, rows: Sequence[Row], context: SqlContext) -> SeenChanges:
    """Return what one look found."""
    changes = [StoredChange(*row[2:]) for row in rows if row[2] is not None]
    if context.sealing is not None:
        changes = [opened_change(user_id, each, context.sealing) for each in changes]
    return SeenChanges(rows[0][0], rows[0][1], changes)


def opened_change(user_id: str, change: StoredChange, sealing: Sealing) -> StoredChange:
    """Return the change with its value as it was before it was sealed."""
    if change.gone:
        return change
    item_id = (user_id, change.namespace, change.key)
    return replace(change, value=sealing.opened(item_id, change.value))
