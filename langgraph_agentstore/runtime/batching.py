"""Batching: operations that arrive while others are in flight are sent together.

An operation that finds its queue idle is sent at once, alone. Those that arrive meanwhile make the
next batch. A batch that the server refuses is run again in parts until the failing operations are
alone. So one bad operation fails alone, and one locked item delays only its own write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

from ..errors import ItemLockedError, StoreTimeoutError, StoreUnavailableError
from .caller_requests import PendingOperation
from .observation import working_for

WIDTH = 3
"""How many batches are in flight at once: the client prepares one while the server works."""

SMALLEST_SHARE = 64
"""The waiting operations are divided over several batches only if each has this many."""

MOST_OPERATIONS = 4096
"""The most operations of one statement; larger batches only add latency."""

BYPASS_AFTER_S = 0.02
"""How long a slow batch may hold its queue; after that, another batch may bypass it."""

PARTS = 8
"""How many parts a refused batch is divided into; each level costs the time of one more refusal."""

Execute = Callable[[Sequence[PendingOperation]], Awaitable[None]]
KindOf = Callable[[PendingOperation], Hashable]
Settled = Callable[[Sequence[PendingOperation]], None]


class BatchQueue:
    """A queue of operations that one statement can do together.

    `execute` runs a batch, whose operations are all of one `kind`, and stores the results.
    `settled` is called with operations that are done or failed. `WIDTH` batches are in flight at
    once, up to `widest` when they are slow. Which of them get a connection, the pool decides.
    """

    def __init__(
        self,
        execute: Execute,
        settled: Settled,
        *,
        widest: int,
        deadline_s: float,
        kind: KindOf | None = None,
    ) -> None:
        self._execute = execute
        self._settled = settled
        self._width = min(WIDTH, widest)
        self._widest = widest
        self._deadline_s = deadline_s
        self._kind = kind
        self.waiting: list[PendingOperation] = []
        self._in_flight: set[asyncio.Task[None]] = set()
        self._bypass_timer: asyncio.TimerHandle | None = None
        self._waiting_for_locks: set[asyncio.Task[None]] = set()
        self._running: dict[asyncio.Task[Any], Sequence[PendingOperation]] = {}
        self._abandoned: set[asyncio.Task[Any]] = set()
        # Those who wait for locks take turns, so that they take no connections from the others.
        self._lock_turn = asyncio.Semaphore(1)

    def spread(self, kind: KindOf | None = None) -> None:
        """Send batches of this kind from now on, as many at once as there are connections."""
        self._kind, self._width = kind, self._widest

    def add(self, entry: PendingOperation) -> None:
        """Queue an operation; `dispatch` sends it."""
        self.waiting.append(entry)

    @property
    def unfinished(self) -> set[asyncio.Task[None]]:
        """The batches in flight, and the operations that wait for locks."""
        return self._in_flight | self._waiting_for_locks

    def dispatch(self) -> None:
        """Send what waits if there is room; else check again after `BYPASS_AFTER_S`."""
        while self.waiting and len(self._in_flight) < self._width and self._send():
            pass
        full = self._width <= len(self._in_flight) < self._widest
        if self.waiting and full and self._bypass_timer is None:
            self._bypass_timer = asyncio.get_running_loop().call_later(BYPASS_AFTER_S, self._bypass)

    def abandon(self) -> None:
        """Stop reads whose callers have all given up.

        Do not call it on a queue of writes: a write in flight keeps its place, so that no later
        write is overwritten by it.
        """
        for task, entries in self._running.items():
            if task not in self._abandoned and all(entry.request.cancelled for entry in entries):
                self._abandoned.add(task)
                task.cancel()

    def _bypass(self) -> None:
        self._bypass_timer = None
        if self.waiting and len(self._in_flight) < self._widest:
            self._send()
        self.dispatch()

    def _send(self) -> bool:
        """Send the next batch; return False if all that waits is held back by earlier writes."""
        share = -(-len(self.waiting) // (self._width + 1))
        batch = self._next_batch(min(max(share, SMALLEST_SHARE), MOST_OPERATIONS))
        if batch:
            loop = asyncio.get_running_loop()
            task = loop.create_task(self._attempt(batch, loop.time() + self._deadline_s))
            self._in_flight.add(task)
            task.add_done_callback(self._completed)
        return bool(batch)

    def _next_batch(self, size: int) -> list[PendingOperation]:
        """Take a batch of one kind from the queue; the rest keeps its order."""
        if self._kind is None:
            first, self.waiting = self.waiting[:size], self.waiting[size:]
            return first
        kind = self._kind(self.waiting[0])
        batch: list[PendingOperation] = []
        rest: list[PendingOperation] = []
        for entry in self.waiting:
            fits = len(batch) < size and self._kind(entry) == kind
            (batch if fits else rest).append(entry)
        self.waiting = rest
        return batch

    def _completed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        if self.waiting:
            self.dispatch()

    async def _attempt(self, entries: Sequence[PendingOperation], deadline: float) -> None:
        error = await self._error_of(entries)
        if error is not None and _is_of_some_operations(error):
            parts = _divided(self._groups(entries))
            if len(parts) > 1:
                await asyncio.gather(*[self._attempt(part, deadline) for part in parts])
                return
            if len(entries) > 1 or isinstance(error, ItemLockedError):
                # It runs apart from here on, so that the queue may send another batch.
                task = asyncio.get_running_loop().create_task(
                    self._wait_for_lock(entries, deadline)
                )
                self._waiting_for_locks.add(task)
                task.add_done_callback(self._waiting_for_locks.discard)
                return
        self._done(entries, error)

    async def _wait_for_lock(self, entries: Sequence[PendingOperation], deadline: float) -> None:
        """Run the operations of one item until its lock ends, or one by one if refused together."""
        error = await self._error_while_locked(entries, deadline)
        if error is None or len(entries) == 1 or not _is_of_some_operations(error):
            self._done(entries, error)
            return
        for entry in entries:
            error = await self._error_while_locked([entry], deadline)
            if error is not None:
                entry.request.fail(entry.position, error)
        self._done(entries)

    async def _error_while_locked(
        self, entries: Sequence[PendingOperation], deadline: float
    ) -> Exception | None:
        loop = asyncio.get_running_loop()
        while True:
            async with self._lock_turn:
                error = await self._error_of(entries)
            if not isinstance(error, ItemLockedError) or loop.time() >= deadline:
                return error

    async def _error_of(self, entries: Sequence[PendingOperation]) -> Exception | None:
        """Run the operations that still have a caller; return the error raised."""
        wanted = [entry for entry in entries if not entry.request.cancelled]
        if not wanted:
            return None
        task = asyncio.current_task()
        assert task is not None
        self._running[task] = wanted
        try:
            with working_for(wanted):
                await self._execute(wanted)
        except asyncio.CancelledError:
            if task not in self._abandoned:
                raise
        except Exception as error:
            return error
        finally:
            del self._running[task]
            self._abandoned.discard(task)
        return None

    def _groups(self, entries: Sequence[PendingOperation]) -> list[list[PendingOperation]]:
        """Group operations that must stay together, in their order."""
        return [[entry] for entry in entries]

    def _done(self, entries: Sequence[PendingOperation], error: Exception | None = None) -> None:
        if error is not None:
            for entry in entries:
                entry.request.fail(entry.position, error)
        self._settled(entries)
        if self.waiting:
            self.dispatch()


def _is_of_some_operations(error: Exception) -> bool:
    """Return whether some operations of the batch are the cause, not the connection or the load."""
    if isinstance(error, ItemLockedError):
        return True
    return not isinstance(error, (StoreUnavailableError, StoreTimeoutError))


def _divided(groups: Sequence[Sequence[PendingOperation]]) -> list[list[PendingOperation]]:
    """Divide groups into at most `PARTS` lists; each group stays together."""
    size = -(-len(groups) // PARTS)
    return [
        [entry for group in groups[start : start + size] for entry in group]
        for start in range(0, len(groups), size)
    ]
