"""Deletion of expired items, in bounded batches, at intervals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .._support.awaited_results import Running
from ..errors import AgentStoreError
from .driver_errors import is_read_only

logger = logging.getLogger("langgraph_agentstore")

BATCH_SIZE = 1000
"""How many items one statement deletes: short locks, short transactions."""


class Sweeper:
    """Calls `sweep_batch(BATCH_SIZE)` until it finds little, then waits; on the running loop.

    If TTLs are in use, it starts by itself until it is stopped once.
    """

    def __init__(
        self, sweep_batch: Callable[[int], Awaitable[int]], interval_minutes: float
    ) -> None:
        self._sweep_batch = sweep_batch
        self._interval_minutes = interval_minutes
        self._by_itself = True
        self._task: asyncio.Task[None] | None = None
        self.swept = 0

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def sweep(self) -> int:
        """Delete everything that has expired; return how many items."""
        total = 0
        while True:
            count = await self._sweep_batch(BATCH_SIZE)
            total += count
            self.swept += count
            if count < BATCH_SIZE:
                return total

    def start_by_itself(self) -> None:
        """Start at the interval of the configuration, unless it runs or was stopped."""
        if self._by_itself and not self.running:
            self.start()

    def start(self, interval_minutes: float | None = None) -> Running:
        """Sweep at this interval from now on, in place of the one before.

        The future ends when this sweeping does. Cancelling it ends the sweeping.
        """
        self._by_itself = True
        interval_minutes = interval_minutes or self._interval_minutes
        if self._task is not None:
            self._task.cancel()
        loop = asyncio.get_running_loop()
        task = self._task = loop.create_task(self._repeat(interval_minutes))
        stopped = Running()

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
        """Cancel the sweeping and the batch in flight; return whether it was running."""
        self._by_itself = False
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
                level = logging.DEBUG if is_read_only(error) else logging.WARNING
                logger.log(
                    level, "a sweep of expired items failed, the next may succeed: %s", error
                )
            else:
                logger.debug("swept %d expired items", count)
