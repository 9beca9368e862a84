"""Coalescing: operations that arrive while others are in flight travel together.

An operation that finds its lane idle goes out at once, alone; those that come meanwhile make
the next batch. A batch that the server refuses is run again in halves until the culprits are
alone, so one bad operation fails alone and one locked item delays only its own write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ..errors import ItemLockedError, StoreTimeoutError, StoreUnavailableError
from ..plan.model import Triple
from .calls import Ticket

LARGEST_BATCH = 4096
"""Operations in one statement at most: beyond it, latency grows and nothing is gained."""

PATIENCE_S = 0.02
"""How long a batch may hold its lane alone; a slow one is then overtaken."""

Execute = Callable[[Sequence[Ticket]], Awaitable[None]]
Settled = Callable[[Sequence[Ticket]], None]


class Lane:
    """A queue of operations that one statement can do together.

    `execute` runs a batch, all operations of one type, and fills in the results; `settled` is
    told of tickets that are done or failed. `width` batches travel at once, up to `widest` when
    they are slow. An operation waits until earlier ones on the same item have ended where
    `ordered` asks for it, so that no write is overtaken by an older one.
    """

    def __init__(
        self,
        execute: Execute,
        settled: Settled,
        *,
        width: int,
        widest: int,
        deadline_s: float,
        ordered: bool = False,
    ) -> None:
        self._execute = execute
        self._settled = settled
        self._width = width
        self._widest = widest
        self._deadline_s = deadline_s
        self._ordered = ordered
        self._busy: set[Triple] = set()
        self._waiting: list[Ticket] = []
        self._flying: set[asyncio.Task[None]] = set()
        self._overtaking: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """Operations queued, not sent."""
        return len(self._waiting)

    def add(self, ticket: Ticket) -> None:
        """Queues a ticket; `depart` then lets it go."""
        self._waiting.append(ticket)

    def depart(self) -> None:
        """Sends what waits, if there is room; else asks again after a while."""
        if not self._waiting:
            return
        if len(self._flying) < self._width:
            self._send()
        elif self._overtaking is None and len(self._flying) < self._widest:
            self._overtaking = asyncio.get_running_loop().call_later(PATIENCE_S, self._overtake)

    def _overtake(self) -> None:
        self._overtaking = None
        if len(self._flying) < self._widest:
            self._send()
        self.depart()

    def _send(self) -> None:
        batch = self._next_batch()
        if batch:
            task = asyncio.get_running_loop().create_task(self._fly(batch))
            self._flying.add(task)

    def _next_batch(self) -> list[Ticket]:
        if not self._ordered:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            return batch
        batch = []
        held: list[Ticket] = []
        kind: type | None = None
        blocked = set(self._busy)
        for ticket in self._waiting:
            operation = ticket.operation
            free = operation.triple not in blocked and len(batch) < LARGEST_BATCH
            if free and type(operation) is (kind or type(operation)):
                kind = type(operation)
                batch.append(ticket)
            else:
                blocked.add(operation.triple)
                held.append(ticket)
        self._busy.update([ticket.operation.triple for ticket in batch])
        self._waiting = held
        return batch

    async def _fly(self, batch: Sequence[Ticket]) -> None:
        task = asyncio.current_task()
        try:
            deadline = asyncio.get_running_loop().time() + self._deadline_s
            await self._attempt(batch, deadline)
        finally:
            self._flying.discard(task)
            self.depart()

    async def _attempt(self, tickets: Sequence[Ticket], deadline: float) -> None:
        try:
            await self._execute(tickets)
        except Exception as error:
            if _parts_may_fare_better(tickets, error, deadline):
                await self._attempt_parts(tickets, deadline)
                return
            for ticket in tickets:
                ticket.call.fail(ticket.position, error)
        self._done(tickets)

    async def _attempt_parts(self, tickets: Sequence[Ticket], deadline: float) -> None:
        middle = len(tickets) // 2
        parts = [part for part in (tickets[:middle], tickets[middle:]) if part]
        await asyncio.gather(*[self._attempt(part, deadline) for part in parts])

    def _done(self, tickets: Sequence[Ticket]) -> None:
        if self._ordered:
            self._busy.difference_update([ticket.operation.triple for ticket in tickets])
        self._settled(tickets)
        self.depart()


def _parts_may_fare_better(tickets: Sequence[Ticket], error: Exception, deadline: float) -> bool:
    """Whether trying again in halves can help; a lone operation waits on for its item's lock."""
    if isinstance(error, ItemLockedError):
        return asyncio.get_running_loop().time() < deadline
    if isinstance(error, (StoreUnavailableError, StoreTimeoutError)):
        return False
    return len(tickets) > 1
