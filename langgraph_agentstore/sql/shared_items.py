"""Statements over items that others share with a view's user.

Which namespaces these are is known before a statement is planned; the statement itself checks that
it still holds. One that finds something else fails, and is planned anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..model.namespaces import decode_labels
from ..model.shared_scope import Grant, Grants
from ..model.users import Address
from .row_users import check_rows, isolation_error
from .statement import (
    Decoded,
    Get,
    ItemId,
    OfOneItem,
    Operation,
    PutExpected,
    PutTogether,
    Query,
    Queue,
    ResultT,
    Row,
    SqlContext,
    Statement,
)

SHARES_CHANGED = "AGS01"
"""The SQLSTATE of a statement that was planned for other shares than there are."""

_FIRST_CTE = re.compile(r"\A\s*WITH (RECURSIVE )?")
_READ_QUEUES = (Queue.EQUAL_READS, Queue.SHARED, Queue.GETS)
_UNCHANGING = (*_READ_QUEUES, Queue.REFRESHES)


@dataclass(frozen=True, slots=True)
class OfView(Operation[ResultT]):
    """An operation of a view, on a tuple that may lead to another user.

    `own`: the operation if nothing is shared with the view's user; `plan` plans it for what is.
    `writes`: whether it is one of LangGraph's writes, which a batch makes after its reads.
    """

    user_id: str
    own: Operation[ResultT]
    plan: Callable[[Grants], Operation[ResultT]]
    writes: bool = False

    @property
    def kind(self) -> str:  # type: ignore[override]
        """The kind of the view's own operation."""
        return self.own.kind


@dataclass(frozen=True, slots=True)
class SharesRead:
    """Tell what is shared with one user, and whether anything is shared with anybody."""

    grants: Grants
    any_at_all: bool


def plan_shares(user_id: str, context: SqlContext) -> Statement[SharesRead]:
    """Plan the read of what is shared with a user."""
    share = context.tables.named("share")
    sql = f"""
SELECT one.known, one.any_at_all, s.user_id, s.namespace, s.access
  -- OFFSET 0: the server would read all shares again for each of them.
  FROM (SELECT {context.tables.named("known_shares")}($1::text) AS known,
               EXISTS (SELECT 1 FROM {share}) AS any_at_all OFFSET 0) one
  LEFT JOIN {share} s ON s.with_user = $1"""

    def decode(rows: Sequence[Row]) -> Decoded[SharesRead]:
        granted = [Grant(row[2], decode_labels(row[3]), row[4]) for row in rows if row[2]]
        return Decoded(SharesRead(Grants(user_id, rows[0][0], tuple(granted)), rows[0][1]))

    return Statement(
        sql, (user_id,), decode, queue=Queue.SHARED, users=(user_id,), kind="get_shares"
    )


def check_reached(operation: Operation[Any], grants: Grants) -> None:
    """Raise IsolationError if an operation is about an item that is neither own nor granted."""
    writes = not isinstance(operation, Get)
    for user_id, stored, _ in _item_ids(operation):
        if not grants.reach(Address(user_id, decode_labels(stored)), writes=writes):
            raise isolation_error()


def _item_ids(operation: Operation[Any]) -> list[ItemId]:
    if isinstance(operation, OfOneItem):
        return [operation.item_id]
    if isinstance(operation, PutExpected):
        return [operation.put.item_id]
    return [p.item_id for p in operation.puts] if isinstance(operation, PutTogether) else []


def checked(
    statement: Statement[ResultT], grants: Grants, context: SqlContext
) -> Statement[ResultT]:
    """Return the statement with the check that what is shared with the user is still just this.

    A reader extends the expiry of its own items alone, and lists them alone.
    """
    count = len(statement.arguments)
    reads = statement.queue in _READ_QUEUES
    given = f"${count + 1}::text, ${count + 2}::text, {str(not reads).lower()}"
    check = f"{context.tables.named('check_shares')}({given})"
    sql = (_checked_read if reads else _checked_write)(statement.sql, check, context)

    def decode(rows: Sequence[Row]) -> Decoded[ResultT]:
        if statement.user_column is not None:
            check_rows(rows, statement.user_column, grants.users)
        decoded = statement.decode(rows)
        if decoded.instead is not None:
            return replace(decoded, instead=checked(decoded.instead, grants, context))
        own = [each for each in decoded.refreshes if each.item_id[0] == grants.user_id]
        grown = [each for each in decoded.grown if each[0] == grants.user_id]
        return replace(decoded, refreshes=own, grown=grown)

    return replace(
        statement,
        sql=sql,
        arguments=(*statement.arguments, grants.user_id, grants.known),
        decode=decode,
        queue=Queue.EQUAL_READS if reads else Queue.ALONE,
        again=None,
    )


def _checked_read(sql: str, check: str, _context: SqlContext) -> str:
    # The condition has no column: it is evaluated once, whether or not there are rows.
    return f"""
SELECT s.* FROM (SELECT * FROM ({sql}
) q OFFSET 0) s
 WHERE (SELECT {check})"""


def _checked_write(sql: str, check: str, context: SqlContext) -> str:
    # A CTE that writes always runs, one that reads only if somebody reads it. This one finds no
    # row to write: the check returns true, or undoes the whole statement.
    checking = f"""shares_checked AS (
    UPDATE {context.tables.named("share")} SET access = access WHERE NOT (SELECT {check})
)"""
    with_check, places = _FIRST_CTE.subn(lambda start: f"{start[0]}{checking},", sql)
    return with_check if places else f"WITH {checking}\n{sql.lstrip()}"


def changes_items(operation: Operation[Any]) -> bool:
    """Return whether an operation may write what others read, as far as its kind tells."""
    if isinstance(operation, OfView):
        return changes_items(operation.own)
    if isinstance(operation, Query) or operation.queue in _UNCHANGING:
        return False
    return not getattr(operation, "reads_only", False)


def is_write(operation: Operation[Any]) -> bool:
    """Return whether a batch makes the operation after its reads."""
    if isinstance(operation, OfView):
        return operation.writes
    return operation.queue is Queue.WRITES
