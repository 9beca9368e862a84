"""The audit of reads of one open store: reads are noted, and written together soon after."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator

from ..config.history_options import History
from ..errors import AgentStoreError
from ..security.history.reads_sql import NotedRead, plan_note_reads
from ..sql.shared_items import OfView
from ..sql.statement import Get, Query, Queue, SqlContext, Statement, Users
from .caller_requests import Request
from .statements import Database

logger = logging.getLogger("langgraph_agentstore")

WRITTEN_AFTER_S = 0.8
"""How long a read waits before it is written."""

MOST_KINDS = 100_000
"""How many kinds of reads may wait while the server refuses them; further ones are dropped."""

_READS = (Queue.SHARED, Queue.EQUAL_READS)


class ReadLog:
    """The reads that are not written yet; everything here runs on the I/O thread."""

    def __init__(self, database: Database, context: Callable[[], SqlContext]) -> None:
        self._database = database
        self._context = context
        self._noted: Counter[NotedRead] = Counter()
        self._flush_due: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    def note(self, request: Request) -> None:
        """Note what the operations of a caller's request read."""
        if request.said is None:
            return  # a request of the store's own
        for operation in request.operations:
            self._noted.update(_reads_of(operation, request.users, request.said))
        if self._noted and self._flush_due is None:
            self._flush_due = asyncio.get_running_loop().call_later(
                WRITTEN_AFTER_S, self._start_flush
            )

    async def flush(self) -> None:
        """Write everything noted so far; if that fails, the next flush tries again."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        await self._write()

    def _start_flush(self) -> None:
        self._flush_due = None
        self._flushing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        noted, self._noted = self._noted, Counter()
        if not noted:
            return
        statement = plan_note_reads(noted, self._context())
        try:
            await self._database.run(statement, ())  # their owner's function writes for all users
        except AgentStoreError as error:
            logger.warning("the audit of reads could not be written, and is tried again: %s", error)
            if len(noted) + len(self._noted) <= MOST_KINDS:
                self._noted.update(noted)


def read_log(
    history: History | None, database: Database, context: Callable[[], SqlContext]
) -> ReadLog | None:
    """Return the audit of reads of a store; None if its options ask for none."""
    if history is None or not history.audit_reads:
        return None
    return ReadLog(database, context)


def _reads_of(operation: object, users: Users | None, said: str) -> Iterator[NotedRead]:
    if isinstance(operation, OfView):
        operation = operation.own
    if isinstance(operation, Get):
        user_id, stored, key = operation.item_id
        yield NotedRead(user_id, "get", stored, key, said)
        return
    if isinstance(operation, Query):
        kind = "search"
    elif isinstance(operation, Statement) and operation.queue in _READS:
        kind = "read"
    else:
        return
    for user_id in users or operation.users or ("",):
        yield NotedRead(user_id, kind, None, None, said)
