"""The feed of one watch: changes since the last look, across restarts of the server."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias
from uuid import uuid4

from ..errors import WatchLapsedError
from ..model.addresses import ItemAddress
from ..runtime.job import Job
from ..runtime.listener import Subscription
from ..runtime.session import Session
from ..sql.change_notify import RETENTION
from ..sql.statement import Operation, ResultT, Statement
from .compared_records import ComparedRecords
from .sql.changes import (
    SNAPSHOT,
    SeenChanges,
    StoredChange,
    Watcher,
    plan_begin_watch,
    plan_changes_since,
    plan_end_watch,
    plan_renew_watch,
)

POLL_S = 1.0
"""How long one look waits for a change; also how often it looks unasked."""

RENEW_S = 60.0

REMEMBERED = 10_000
"""Of so many keys, those changed last, a watch knows the version that it told."""


PlannedAt: TypeAlias = "Callable[[Callable[[ItemAddress], Statement[Any]]], Operation[Any]]"
"""Plans a statement at a namespace's address, which is another user's while it is shared."""


class Watching:
    """A watch of the keys of one namespace that start with `prefix`.

    `with_below`: also of the namespaces below it; the root is above all of the user's.
    `begin`, `look` and `end` are jobs of the store. The server keeps what happens between looks. A
    watch that does not look for `RETENTION` lapses. Changes found are appended to `found`, in
    order, so that they survive the cancellation of the look that found them. A watch is registered
    with the user whose namespace it is; where that is another one than before, it has lapsed.

    `at`: the namespace of the user's own; `planned` finds the address of what is shared.
    """

    def __init__(
        self, at: ItemAddress, planned: PlannedAt, prefix: str, *, with_below: bool = False
    ) -> None:
        self._at = at
        self._watcher = Watcher(uuid4(), at.user_id)
        self._planned = planned
        self._with_below = with_below
        self._prefix = prefix
        self._subscription = Subscription(at.user_id)
        self._snapshot = ""
        self._renewed_s = 0.0
        self._looking = asyncio.Lock()
        self._ended = False
        self._told: dict[tuple[str, str], int | None] = {}
        self._compared: ComparedRecords | None = None
        self.found: deque[StoredChange] = deque()

    def begin(self) -> Job[None]:
        """Return the job after which changes are seen."""
        return Job(self._begin, kind="begin_watch")

    def look(self, longest_s: float) -> Job[None]:
        """Return the job that finds changes since the last look, waiting up to `longest_s`.

        Raises:
            WatchLapsedError: changes may have been missed.
        """

        async def run(session: Session) -> None:
            async with self._looking:
                await self._look(session, longest_s)

        return Job(run, kind="read_changes")

    def end(self) -> Job[None]:
        """Return the job after which the server keeps no more changes for this watch."""
        return Job(self._end, kind="end_watch")

    async def _begin(self, session: Session) -> None:
        if session.context.distributed:
            self._compared = ComparedRecords(
                self._at, self._prefix, POLL_S, with_below=self._with_below
            )
            await self._compared.begin(session)
            return
        session.sweeper.start_by_itself()  # for what watches leave behind that nobody ends
        context, users = session.context, (self._watcher.user_id,)
        watched = await self._do(
            session, lambda at: plan_begin_watch(at.user_id, self._watcher, context)
        )
        self._subscription = Subscription(watched)
        await session.listener.add(self._subscription)
        rows = await session.database.fetch(SNAPSHOT, (), kind="begin_watch", users=users)
        self._snapshot = rows[0][0]
        self._renewed_s = time.monotonic()

    async def _look(self, session: Session, longest_s: float) -> None:
        if self._compared is not None:
            self.found.extend(await self._compared.look(session, longest_s))
            return
        await self._renew(session)
        await session.listener.add(self._subscription)
        self._subscription.clear()
        await self._read(session)
        if not self.found:
            await self._subscription.wait(longest_s)
            await self._read(session)

    async def _read(self, session: Session) -> None:
        since = self._prefix, self._snapshot, self._watcher, session.context
        below = self._with_below
        look: SeenChanges = await self._do(
            session, lambda at: plan_changes_since(at, *since, with_below=below)
        )
        if not look.holds and not self._ended:
            raise WatchLapsedError(
                "this watch was ended: a share of the namespace began or was revoked, or its user "
                "was deleted; what changed since then is not known. If it may be read, read it, "
                "and watch it anew"
            )
        self._snapshot = look.snapshot
        self.found.extend(change for change in look.changes if self._is_new(change))

    def _is_new(self, change: StoredChange) -> bool:
        """Return False for a put that was sent again because its answer was lost."""
        item = (change.namespace, change.key)
        told = self._told.pop(item, None)
        self._told[item] = None if change.gone else change.version
        if len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]
        return change.gone or told != change.version

    async def _renew(self, session: Session) -> None:
        now = time.monotonic()
        if now - self._renewed_s < RENEW_S:
            return
        context = session.context
        if not await self._do(
            session, lambda at: plan_renew_watch(at.user_id, self._watcher, context)
        ):
            raise WatchLapsedError(
                f"this watch did not look for {RETENTION}: what changed since then is not known; "
                "read the namespace, and watch it anew"
            )
        self._renewed_s = now

    async def _end(self, session: Session) -> None:
        if self._compared is not None:
            return
        self._ended = True  # a look of another thread may be under way
        session.listener.remove(self._subscription)
        context = session.context
        await self._do(session, lambda at: plan_end_watch(at.user_id, self._watcher, context))

    async def _do(
        self, session: Session, plan: Callable[[ItemAddress], Statement[ResultT]]
    ) -> ResultT:
        planned = self._planned(plan)
        result: ResultT = await session.result_of(planned, (self._watcher.user_id,))
        return result
