"""Coalescing: operations that arrive while others are in flight travel together.

An operation that finds its queue idle goes out at once, alone; those that come meanwhile make
the next batch. A batch that the server refuses is run again in parts until the culprits are
alone, so one bad operation fails alone and one locked item delays only its own write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

from ..errors import ItemLockedError, StoreTimeoutError, StoreUnavailableError
from ..sql.statement import ItemId
from .requests import PendingOperation

WIDTH = 3
"""Batches of a queue in flight: while the server works on one, the client has hands on others."""

SMALLEST_SHARE = 64
"""What waits is shared out over several batches only as far as each has this many operations."""

LARGEST_BATCH = 4096
"""Operations in one statement at most: beyond it, latency grows and nothing is gained."""

BYPASS_AFTER_S = 0.02
"""How long a batch may hold its queue alone; after that, another batch may bypass it."""

PARTS = 8
"""Into how many parts a refused batch goes: each level costs the time of a refusal once more."""

Execute = Callable[[Sequence[PendingOperation]], Awaitable[None]]
Settled = Callable[[Sequence[PendingOperation]], None]


class BatchQueue:
    """A queue of operations that one statement can do together.

    `execute` runs a batch, all operations of one `kind`, and fills in the results; `settled` is
    told of entries that are done or failed. `width` batches travel at once, up to `widest` when
    they are slow. An operation waits until earlier ones on the same item have ended where
    `ordered` asks for it, so that no write is overtaken by an older one; there, one that is
    `pending` waits too, and holds up nothing but later writes to its item.
    """

    def __init__(
        self,
        execute: Execute,
        settled: Settled,
        *,
        width: int,
        widest: int,
        deadline_s: float,
        kind: Callable[[Any], Hashable] = type,
        largest: Callable[[Hashable], int] | None = None,
        ordered: bool = False,
    ) -> None:
        self._execute = execute
        self._settled = settled
        self._width = width
        self._widest = widest
        self._deadline_s = deadline_s
        self._kind = kind
        self._largest = largest
        self._ordered = ordered
        self._busy: set[ItemId] = set()
        self.waiting: list[PendingOperation] = []
        self._in_flight: set[asyncio.Task[None]] = set()
        self._bypass_timer: asyncio.TimerHandle | None = None
        self._apart: set[asyncio.Task[None]] = set()
        self._executing: dict[asyncio.Task[Any], Sequence[PendingOperation]] = {}
        self._abandoned: set[asyncio.Task[Any]] = set()
        # Those who wait for locks take turns, so that they keep no connection from the others.
        self._lock_turn = asyncio.Semaphore(1)

    def add(self, entry: PendingOperation) -> None:
        """Queue an operation; `dispatch` sends it."""
        self.waiting.append(entry)

    def dispatch(self) -> None:
        """Sends what waits, if there is room; else asks again after a while."""
        while self.waiting and len(self._in_flight) < self._width and self._send():
            pass
        full = self._width <= len(self._in_flight) < self._widest
        if self.waiting and full and self._bypass_timer is None:
            self._bypass_timer = asyncio.get_running_loop().call_later(BYPASS_AFTER_S, self._bypass)

    def refuse(self, entry: PendingOperation, error: Exception) -> None:
        """Fail an operation that waits."""
        self.waiting.remove(entry)
        entry.request.fail(entry.position, error)
        self._settled([entry])
        self.dispatch()

    def abandon(self) -> None:
        """Stops what runs for callers who have all given up; for a queue of reads only.

        A write under way keeps its place instead, so that no later one is overwritten by it.
        """
        for task, entries in self._executing.items():
            if task not in self._abandoned and all(entry.request.cancelled for entry in entries):
                self._abandoned.add(task)
                task.cancel()

    def _bypass(self) -> None:
        self._bypass_timer = None
        if len(self._in_flight) < self._widest:
            self._send()
        self.dispatch()

    def _send(self) -> bool:
        """Whether something could go: what waits may be held by earlier writes."""
        share = -(-len(self.waiting) // (self._width + 1))
        batch = self._next_batch(min(max(share, SMALLEST_SHARE), LARGEST_BATCH))
        if batch:
            loop = asyncio.get_running_loop()
            task = loop.create_task(self._attempt(batch, loop.time() + self._deadline_s))
            self._in_flight.add(task)
            task.add_done_callback(self._completed)
        return bool(batch)

    def _next_batch(self, size: int) -> list[PendingOperation]:
        """Of one kind, that of the first that may go; what is left waits on, in its order."""
        batch: list[PendingOperation] = []
        held: list[PendingOperation] = []
        kind: Hashable = None
        blocked = set(self._busy)
        for position, entry in enumerate(self.waiting):
            if len(batch) == size:
                held += self.waiting[position:]
                break
            operation = entry.operation
            if not self._ordered or not (operation.pending or operation.item_id in blocked):
                kind_of_this = self._kind(operation)
                if not batch:
                    kind = kind_of_this
                    if self._largest is not None:
                        size = min(size, self._largest(kind))
                if kind_of_this == kind:
                    batch.append(entry)
                    continue
            held.append(entry)
            if self._ordered:
                blocked.add(operation.item_id)
        if self._ordered:
            self._busy.update([entry.operation.item_id for entry in batch])
        self.waiting = held
        return batch

    def _completed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        if self.waiting:
            self.dispatch()

    async def _attempt(self, entries: Sequence[PendingOperation], deadline: float) -> None:
        error = await self._error_of(entries)
        if error is not None and _others_may_fare_better(error):
            parts = _parts(self._groups(entries))
            if len(parts) > 1:
                await asyncio.gather(*[self._attempt(part, deadline) for part in parts])
                return
            if len(entries) > 1 or isinstance(error, ItemLockedError):
                # On its own from here: this batch has room in the queue for another.
                task = asyncio.get_running_loop().create_task(self._outlast(entries, deadline))
                self._apart.add(task)
                task.add_done_callback(self._apart.discard)
                return
        self._done(entries, error)

    async def _outlast(self, entries: Sequence[PendingOperation], deadline: float) -> None:
        """One item's operations: together when its lock ends, or one by one if one is refused."""
        error = await self._patient_error_of(entries, deadline)
        if error is None or len(entries) == 1 or not _others_may_fare_better(error):
            self._done(entries, error)
            return
        for entry in entries:
            error = await self._patient_error_of([entry], deadline)
            if error is not None:
                entry.request.fail(entry.position, error)
        self._done(entries)

    async def _patient_error_of(
        self, entries: Sequence[PendingOperation], deadline: float
    ) -> Exception | None:
        loop = asyncio.get_running_loop()
        while True:
            async with self._lock_turn:
                error = await self._error_of(entries)
            if not isinstance(error, ItemLockedError) or loop.time() >= deadline:
                return error

    async def _error_of(self, entries: Sequence[PendingOperation]) -> Exception | None:
        """Executes for the callers who still want it; what that raised."""
        wanted = [entry for entry in entries if not entry.request.cancelled]
        if not wanted:
            return None
        task = asyncio.current_task()
        assert task is not None
        self._executing[task] = wanted
        try:
            await self._execute(wanted)
        except asyncio.CancelledError:
            if task not in self._abandoned:
                raise
        except Exception as error:
            return error
        finally:
            del self._executing[task]
            self._abandoned.discard(task)
        return None

    def _groups(self, entries: Sequence[PendingOperation]) -> list[list[PendingOperation]]:
        """What must stay together, in its order: where that matters, all writes to one item."""
        if not self._ordered:
            return [[entry] for entry in entries]
        items: dict[ItemId, list[PendingOperation]] = {}
        for entry in entries:
            items.setdefault(entry.operation.item_id, []).append(entry)
        return list(items.values())

    def _done(self, entries: Sequence[PendingOperation], error: Exception | None = None) -> None:
        if error is not None:
            for entry in entries:
                entry.request.fail(entry.position, error)
        if self._ordered:
            self._busy.difference_update([entry.operation.item_id for entry in entries])
        self._settled(entries)
        if self.waiting:
            self.dispatch()


def _others_may_fare_better(error: Exception) -> bool:
    """Whether the cause lies in some operations of a batch, not in the connection or the load."""
    if isinstance(error, ItemLockedError):
        return True
    return not isinstance(error, (StoreUnavailableError, StoreTimeoutError))


def _parts(groups: Sequence[Sequence[PendingOperation]]) -> list[list[PendingOperation]]:
    """At most `PARTS`; what is in one group stays together."""
    size = -(-len(groups) // PARTS)
    return [
        [entry for group in groups[start : start + size] for entry in group]
        for start in range(0, len(groups), size)
    ]
