"""What is shared with the users of views: known for a while, and checked by each statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeAlias

from ..errors import DatabaseError, IsolationError, NotPermittedError
from ..model.addresses import RemovedPlace
from ..model.shared_scope import Grants
from ..sql.items.delete import delete_statement
from ..sql.items.get import plan_get_alone
from ..sql.shared_items import (
    SHARES_CHANGED,
    OfView,
    SharesRead,
    check_reached,
    checked,
    plan_shares,
)
from ..sql.statement import (
    Decoded,
    Delete,
    Get,
    Operation,
    Put,
    PutExpected,
    PutTogether,
    Query,
    Queue,
    Statement,
    Users,
)
from .index_state import CurrentIndex, IndexState, Known
from .statements import Database
from .whole_writes import statement_of_write

NONE_FOR_S = 1.0
"""How long a user with whom nothing is shared is taken for one: a new share is seen after that."""

MOST_USERS = 10_000
_ATTEMPTS = 20

Run: TypeAlias = Callable[[Any, "Users | None"], Awaitable[Any]]
"""Runs an operation for these users."""


class Shares:
    """The shares with each user, read when an operation needs them; on the I/O thread.

    Shares that are known may be out of date: each statement checks those it was planned for.
    That there are none needs no check: nothing is reached then.
    """

    def __init__(
        self,
        index: CurrentIndex,
        database: Database,
        read: Callable[[Statement[Any]], Awaitable[Any]],
        run_own: Run,
        run: Run,
    ) -> None:
        self._index, self._database = index, database
        self._read, self._run_own, self._run = read, run_own, run
        self._known: dict[str, Grants] = {}
        self._none_until_s: dict[str, float] = {}
        self._nobody_until_s = 0.0
        self._forgotten = 0

    def own_if_none(self, operation: Operation[Any]) -> Operation[Any]:
        """Return a view's own operation where nothing was shared with its user a moment ago."""
        if isinstance(operation, OfView) and self._has_none(operation.user_id):
            return operation.own
        return operation

    def _has_none(self, user_id: str) -> bool:
        if self._index.now.context.distributed:  # where nothing can be shared
            return True
        now = asyncio.get_running_loop().time()
        return now < self._nobody_until_s or now < self._none_until_s.get(user_id, 0.0)

    def forget(self, user_id: str) -> None:
        """Read anew what is shared with the user, at its next operation."""
        self._forgotten += 1
        self._known.pop(user_id, None)
        self._none_until_s.pop(user_id, None)
        self._nobody_until_s = 0.0

    async def _of(self, user_id: str) -> Grants:
        known = self._known.get(user_id)
        if known is not None:
            return known
        since_s, forgotten = asyncio.get_running_loop().time(), self._forgotten
        read: SharesRead = await self._read(plan_shares(user_id, self._index.now.context))
        if forgotten == self._forgotten:  # else it may have been read before the change
            self._keep(read, since_s + NONE_FOR_S)
        return read.grants

    def _keep(self, read: SharesRead, until_s: float) -> None:
        if len(self._known) + len(self._none_until_s) >= MOST_USERS:
            self._known.clear()
            self._none_until_s.clear()
        if read.grants.granted:
            self._known[read.grants.user_id] = read.grants
        elif read.any_at_all:
            self._none_until_s[read.grants.user_id] = until_s
        else:
            self._nobody_until_s = until_s

    async def run(self, operation: OfView[Any], users: Users | None) -> Any:
        """Run an operation of a view for what is shared at that moment."""
        for attempt in range(_ATTEMPTS):
            grants = await self._of(operation.user_id)
            if not grants.granted:
                return await self._run_own(operation.own, users)
            try:
                return await self._checked(operation.plan(grants), grants, users)
            except NotPermittedError:
                if attempt:
                    raise
            except IsolationError:
                # A write that row level security refused before its own check: was it revoked?
                self.forget(operation.user_id)
                if (await self._of(operation.user_id)).known == grants.known:
                    raise
            except DatabaseError as error:
                if error.sqlstate != SHARES_CHANGED or attempt + 1 == _ATTEMPTS:
                    raise
            self.forget(operation.user_id)
        raise AssertionError("the last attempt returns or raises")

    async def _checked(self, operation: Operation[Any], grants: Grants, users: Users | None) -> Any:
        """Run what reaches others' items, with the check that they still share them."""
        check_reached(operation, grants)

        async def run(index_state: IndexState) -> Any:
            statement = await statement_of(
                operation, grants.user_id, self._database, index_state, self._read
            )
            if statement is None:
                return None
            return await self._run(checked(statement, grants, index_state.context), users)

        return await self._index.do(run)


async def statement_of(
    operation: Operation[Any],
    writer: str,
    database: Database,
    index_state: IndexState,
    known: Known,
) -> Statement[Any] | None:
    """Return the statement of any operation but a job; None: the guard kept the value aside."""
    context = index_state.context
    if isinstance(operation, Get):
        return replace(plan_get_alone(operation, context), queue=Queue.EQUAL_READS)
    if isinstance(operation, Delete):
        deleting = delete_statement([operation], context)
        removals = (RemovedPlace(*operation.item_id),)
        return Statement(*deleting, lambda _: Decoded(None), kind="delete", removals=removals)
    if isinstance(operation, Put):
        operation.created_by = operation.created_by or writer
        statement = await statement_of_write(PutTogether([operation]), database, index_state, known)
        if statement is None:
            return None
        return Statement(statement.sql, statement.arguments, lambda _: Decoded(None), kind="put")
    if isinstance(operation, (PutExpected, PutTogether)):
        puts = operation.puts if isinstance(operation, PutTogether) else [operation.put]
        for put in puts:
            put.created_by = put.created_by or writer
        return await statement_of_write(operation, database, index_state, known)
    if isinstance(operation, Query):
        return await index_state.statement_of(operation)
    assert isinstance(operation, Statement)
    return operation
