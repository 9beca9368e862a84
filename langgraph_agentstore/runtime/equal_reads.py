"""Equal reads: one statement for all callers who ask for the same while it waits to be sent.

A read must see every write acknowledged before it. So a read never joins a statement that is in
flight, only one that was not sent yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Any, TypeAlias

from ..errors import StoreTimeoutError
from ..sql.copies_of_rows import CopiesOfRows, read_key
from ..sql.statement import Decoded, Row, Statement
from .caller_requests import PendingOperation
from .driver_errors import as_store_error
from .observation import working_for

Fetch: TypeAlias = Callable[[PendingOperation, Callable[[], None]], Awaitable[Sequence[Row]]]
"""Runs an operation's statement; calls its second argument right before sending it."""

TakeResult: TypeAlias = Callable[[PendingOperation, Decoded[Any]], None]
"""Takes the result of one operation."""

ANSWERED_AT_ONCE = 256
"""How many operations are answered before the event loop gets its turn."""


class EqualReads:
    """Runs each read once for all who wait for the same, on the running event loop.

    `settled` is called with operations that are answered or failed.
    """

    def __init__(
        self,
        fetch: Fetch,
        answer: TakeResult,
        settled: Callable[[Sequence[PendingOperation]], None],
    ) -> None:
        self._fetch = fetch
        self._answer = answer
        self._settled = settled
        self._unsent: dict[Hashable, list[PendingOperation]] = {}
        self._running: dict[asyncio.Task[None], tuple[Hashable, list[PendingOperation]]] = {}

    def add(self, entry: PendingOperation) -> None:
        """Run the read, or let it join an equal one that was not sent yet."""
        # Only callers with the same users share a run: the server shows others other rows.
        key = read_key(entry.operation, entry.users), entry.request.reads_replica
        entries = self._unsent.get(key)
        if entries is not None:
            entries.append(entry)
            return
        entries = self._unsent[key] = [entry]
        task = asyncio.get_running_loop().create_task(self._run(key, entries))
        self._running[task] = key, entries
        # A callback, not the end of the task, which may be cancelled before it begins.
        task.add_done_callback(self._ended)

    def abandon(self) -> None:
        """Stop reads whose callers have all given up."""
        for task, (key, entries) in list(self._running.items()):
            if all(entry.request.cancelled for entry in entries):
                self._close(key, entries)
                task.cancel()

    async def _run(self, key: Hashable, entries: list[PendingOperation]) -> None:
        with working_for(entries):
            rows = await self._fetch(entries[0], partial(self._close, key, entries))
        self._close(key, entries)
        decode = _decoder(entries, rows)
        while entries:
            answered = entries[:ANSWERED_AT_ONCE]
            for entry in answered:
                self._answer(entry, decode(entry.operation))
            del entries[:ANSWERED_AT_ONCE]
            self._settled(answered)
            if entries:
                await asyncio.sleep(0)

    def _ended(self, task: asyncio.Task[None]) -> None:
        key, entries = self._running.pop(task)
        self._close(key, entries)
        error: BaseException | None
        if task.cancelled():
            # Nobody reads this error, but the requests must still end.
            error = StoreTimeoutError("the operation was cancelled")
        else:
            error = task.exception()
        if error is not None:
            for entry in entries:
                entry.request.fail(entry.position, as_store_error(error))
        self._settled(entries)

    def _close(self, key: Hashable, entries: list[PendingOperation]) -> None:
        """Let nobody join any more."""
        if self._unsent.get(key) is entries:
            del self._unsent[key]


def _decoder(
    entries: Sequence[PendingOperation], rows: Sequence[Row]
) -> Callable[[Statement[Any]], Decoded[Any]]:
    """Return a function that gives each caller a result of its own."""
    first: Statement[Any] = entries[0].operation
    if len(entries) == 1:
        return lambda statement: statement.decode(rows)
    copies = CopiesOfRows(rows, shared=True)
    again = first.again
    if again is None:
        return lambda statement: statement.decode(copies.next())
    known = first.decode(copies.next()).result

    def decode(statement: Statement[Any]) -> Decoded[Any]:
        if statement is first:
            return Decoded(again(known))
        return statement.decode(copies.next())

    return decode
