"""Equal reads share one statement while it waits to be sent.

A read that comes after a write was acknowledged must see it. So it never joins a statement that
is on its way, only one that has not left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Any, TypeAlias

from ..errors import StoreTimeoutError
from ..sql.equal_reads import CopiesOfRows, read_key
from ..sql.statement import Decoded, Row, Statement
from .requests import Ticket
from .write_queue import as_ours

Fetch: TypeAlias = Callable[[Statement[Any], Callable[[], None]], Awaitable[Sequence[Row]]]
"""Runs a statement; calls its second argument right before it goes to the server."""

Answer: TypeAlias = Callable[[Ticket, Decoded[Any]], None]
"""Takes the result of one ticket."""

ANSWERED_AT_ONCE = 256
"""So many are answered before the loop gets its turn."""


class EqualReads:
    """Runs a read once for all who wait for the same, on the running event loop.

    `settled` is told of tickets that are answered or failed.
    """

    def __init__(
        self, fetch: Fetch, answer: Answer, settled: Callable[[Sequence[Ticket]], None]
    ) -> None:
        self._fetch = fetch
        self._answer = answer
        self._settled = settled
        self._unsent: dict[Hashable, list[Ticket]] = {}
        self._running: dict[asyncio.Task[None], tuple[Hashable, list[Ticket]]] = {}

    def add(self, ticket: Ticket) -> None:
        """Runs a ticket's read, or lets it join one that was not sent."""
        key = read_key(ticket.operation)
        tickets = self._unsent.get(key)
        if tickets is not None:
            tickets.append(ticket)
            return
        tickets = self._unsent[key] = [ticket]
        task = asyncio.get_running_loop().create_task(self._run(key, tickets))
        self._running[task] = key, tickets
        # Not at the end of the task itself, which may be cancelled before it begins.
        task.add_done_callback(self._ended)

    def abandon(self) -> None:
        """Stops what runs for callers who have all given up."""
        for task, (key, tickets) in list(self._running.items()):
            if all(ticket.call.cancelled for ticket in tickets):
                self._close(key, tickets)
                task.cancel()

    async def _run(self, key: Hashable, tickets: list[Ticket]) -> None:
        rows = await self._fetch(tickets[0].operation, partial(self._close, key, tickets))
        self._close(key, tickets)
        decode = _decoder(tickets, rows)
        while tickets:
            answered = tickets[:ANSWERED_AT_ONCE]
            for ticket in answered:
                self._answer(ticket, decode(ticket.operation))
            del tickets[:ANSWERED_AT_ONCE]
            self._settled(answered)
            if tickets:
                await asyncio.sleep(0)

    def _ended(self, task: asyncio.Task[None]) -> None:
        key, tickets = self._running.pop(task)
        self._close(key, tickets)
        error: BaseException | None
        if task.cancelled():
            # Nobody will look at this, but the calls must still end.
            error = StoreTimeoutError("the operation was cancelled")
        else:
            error = task.exception()
        if error is not None:
            for ticket in tickets:
                ticket.call.fail(ticket.position, as_ours(error))
        self._settled(tickets)

    def _close(self, key: Hashable, tickets: list[Ticket]) -> None:
        """From here on nobody joins."""
        if self._unsent.get(key) is tickets:
            del self._unsent[key]


def _decoder(
    tickets: Sequence[Ticket], rows: Sequence[Row]
) -> Callable[[Statement[Any]], Decoded[Any]]:
    """Gives each caller a result of its own."""
    copies = CopiesOfRows(rows, shared=len(tickets) > 1)
    first: Statement[Any] = tickets[0].operation
    again = first.again
    if again is None or len(tickets) == 1:
        return lambda statement: statement.decode(copies.next())
    known = first.decode(copies.next()).result

    def decode(statement: Statement[Any]) -> Decoded[Any]:
        if statement is first:
            return Decoded(again(known))
        return statement.decode(copies.next())

    return decode
