"""The feed of one watch: changes since the last look, across restarts of the server."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from functools import partial
from uuid import uuid4

from ..errors import WatchLapsedError
from ..model.addresses import ItemAddress
from ..runtime.job import Job
from ..runtime.listener import Subscription
from ..runtime.session import Session
from ..sql.change_notify import RETENTION
from .compared_records import ComparedRecords
from .sql.changes import (
    SNAPSHOT,
    StoredChange,
    begin_statement,
    decode_changes,
    end_statement,
    renew_statement,
    since_statement,
)

POLL_S = 1.0
"""How long one look waits for a change; also how often it looks unasked."""

RENEW_S = 60.0

REMEMBERED = 10_000
"""Of so many keys, those changed last, a watch knows the version that it told."""


class Watching:
    """A watch of the keys of one namespace that start with `prefix`.

    `with_below`: also of the namespaces below it; the root is above all of the user's.
    `begin`, `look` and `end` are jobs of the store. The server keeps what happens between looks. A
    watch that does not look for `RETENTION` lapses. Changes found are appended to `found`, in
    order, so that they survive the cancellation of the look that found them.
    """

    def __init__(self, at: ItemAddress, prefix: str, *, with_below: bool = False) -> None:
        self._at = at
        self._with_below = with_below
        self._users = (at.user_id,)
        self._prefix = prefix
        self._id = uuid4()
        self._subscription = Subscription(at.user_id)
        self._snapshot = ""
        self._renewed_s = 0.0
        self._looking = asyncio.Lock()
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
        await session.listener.add(self._subscription)
        session.sweeper.start_by_itself()  # for what watches leave behind that nobody ends
        fetch = partial(session.database.fetch, kind="begin_watch", users=self._users)
        await fetch(*begin_statement(self._at.user_id, self._id, session.context))
        self._snapshot = (await fetch(SNAPSHOT, ()))[0][0]
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
        at = self._at
        statement = since_statement(
            at.user_id,
            self._snapshot,
            at.stored,
            self._prefix,
            session.context,
            with_below=self._with_below,
        )
        rows = await session.database.fetch(*statement, kind="read_changes", users=self._users)
        self._snapshot, changes = decode_changes(at.user_id, rows, session.context)
        self.found.extend(change for change in changes if self._is_new(change))

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
        statement = renew_statement(self._at.user_id, self._id, session.context)
        if not await session.database.fetch(*statement, kind="renew_watch", users=self._users):
            raise WatchLapsedError(
                f"this watch did not look for {RETENTION}: what changed since then is not known; "
                "read the namespace, and watch it anew"
            )
        self._renewed_s = now

    async def _end(self, session: Session) -> None:
        if self._compared is not None:
            return
        session.listener.remove(self._subscription)
        statement = end_statement(self._at.user_id, self._id, session.context)
        await session.database.fetch(*statement, kind="end_watch", users=self._users)
