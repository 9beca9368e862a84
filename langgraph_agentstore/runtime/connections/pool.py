"""The pool: who may use a connection, how many there are, and what happens if none can be made.

A connection is lent for one use at a time. Whatever slow statements and locked items do, the other
uses together leave one connection for gets. A server that refuses further connections sets a
ceiling: the pool works with what it has, and asks for one more from time to time. If no connection
is left and the server is away, callers wait for it, and one attempt at a time is made.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

from ...config.store_options import PoolConfig
from ...errors import AgentStoreError, StoreTimeoutError
from ..driver_errors import connect_error, is_full
from .connect_attempts import Attempts
from .connector import Connection, Connector
from .failover import Held, Use, Watchdog, server_of

logger = logging.getLogger("langgraph_agentstore")

LOOK_S = 0.05
"""How long answers that have arrived may wait for a loop that is busy."""

CLOSE_S = 2.0
"""How long a connection may take to close, or to answer when it may be broken."""


@dataclass(slots=True, eq=False)
class _Waiter:
    """A caller who waits for a connection since `joined_s`, by the loop's clock."""

    use: Use
    joined_s: float
    turn: asyncio.Future[Connection]


class Pool:
    """At most `max_size` connections, on the running event loop."""

    def __init__(self, connector: Connector, config: PoolConfig) -> None:
        self.connector = connector
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._idle: dict[Connection, float] = {}  # ordered by last use
        self._held: dict[Connection, Held] = {}
        self._checked: set[Connection] = set()
        self._outdated: set[Connection] = set()
        self._in_use: dict[Use, int] = {"get": 0, "write": 0, "statement": 0, "refresh": 0}
        self._waiting: dict[Use, deque[_Waiter]] = {use: deque() for use in self._in_use}
        self._moved_s: dict[Use, float] = dict.fromkeys(self._in_use, 0.0)
        self._making: set[asyncio.Task[None]] = set()
        self.made = self.lost = 0
        self.generation = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.attempts = Attempts(config, self._loop.time)
        self._watchdog = Watchdog(connector, self._held, self._replace)
        self.on_none_left: list[Callable[[], None]] = []

    @property
    def size(self) -> int:
        """How many connections are open."""
        return len(self._idle) + len(self._held) + len(self._checked)

    @property
    def idle(self) -> int:
        """How many of the open connections no statement uses."""
        return len(self._idle)

    def open(self) -> None:
        """Start making the first `min_size` connections."""
        for _ in range(self._config.min_size):
            self._start_making()

    async def close(self) -> None:
        """Close every connection; cut off those still in use."""
        for timer in self._timers.values():
            timer.cancel()
        idle, self._idle = list(self._idle), {}
        for connection in idle:
            self._start(self._close(connection))
        for task in self._making:
            task.cancel()
        await self._watchdog.stop()
        if ending := {*self._making, *self._tasks}:
            await asyncio.wait(ending, timeout=2 * CLOSE_S)
        for connection in (*self._held, *self._idle, *self._checked, *idle):
            connection.terminate()

    @asynccontextmanager
    async def lease(self, use: Use = "statement") -> AsyncIterator[Connection]:
        """Lend a connection for as long as the block lasts; see `take`."""
        connection = await self.take(use)
        suspect = True
        try:
            yield connection
            suspect = False
        finally:
            self.give_back(connection, suspect=suspect)

    async def take(self, use: Use = "statement") -> Connection:
        """Lend a connection; `give_back` it.

        Raises:
            StoreTimeoutError: none became free within `acquire_timeout_s`, counted from when the
                queue last moved.
            StoreUnavailableError, AccessDeniedError, ConfigurationError: none can be made.
        """
        may = bool(self._idle) and (use == "get" or self._may(use))
        if may and (connection := self._pop_idle()) is not None:
            return self._hold(connection, use)
        waiter = _Waiter(use, self._loop.time(), self._loop.create_future())
        self._waiting[use].append(waiter)
        self._serve()
        try:
            return await self._turn_of(waiter)
        except BaseException:
            self._withdraw(waiter)
            raise

    def give_back(self, connection: Connection, *, suspect: bool = False) -> None:
        """Take a connection back; one that is `suspect` has to answer before it is lent again."""
        held = self._held.pop(connection, None)
        if held is not None:
            self._in_use[held.use] -= 1
            if connection.is_closed() or connection.is_in_transaction():
                self._discard(connection)
            elif connection in self._outdated:
                self._discard(connection, politely=True)
            elif suspect:
                self._checked.add(connection)
                self._start(self._check(connection))
            else:
                self._keep(connection)
        if any(self._waiting.values()):
            self._serve()

    def learn_vectors(self) -> None:
        """Let connections know the type `vector` from now on; replace those made before."""
        self.connector.vectors = True
        self.renew()

    def learn_distribution(self) -> None:
        """Let statements be planned for their users' nodes from now on; replace connections."""
        self.connector.distributed = True
        self.renew()

    def renew(self) -> None:
        """Replace the connections made so far, each when nobody uses it."""
        self.generation += 1
        self._outdated.update(self._held, self._checked)
        for connection in list(self._idle):
            del self._idle[connection]
            self._discard(connection, politely=True)

    def _may(self, use: Use) -> bool:
        return self._room(use, self.attempts.width) > 0

    def _room(self, use: Use, width: int) -> int:
        """Return how many more connections this use may have, if there are any."""
        if use == "get":
            return width
        shares = {"write": width // 2, "statement": width - 2, "refresh": width - 1}
        others = len(self._held) - self._in_use["get"]
        return min(max(1, shares[use]) - self._in_use[use], max(1, width - 1) - others)

    def _pop_idle(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.popitem()
            if not connection.is_closed():
                return connection
            self._discard(connection)
        return None

    def _hold(self, connection: Connection, use: Use) -> Connection:
        now = self._moved_s[use] = self._loop.time()
        self._held[connection] = Held(use, now)
        self._in_use[use] += 1
        if not self._watchdog.is_awake:
            self._watchdog.wake()
        return connection

    def _keep(self, connection: Connection) -> None:
        self._idle[connection] = self._loop.time()
        if self._config.max_idle_s and "expiry" not in self._timers:
            self._set_timer("expiry", self._config.max_idle_s, self._expire)

    def _discard(self, connection: Connection, *, politely: bool = False) -> None:
        self._outdated.discard(connection)
        if politely:
            self._start(self._close(connection))
        else:
            self.lost += 1
            connection.terminate()
        if not self.size:
            self.attempts.lost_all(None if politely else server_of(connection))

    async def _close(self, connection: Connection) -> None:
        with suppress(Exception):
            await connection.close(timeout=CLOSE_S)

    async def _check(self, connection: Connection) -> None:
        """Wait until a statement that was given up has ended there, and for one answer."""
        try:
            # The driver's own limit does not include the time that a cancellation takes.
            await asyncio.wait_for(connection.execute("SELECT 1"), CLOSE_S)
            alive = not connection.is_closed() and not connection.is_in_transaction()
        except Exception:
            alive = False
        finally:
            self._checked.discard(connection)
        if alive and connection not in self._outdated:
            self._keep(connection)
        else:
            self._discard(connection)
        self._serve()

    def _expire(self) -> None:
        """Close connections that were not used for `max_idle_s`."""
        now = self._loop.time()
        for connection, since_s in list(self._idle.items()):
            left_s = since_s + self._config.max_idle_s - now
            if left_s > 0:
                self._set_timer("expiry", left_s, self._expire)
                return
            del self._idle[connection]
            self._discard(connection, politely=True)

    def _replace(self, server: Any, connection: Connection) -> None:
        self.give_up(server)
        self._succeeded(connection, outdated=False)
        self._serve()

    def give_up(self, server: Any) -> None:
        """Cut off all connections to a server; statements that wait for its answer fail."""
        lost = [c for c in (*self._idle, *self._held, *self._checked) if server_of(c) == server]
        for connection in lost:
            self._idle.pop(connection, None)
            connection.terminate()
        self.attempts.failovers += 1
        logger.warning("another server took over: %d connections to %s cut", len(lost), server)

    async def _turn_of(self, waiter: _Waiter) -> Connection:
        while (left_s := self._left_s(waiter)) > 0 or await self._moved_meanwhile(waiter):
            await asyncio.wait([waiter.turn], timeout=max(left_s, 0.0))
            if waiter.turn.done():
                return waiter.turn.result()
        raise self._wait_error()

    def _left_s(self, waiter: _Waiter) -> float:
        """Return how long the queue may still stand still."""
        since_s = max(waiter.joined_s, self._moved_s[waiter.use])
        return since_s + self._config.acquire_timeout_s - self._loop.time()

    async def _moved_meanwhile(self, waiter: _Waiter) -> bool:
        """Return whether the queue had moved and a busy loop had no time to notice."""
        await asyncio.wait([waiter.turn], timeout=LOOK_S)
        return waiter.turn.done() or self._left_s(waiter) > 0

    def _withdraw(self, waiter: _Waiter) -> None:
        with suppress(ValueError):
            self._waiting[waiter.use].remove(waiter)
        if not waiter.turn.done():
            waiter.turn.cancel()
        elif waiter.turn.exception() is None:
            self.give_back(waiter.turn.result())

    def _wait_error(self) -> AgentStoreError:
        """Return the error for a caller who waited in vain."""
        failure, width = self.attempts.failure, self.attempts.width
        if failure is not None and not self.size:
            return connect_error(failure, self.connector.shown)
        which, cure = f"all {width} connections", "pool={'max_size': …} allows more, or "
        if self.attempts.ceiling is not None:
            which, cure = f"{which} that the server allows", "raise its limit, or "
        return StoreTimeoutError(
            f"{which} stayed busy for {self._config.acquire_timeout_s:g} s; nothing was sent. "
            f"{cure}find what keeps them busy"
        )

    def _serve(self) -> None:
        """Lend idle connections to those who wait longest and may have one, then make more."""
        if not any(self._waiting.values()):
            return
        while (use := self._next()) is not None:
            connection = self._pop_idle()
            if connection is None:
                break
            self._waiting[use].popleft().turn.set_result(self._hold(connection, use))
        self._grow()

    def _next(self) -> Use | None:
        waiting = [queue[0] for queue in self._waiting.values() if queue]
        may = [waiter for waiter in waiting if self._may(waiter.use)]
        return min(may, key=lambda waiter: waiter.joined_s).use if may else None

    def _grow(self) -> None:
        missing = min(self._wanted(), self._config.max_size - self.size) - len(self._making)
        if missing <= 0:
            return
        if wait_s := self.attempts.wait_s(self.size):
            self._set_timer("again", wait_s, self._serve)
            return
        if wait_s is not None:
            missing = min(missing, 1 - len(self._making))
        for _ in range(missing):
            self._start_making()

    def _wanted(self) -> int:
        """Return how many waiting callers could use a connection if there were enough."""
        most = self._config.max_size
        others = [use for use in self._waiting if use != "get"]
        found = sum(max(0, min(len(self._waiting[u]), self._room(u, most))) for u in others)
        return len(self._waiting["get"]) + min(found, max(1, most - 1))

    def _start_making(self) -> None:
        self._making.add(self._loop.create_task(self._make()))

    async def _make(self) -> None:
        generation = self.generation
        try:
            connection = await self.connector.connect()
        except Exception as error:
            self._failed(error)
        else:
            self._succeeded(connection, outdated=generation != self.generation)
        finally:
            self._making.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        self._serve()

    def _succeeded(self, connection: Connection, *, outdated: bool) -> None:
        self.made += 1
        self.attempts.succeeded(self.size, server_of(connection))
        if outdated:
            self._discard(connection, politely=True)
        else:
            self._keep(connection)

    def _failed(self, error: Exception) -> None:
        if not self.attempts.failed(error, self.size):
            self._fail_waiters(error)
        elif not self.size and is_full(error):
            for give_way in self.on_none_left:
                give_way()

    def _fail_waiters(self, error: Exception) -> None:
        for queue in self._waiting.values():
            while queue:
                failure = connect_error(error, self.connector.shown)
                failure.__cause__ = None if failure is error else error
                queue.popleft().turn.set_exception(failure)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _set_timer(self, name: str, after_s: float, then: Any) -> None:
        """Call the function after that time, unless a timer of that name is set already."""
        if name in self._timers:
            return

        def ring() -> None:
            del self._timers[name]
            then()

        self._timers[name] = self._loop.call_later(after_s, ring)
