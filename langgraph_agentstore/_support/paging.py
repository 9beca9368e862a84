"""Iteration over pages, on any event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

CursorT = TypeVar("CursorT")
EntryT = TypeVar("EntryT")


class AwaitedPages(AsyncIterator[EntryT], Generic[CursorT, EntryT]):
    """Entries that `read` returns page by page: those after a cursor, each with its own cursor.

    This is no generator, since a generator left half way must be closed on its own loop.
    """

    def __init__(
        self, read: Callable[[CursorT | None], Awaitable[list[tuple[CursorT, EntryT]]]], size: int
    ) -> None:
        self._read = read
        self._size = size
        self._page: list[tuple[CursorT, EntryT]] | None = None
        self._position = 0

    async def __anext__(self) -> EntryT:
        if self._page is None:
            self._page = await self._read(None)
        elif self._position == self._size:
            self._page, self._position = await self._read(self._page[-1][0]), 0
        if self._position == len(self._page):
            raise StopAsyncIteration
        self._position += 1
        return self._page[self._position - 1][1]
