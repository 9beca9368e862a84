"""Counts of reads, kept in memory until the next flush, so that reading costs no extra round trip.

Readers on any thread note what they read. The I/O thread flushes what was noted at most `FLUSH_S`
later, and once more when the store closes.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from ..errors import AgentStoreError
from ..model.addresses import ItemAddress
from ..sql.access_counts import Accesses, count_statement
from ..sql.items.records import StoredRecord, plan_one_record
from ..sql.statement import ItemId
from .job import Job
from .session import Session

logger = logging.getLogger("langgraph_agentstore")

FLUSH_S = 0.8
"""How long a read waits before it is counted; with the flush itself, less than a second."""


MOST_NOTED = 100_000
"""How many records may have uncounted reads, as on a read-only server; further ones are dropped."""

Touched: TypeAlias = tuple[ItemId, "datetime | None"]
"""A record, and when it was created; that tells it from a later record of the same id.

None stands for the record that was there when the access was noted.
"""


@dataclass(frozen=True, slots=True)
class Noted:
    """The reads of one record since the last flush; `last_s` is of the monotonic clock."""

    count: int
    last_s: float
    agent: str


class AccessLog:
    """The reads of one process that are not counted yet."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._noted: dict[Touched, Noted] = {}
        self._awaited = False
        self._flushing = asyncio.Lock()
        self._fails = False

    def note(self, touched: Iterable[Touched], count: int, agent: str) -> bool:
        """Add `count` reads of each record, 0 for a touch; return True if a flush is due."""
        now = time.monotonic()
        with self._gate:
            for record in touched:
                self._add(record, Noted(count, now, agent))
            due = bool(self._noted) and not self._awaited
            self._awaited = self._awaited or due
            return due

    def forget_touch(self, item_id: ItemId) -> None:
        """Drop a touch of a record that was replaced; it was not of the new record."""
        with self._gate:
            self._noted.pop((item_id, None), None)

    async def flush(self, session: Session) -> None:
        """Count everything noted so far; call it on the I/O thread.

        Raises:
            AgentStoreError: the server failed. The next flush counts the reads, unless nobody knows
                whether they were counted.
        """
        async with self._flushing:
            with self._gate:
                taken, self._noted, self._awaited = self._noted, {}, False
            if not taken:
                return
            try:
                statement = count_statement(_accesses(taken), session.context)
                users = tuple({item_id[0] for item_id, _ in taken})
                # A second run would count twice.
                await session.database.fetch(
                    *statement, kind="count_reads", users=users, idempotent=False
                )
            except AgentStoreError as error:
                if getattr(error, "written", False) is not None:
                    self._put_back(taken)
                raise

    async def flushed(self, session: Session) -> bool:
        """Do the same, and return whether it was done; if not, log why and keep what was noted."""
        try:
            await self.flush(session)
        except AgentStoreError as error:
            # Once, not every second: a read-only server always refuses it.
            if not self._fails:
                logger.warning("counting reads failed, and is tried again: %s", error)
            self._fails = True
        else:
            self._fails = False
        return not self._fails

    @property
    def flush_job(self) -> Job[None]:
        """The job that flushes, for callers on other threads."""
        return Job(self.flush, kind="count_reads")

    def record_job(self, at: ItemAddress, key: str) -> Job[StoredRecord | None]:
        """Return the job that reads a record and adds what is noted of it; one statement."""

        async def run(session: Session) -> StoredRecord | None:
            statement = plan_one_record(at, key, session.context)
            # No flush meanwhile, so that a read is either in the table or noted, never both.
            async with self._flushing:
                asked_s = time.monotonic()
                rows = await session.database.fetch(
                    statement.sql, statement.arguments, kind="get_record", users=(at.user_id,)
                )
                record = statement.decode(rows).result
                if record is None:
                    return None
                # By the server's clock: late by the time of the round trip, never early.
                epoch = rows[0][-1] - timedelta(seconds=asked_s)
                return self._counted(record, (at.user_id, at.stored, key), epoch)

        return Job(run, kind="get_record")

    def _counted(self, record: StoredRecord, item_id: ItemId, epoch: datetime) -> StoredRecord:
        """Add what is noted of the record; `epoch` is when the monotonic clock was 0."""
        with self._gate:
            reads = self._noted.get((item_id, record.created_at))
            touch = self._noted.get((item_id, None))
        if touch is not None and epoch + timedelta(seconds=touch.last_s) < record.created_at:
            touch = None  # of a former record
        noted = sorted([n for n in (reads, touch) if n is not None], key=lambda n: n.last_s)
        if not noted:
            return record
        last = noted[-1]
        at = epoch + timedelta(seconds=last.last_s)
        return replace(
            record,
            access_count=record.access_count + sum(n.count for n in noted),
            last_accessed_at=at,
            last_accessed_by=last.agent,
        )

    def _put_back(self, taken: dict[Touched, Noted]) -> None:
        with self._gate:
            if len(taken) + len(self._noted) > MOST_NOTED:
                return
            later, self._noted = self._noted, taken
            for record, noted in later.items():
                self._add(record, noted)

    def _add(self, record: Touched, noted: Noted) -> None:
        known = self._noted.get(record)
        if known is not None:
            noted = replace(noted, count=noted.count + known.count)
        self._noted[record] = noted


def _accesses(noted: dict[Touched, Noted]) -> list[Accesses]:
    now = time.monotonic()
    return [
        Accesses(item_id, created_at, n.count, timedelta(seconds=now - n.last_s), n.agent)
        for (item_id, created_at), n in noted.items()
    ]
