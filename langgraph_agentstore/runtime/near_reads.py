"""Reads on the caller's own loop: one connection there, for a read that finds it idle.

A call that crosses to the I/O thread and back waits for both threads to wake. So a store that was
opened by `async with` keeps one of its connections on that loop, and a single cheap read that comes
while no other is under way there is sent on it at once: no thread, no task, no queue.

It is a short cut and never the only way. Whatever is not as usual, such as an error, a slow answer,
a lost connection or a takeover by another server, lets the session read instead, which waits,
retries and reports. A read has no effect, so reading twice is safe.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

import asyncpg

from ..config.store_options import StoreConfig
from ..errors import AgentStoreError
from ..sql.statement import Operation, Queue, Row, Users
from .batch_statements import read_gets, read_shared
from .caller_requests import PendingOperation, Request
from .connections.connector import Connection
from .connections.failover import UNANSWERED_S
from .connections.pool import CLOSE_S, Pool
from .observation import Observer
from .statements import LargeValue, decoded_large_values

if TYPE_CHECKING:
    from .session import Session

SMALLEST_POOL = 4
"""A smaller pool keeps all of its connections for itself."""

ALONE_AT_LEAST = 8
"""So many reads must have come one after the other: those at once share a statement instead."""

_AGAIN_S = 1.0
_AGAIN_AFTER_REFUSAL_S = 60.0
"""The pauses before another connection: after one was lost, and after none could be made."""


def beside(config: StoreConfig) -> StoreConfig:
    """Return the options of the session, whose pool leaves one connection for near reads."""
    most = config.pool.max_size - 1
    sizes = {"max_size": most, "min_size": min(config.pool.min_size, most)}
    return replace(config, pool=config.pool.model_copy(update=sizes))


class NearReads:
    """The connection on a loop, and the reads on it; use it on that loop only."""

    def __init__(
        self, max_idle_s: float, observer: Observer, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._loop = loop
        self._observer = observer
        self._max_idle_s = max_idle_s
        self._connection: Connection | None = None
        self._epoch = 0
        self._busy = False
        self._ended = False
        self._again_s = self._used_s = 0.0
        self._making: asyncio.Task[None] | threading.Thread | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._others = 0
        self._calls_alone = 0
        self.reads = self.made = self.lost = 0

    @property
    def size(self) -> int:
        """How many connections are open: one or none."""
        return 0 if self._connection is None else 1

    @property
    def idle(self) -> int:
        """How many connections no read uses."""
        return 0 if self._busy else self.size

    @property
    def is_here(self) -> bool:
        """Tell whether it is for callers on the running loop."""
        return asyncio.get_running_loop() is self._loop

    def begin_other(self) -> None:
        """Count a call that the session runs; together with another one, neither came alone."""
        if self._busy or self._others:
            self._calls_alone = 0
        self._others += 1

    def end_other(self) -> None:
        """Count a call off that the session ran."""
        self._others -= 1

    async def read(
        self,
        session: Session | None,
        connection: Connection,
        operations: Sequence[Operation[Any]],
        users: Users | None,
    ) -> list[Any] | None:
        """Return what a call found on the connection of `ready`; None: the session has to read."""
        assert session is not None
        request = Request(operations, users)
        self._busy = True
        try:
            if not await self._done(session, connection, request):
                return None
        except (AgentStoreError, asyncpg.PostgresError):
            return None  # the session meets it, too, and translates it
        except Exception:
            self._drop()
            return None
        except BaseException:  # the caller gave up: its answer may still come
            self._drop()
            raise
        finally:
            self._busy = False
            if self._ended:
                self._drop()
        self.reads += 1
        if self._observer.recorder is not None:
            request.context = self._observer.recorder.current()
        self._observer.finished([request])
        return request.results

    def end(self) -> None:
        """Read no more, and close the connection; call it on any thread."""
        self._ended = True
        self._call(self._drop_if_idle)

    def join(self) -> None:
        """Wait for nothing: after `end`, the loop closes the connection by itself."""

    def give_way(self) -> None:
        """Close the connection because the pool gets none; call it on any thread."""
        self._call(self._stand_back)

    async def aclose(self) -> None:
        """On this loop, read no more and say goodbye to the server; elsewhere, do nothing."""
        if not self.is_here:
            return
        self._ended = True
        if isinstance(self._making, asyncio.Task):
            self._making.cancel()
            await asyncio.wait([self._making])
        connection = self._connection
        if connection is not None and not self._busy:
            self._forget()
            with suppress(Exception):
                await connection.close(timeout=CLOSE_S)

    def ready(
        self, session: Session | None, operations: Sequence[Operation[Any]]
    ) -> Connection | None:
        """Return the connection if it may be used for this call now."""
        if session is None or len(operations) != 1:
            return None
        queue = operations[0].queue
        if queue is not Queue.GETS and queue is not Queue.SHARED:
            return None
        if self._busy or self._others or self._ended:
            return None
        self._calls_alone += 1
        if self._calls_alone < ALONE_AT_LEAST:
            return None
        connection = self._connection
        if connection is None:
            self._make_soon(session)
        elif connection.is_closed() or _epoch_of(session.database.connections) != self._epoch:
            self._drop()
            return None
        return connection

    async def _done(self, session: Session, connection: Connection, request: Request) -> bool:
        """Read and decode; return False if there is more to be read than one statement does."""
        database, started = session.database, perf_counter()
        self._used_s = monotonic()
        if self._watch is None:
            # In no caller's context: it may outlive the call by far.
            self._watch = self._loop.call_later(
                UNANSWERED_S, self._look, context=contextvars.Context()
            )

        async def fetch(
            sql: str, arguments: Sequence[Any], *, kind: str, users: Users | None, **_: object
        ) -> Sequence[Row]:
            text, given = database.as_sent(sql, arguments, kind=kind, users=users)
            # The driver's records are sequences, but its types do not say so.
            large = LargeValue.seen
            rows: Any = await connection.fetch(text, *given)
            return rows if LargeValue.seen == large else await decoded_large_values(rows)

        entry = PendingOperation(request, 0, request.operations[0])
        if entry.operation.queue is Queue.GETS:
            gotten = await read_gets([entry], database, session.context, fetch)
            request.results[0], refreshes, grown = gotten.items[0], gotten.refreshes, []
        else:
            [decoded] = await read_shared([entry], database, fetch)
            if decoded.instead is not None:
                return False
            request.results[0] = decoded.result
            refreshes, grown = decoded.refreshes, decoded.grown
        if refreshes or grown:
            with suppress(RuntimeError):  # closed meanwhile
                session.loop.call_soon_threadsafe(
                    session.follow_up, refreshes, grown, context=contextvars.Context()
                )
        if database.notes_waits:
            request.waits["server"] = perf_counter() - started
        return True

    def _make_soon(self, session: Session) -> None:
        pool = session.database.connections
        usual = session.database.has_usual_sessions and session.context.sealing is None
        if self._making is None and usual and pool.size and monotonic() >= self._again_s:
            if not pool.attempts.may_spare_one:
                self._again_s = monotonic() + _AGAIN_AFTER_REFUSAL_S
                return
            self._start_making(session)

    def _start_making(self, session: Session) -> None:
        # Not in the caller's context: the connection outlives its call.
        context = contextvars.Context()
        self._making = context.run(self._loop.create_task, self._make(session))

    async def _make(self, session: Session) -> None:
        pool, pause_s = session.database.connections, _AGAIN_AFTER_REFUSAL_S
        try:
            epoch = _epoch_of(pool)
            connection = await pool.connector.connect_apart(timed=False)
            pause_s = _AGAIN_S
            if self._ended or not session.database.has_usual_sessions:
                connection.terminate()
                return
            self._connection, self._epoch = connection, epoch
            self._used_s = monotonic()
            self.made += 1
            if self._max_idle_s:
                self._expire_later(connection, self._max_idle_s)
        except AgentStoreError:
            return  # the pool meets it, too, and logs it
        finally:
            self._making = None
            self._again_s = monotonic() + pause_s

    def _look(self) -> None:
        """Give up a read without an answer: one timer a second, not one for each read."""
        left_s = self._used_s + UNANSWERED_S - monotonic()
        self._watch = None
        if self._busy and left_s > 0:
            self._watch = self._loop.call_later(left_s, self._look)
        elif self._busy:
            self._drop()  # so the read fails at once, and the session reads

    def _expire(self, connection: Connection) -> None:
        if connection is not self._connection:
            return
        left_s = self._used_s + self._max_idle_s - monotonic()
        if self._busy or left_s > 0:
            self._expire_later(connection, max(left_s, _AGAIN_S))
        else:
            self._drop()

    def _expire_later(self, connection: Connection, seconds: float) -> None:
        self._expiry = self._loop.call_later(seconds, self._expire, connection)

    def _stand_back(self) -> None:
        self._again_s = monotonic() + _AGAIN_AFTER_REFUSAL_S
        self._drop_if_idle()

    def _drop_if_idle(self) -> None:
        if not self._busy:
            self._drop()

    def _drop(self) -> None:
        connection = self._forget()
        if connection is not None:
            self.lost += 1
            connection.terminate()

    def _forget(self) -> Connection | None:
        connection, self._connection = self._connection, None
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        return connection

    def _call(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # that loop is closed, and its connections with it
            self._loop.call_soon_threadsafe(function)


def _epoch_of(pool: Pool) -> int:
    """Return a number that changes when connections made before are to be replaced."""
    return pool.generation + pool.attempts.failovers
