"""Results of blocking methods that may be awaited too.

The official async store has coroutines under the names of methods that block here. Code written
for it says `await store.setup()`. The work is done when the method returns, and awaiting its
result returns it at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any


class Done:
    """An awaitable None; a notebook displays nothing for it."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield  # makes it a generator

    def __bool__(self) -> bool:
        return False

    def _ipython_display_(self) -> None:
        return


class Count(int):
    """An awaitable number."""

    def __await__(self) -> Generator[Any, None, int]:
        return int(self)
        yield  # makes it a generator


class Answer(int):
    """An awaitable truth value."""

    def __await__(self) -> Generator[Any, None, bool]:
        return bool(self)
        yield  # makes it a generator

    def __repr__(self) -> str:
        return repr(bool(self))

    __str__ = __repr__


class Running(Future[None]):
    """A future that ends when a background job does.

    Awaiting it returns at once an object that an event loop can await or cancel: a future of that
    loop.
    """

    def __await__(self) -> Generator[Any, None, asyncio.Future[None]]:
        return asyncio.wrap_future(self)
        yield  # makes it a generator
