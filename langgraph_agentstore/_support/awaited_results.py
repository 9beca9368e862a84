"""Results of blocking methods that may be awaited too.

The official async store has coroutines under the names of methods that block here. Code written
for it says `await store.setup()`: the work is done when the method returns, and awaiting its result
gives it at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any


class Done:
    """Nothing, which may be awaited; a notebook shows nothing of it."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield  # makes it a generator

    def __bool__(self) -> bool:
        return False

    def _ipython_display_(self) -> None:
        return


class Count(int):
    """A number that may be awaited."""

    def __await__(self) -> Generator[Any, None, int]:
        return int(self)
        yield  # makes it a generator


class Answer(int):
    """A truth value that may be awaited."""

    def __await__(self) -> Generator[Any, None, bool]:
        return bool(self)
        yield  # makes it a generator

    def __repr__(self) -> str:
        return repr(bool(self))

    __str__ = __repr__


class Running(Future[None]):
    """What ends when a job in the background does.

    Awaited, it gives at once what an event loop can await or cancel: a future of that loop.
    """

    def __await__(self) -> Generator[Any, None, asyncio.Future[None]]:
        return asyncio.wrap_future(self)
        yield  # makes it a generator
