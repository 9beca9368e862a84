"""Deleting what has expired, in bounded batches, now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

from ..errors import AgentStoreError

logger = logging.getLogger("langgraph_agentstore")

BATCH_SIZE = 1000
"""Items deleted by one statement: short locks, short transactions."""


class Sweeper:
    """Calls `sweep_batch(BATCH_SIZE)` until it finds little, then waits; on the running loop."""

    def __init__(self, sweep_batch: Callable[[int], Awaitable[int]]) -> None:
        self._sweep_batch = sweep_batch
        self._task: asyncio.Task[None] | None = None
        self.swept = 0

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def sweep(self) -> int:
        """Deletes everything that has expired; how many items that were."""
        total = 0
        while True:
            count = await self._sweep_batch(BATCH_SIZE)
            total += count
            self.swept += count
            if count < BATCH_SIZE:
                return total

    def start(self, interval_minutes: float) -> Future[None]:
        """Sweeps every `interval_minutes` from now on, in place of what interval there was.

        The future ends when this sweeping does, and ends it if it is cancelled.
        """
        if self._task is not None:
            self._task.cancel()
        loop = asyncio.get_running_loop()
        task = self._task = loop.create_task(self._repeat(interval_minutes))
        stopped: Future[None] = Future()

        def on_end(_: object) -> None:
            if not stopped.cancelled():
                stopped.set_result(None)

        def on_cancel(_: object) -> None:
            if stopped.cancelled():
                loop.call_soon_threadsafe(task.cancel)

        task.add_done_callback(on_end)
        stopped.add_done_callback(on_cancel)
        return stopped

    async def stop(self) -> bool:
        """Ends it after the batch under way is given up; whether it was running."""
        if not self.running or self._task is None:
            return False
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        return True

    async def _repeat(self, interval_minutes: float) -> None:
        while True:
            await asyncio.sleep(interval_minutes * 60)
            try:
                count = await self.sweep()
            except AgentStoreError as error:
                logger.warning("a sweep of expired items failed, the next may succeed: %s", error)
            else:
                logger.debug("swept %d expired items", count)
