"""Near reads of blocking callers: whoever reads runs the connection's loop meanwhile.

A blocking call that crosses to the I/O thread waits for two threads to wake. So a store that was
opened by `with` keeps one of its connections on a loop that no thread runs: a thread with a single
cheap read runs it until the answer is there. One thread at a time; the others' reads, and whatever
is not as usual, are the session's.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..config.store_options import StoreConfig
from ..sql.statement import Operation, ResultT, Users
from .connections.connector import Connection
from .connections.pool import CLOSE_S
from .near_reads import SMALLEST_POOL, NearReads
from .observation import Observer

if TYPE_CHECKING:
    from .session import Session


def near_reads_for(config: StoreConfig, observer: Observer, *, blocking: bool) -> NearReads | None:
    """Return the near reads of a store that is not open yet.

    They are for calls awaited on the running loop, or for blocking ones. None for a store whose
    reads may be for a standby, or are noted.
    """
    pool = config.pool
    audited = config.history is not None and config.history.audit_reads
    if pool.max_size < SMALLEST_POOL or config.replicas is not None or audited:
        return None
    if blocking:
        return DrivenReads(pool.max_idle_s, observer)
    return NearReads(pool.max_idle_s, observer, asyncio.get_running_loop())


class DrivenReads(NearReads):
    """Near reads on a loop of its own. Who holds `_turn` may run the loop, and nobody else."""

    def __init__(self, max_idle_s: float, observer: Observer) -> None:
        # Not uvloop's: whenever the main thread runs one, it makes two sockets for signals.
        super().__init__(max_idle_s, observer, asyncio.new_event_loop())
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._clock: asyncio.AbstractEventLoop | None = None
        self._finishing: threading.Thread | None = None

    @property
    def is_here(self) -> bool:
        """Tell whether this thread may run a loop: not if it runs one."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return True
        return False

    def read_driven(
        self, session: Session | None, operations: Sequence[Operation[Any]], users: Users | None
    ) -> list[Any] | None:
        """Return what a blocking call found; None: the session has to run it."""
        if not self._turn.acquire(blocking=False):
            return None
        try:
            connection = self.ready(session, operations)
            if connection is None:
                return None
            return self._drive(self.read(session, connection, operations, users))
        finally:
            self._turn.release()

    def begin_other(self) -> None:
        with self._counting:
            super().begin_other()

    def end_other(self) -> None:
        with self._counting:
            super().end_other()

    def end(self) -> None:
        """Read no more, and close the connection; call it on any thread."""
        self._ended = True
        self._finishing = self._in_turn(self._finish, last=True)

    def join(self) -> None:
        """Wait until the connection is closed, after `end`."""
        if self._finishing is not None:
            self._finishing.join()

    def _drive(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        task = self._loop.create_task(work)
        try:
            result: ResultT = self._loop.run_until_complete(task)
        except BaseException:  # as Ctrl-C: the loop stopped in the midst of the read
            task.cancel()
            with suppress(BaseException):
                self._loop.run_until_complete(task)
            self._let_close()
            raise
        if self._connection is None:
            self._let_close()
        return result

    def _let_close(self) -> None:
        """Run what the loop still has to do to close a connection that was dropped."""
        for _ in range(2):
            self._loop.run_until_complete(asyncio.sleep(0))

    def _in_turn(
        self, work: Callable[[], Coroutine[Any, Any, None]], *, last: bool = False
    ) -> threading.Thread | None:
        """Run the loop for this on a thread of its own, as soon as nobody else runs it.

        `last`: and close the loop.
        """

        def run() -> None:
            with self._turn:
                if not self._loop.is_closed():
                    self._drive(work())
                    if last:
                        self._loop.close()

        thread = threading.Thread(target=run, name="agentstore-near", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # a process that is ending starts no threads
            return None
        return thread

    async def _finish(self) -> None:
        connection = self._forget()
        if connection is not None:
            with suppress(Exception):
                await connection.close(timeout=CLOSE_S)
        await self._loop.shutdown_default_executor()

    def _start_making(self, session: Session) -> None:
        self._clock = session.loop
        self._making = self._in_turn(lambda: self._make(session))

    def _expire_later(self, connection: Connection, seconds: float) -> None:
        # This loop keeps no time while nobody runs it.
        assert self._clock is not None
        clock, expire = self._clock, lambda: self._call(lambda: self._expire(connection))
        with suppress(RuntimeError):  # closed meanwhile
            clock.call_soon_threadsafe(lambda: clock.call_later(seconds, expire))

    def _call(self, function: Callable[[], None]) -> None:
        async def call() -> None:
            function()

        self._in_turn(call)
