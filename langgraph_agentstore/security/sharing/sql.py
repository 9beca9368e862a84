"""Statements that grant, revoke and list shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from ...model.addresses import ItemAddress
from ...model.namespaces import decode_labels
from ...model.shared_scope import ShareAccess
from ...sql.statement import Decoded, Row, SqlContext, Statement
from .share import Share

_SHARE_COLUMNS = "s.user_id, s.namespace, s.with_user, s.access, s.granted_at, s.granted_by"

LabelsOf = Callable[[str, tuple[str, ...]], tuple[str, ...]]
"""Returns the tuple of an owner's namespace as the caller sees it."""


def plan_share(
    at: ItemAddress,
    with_user: str,
    access: ShareAccess,
    granted_by: str | None,
    context: SqlContext,
) -> Statement[None]:
    """Plan to share a namespace; what was shared before gets the new access."""
    sql = f"""
WITH waited AS MATERIALIZED (
    SELECT {context.tables.named("wait_for_shared_writes")}($3::text) AS waited
)
INSERT INTO {context.tables.named("share")} AS s
       (user_id, namespace, with_user, place, access, granted_by)
SELECT $1, $2, $3, $4, $5, $6 FROM waited WHERE waited
    ON CONFLICT (with_user, user_id, namespace) DO UPDATE
       SET access = excluded.access, granted_at = clock_timestamp(),
           granted_by = excluded.granted_by"""
    arguments = (at.user_id, at.stored, with_user, at.sort_key, access, granted_by)
    return Statement(sql, arguments, lambda _: Decoded(None), users=(at.user_id,), kind="share")


def plan_revoke(at: ItemAddress, with_user: str, context: SqlContext) -> Statement[bool]:
    """Plan to end a share; the result tells whether there was one."""
    sql = f"""
WITH waited AS MATERIALIZED (
    SELECT {context.tables.named("wait_for_shared_writes")}($3::text) AS waited
), unwatched AS (
    -- A watch that outlived the share would show what changed before the next one.
    DELETE FROM {context.tables.watch} w WHERE w.user_id = $1 AND w.watcher = $3
)
DELETE FROM {context.tables.named("share")} s USING waited
 WHERE waited.waited AND s.user_id = $1 AND s.namespace = $2 AND s.with_user = $3
RETURNING 1"""

    def decode(rows: Sequence[Row]) -> Decoded[bool]:
        return Decoded(bool(rows))

    # A second run would find none.
    arguments = (at.user_id, at.stored, with_user)
    return Statement(
        sql, arguments, decode, idempotent=False, users=(at.user_id,), kind="revoke_share"
    )


def plan_shared_with(user_id: str, labels: LabelsOf, context: SqlContext) -> Statement[list[Share]]:
    """Plan the listing of what is shared with a user, by owner and namespace."""
    return _shares_where("s.with_user = $1", (user_id,), (user_id,), labels, context)


def plan_shared_by(
    user_id: str | None, labels: LabelsOf, context: SqlContext
) -> Statement[list[Share]]:
    """Plan the listing of what a user shares; None: every user."""
    if user_id is None:
        return _shares_where("true", (), None, labels, context)
    return _shares_where("s.user_id = $1", (user_id,), (user_id,), labels, context)


def _shares_where(
    where: str,
    arguments: tuple[Any, ...],
    users: tuple[str, ...] | None,
    labels: LabelsOf,
    context: SqlContext,
) -> Statement[list[Share]]:
    sql = f"""
SELECT {_SHARE_COLUMNS}
  FROM {context.tables.named("share")} s
 WHERE {where}
 ORDER BY s.user_id, s.place, s.with_user"""

    def share(
        owner: str, stored: str, with_user: str, access: ShareAccess, at: datetime, by: str | None
    ) -> Share:
        return Share(labels(owner, decode_labels(stored)), owner, with_user, access, at, by)

    def decode(rows: Sequence[Row]) -> Decoded[list[Share]]:
        return Decoded([share(*row) for row in rows])

    return Statement(sql, arguments, decode, users=users, kind="list_shares")
