"""Watches: the changes of records, one by one, as they happen."""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import AsyncIterator, Iterator

from .._support.lifecycle import AsyncClosing, Closing
from ..errors import StoreClosedError, StoreTimeoutError, StoreUnavailableError
from .change_feed import POLL_S, Watching
from .models import Change, change_of
from .operations_base import OperationsBase

logger = logging.getLogger("langgraph_agentstore")

_PAUSE_S = 0.1
"""Between two tries to reach a server that is away."""


class _Watcher:
    """The state that both forms share: changes that were read and not yet handed out."""

    def __init__(self, proxy: OperationsBase, watching: Watching, timeout_s: float | None) -> None:
        self._proxy = proxy
        self._executor = proxy.executor
        self._watching = watching
        self._timeout_s = timeout_s
        self._away = False
        self._ended = False
        # One that is dropped half way ends all the same; the server need not wait for its lapse.
        self._finalizer = weakref.finalize(self, self._executor.post, watching.end())
        self._finalizer.atexit = False

    def _longest(self, since_s: float) -> float:
        """Return the longest wait of the next look; negative if there should be none."""
        if self._timeout_s is None:
            return POLL_S
        left_s = since_s + self._timeout_s - time.monotonic()
        return min(POLL_S, left_s)

    def _next(self) -> Change | None:
        """Return the next change that was found."""
        if self._away and self._watching.found:
            logger.info("watching goes on: the server is back")
            self._away = False
        try:
            return change_of(self._watching.found.popleft(), self._proxy.settings.namespace)
        except IndexError:
            return None

    def _miss(self, error: Exception) -> None:
        if not self._away:
            logger.warning("watching goes on when the server is back: %s", error)
            self._away = True


class Watch(Closing, _Watcher, Iterator[Change]):
    """An iterator of changes. It ends after `timeout_s` without a change, or after `close`."""

    def __next__(self) -> Change:
        since_s = time.monotonic()
        while (change := self._next()) is None:
            # Short looks: a blocked one could not be interrupted everywhere.
            if self._ended or (longest_s := self._longest(since_s)) < 0:
                raise StopIteration
            try:
                self._executor.run(self._watching.look(longest_s))
            except StoreClosedError:
                raise StopIteration from None
            except (StoreUnavailableError, StoreTimeoutError) as error:
                self._miss(error)
                time.sleep(_PAUSE_S)
        return change

    def close(self) -> None:
        """End the watch. Idempotent."""
        self._ended = True
        if self._finalizer.detach():
            self._executor.run(self._watching.end())


class AsyncWatch(AsyncClosing, _Watcher, AsyncIterator[Change]):
    """`Watch` for `async for`."""

    async def __anext__(self) -> Change:
        since_s = time.monotonic()
        while (change := self._next()) is None:
            if self._ended or (longest_s := self._longest(since_s)) < 0:
                raise StopAsyncIteration
            try:
                await self._executor.arun(self._watching.look(longest_s))
            except StoreClosedError:
                raise StopAsyncIteration from None
            except (StoreUnavailableError, StoreTimeoutError) as error:
                self._miss(error)
                await asyncio.sleep(_PAUSE_S)
        return change

    async def close(self) -> None:
        """Async form of `Watch.close`."""
        self._ended = True
        if self._finalizer.detach():
            await self._executor.arun(self._watching.end())
