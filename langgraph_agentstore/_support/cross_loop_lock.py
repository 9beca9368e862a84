"""A lock for threads and for coroutines of any event loop, first come first served."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import Future
from weakref import WeakKeyDictionary

from ..errors import BlockingCallError

_of: WeakKeyDictionary[object, CrossLoopLock] = WeakKeyDictionary()


def lock_of(owner: object) -> CrossLoopLock:
    """Return the one lock of all that write to the same object."""
    return _of.setdefault(owner, CrossLoopLock())


class CrossLoopLock:
    """A lock for `with` and `async with`; waiting in the latter blocks no event loop."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        # The first of them holds the lock, the others wait; each with the loop it runs on.
        self._queue: deque[tuple[Future[None], asyncio.AbstractEventLoop | None]] = deque()

    def __enter__(self) -> None:
        loop = _running_loop()
        with self._gate:
            if loop is not None and any(ahead is loop for _, ahead in self._queue):
                raise BlockingCallError(
                    "a blocking call would wait for a task of the event loop it blocks; "
                    "await the async form of the method here"
                )
            turn = self._joined(None)
        turn.result()

    def __exit__(self, *_error: object) -> None:
        self._pass_on()

    async def __aenter__(self) -> None:
        with self._gate:
            turn = self._joined(asyncio.get_running_loop())
        try:
            await asyncio.wrap_future(turn)
        except asyncio.CancelledError:
            if not turn.cancelled():  # the lock arrived at the moment of the cancellation
                self._pass_on()
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._pass_on()

    def _joined(self, loop: asyncio.AbstractEventLoop | None) -> Future[None]:
        turn: Future[None] = Future()
        self._queue.append((turn, loop))
        if len(self._queue) == 1:
            turn.set_result(None)
        return turn

    def _pass_on(self) -> None:
        with self._gate:
            self._queue.popleft()
            while self._queue and not self._queue[0][0].set_running_or_notify_cancel():
                self._queue.popleft()
            if self._queue:
                self._queue[0][0].set_result(None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
