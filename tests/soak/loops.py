"""Event loops for whoever works awaited."""

from __future__ import annotations

import asyncio
import threading


class Loops:
    """Event loops, each on a thread of its own."""

    def __init__(self, count: int) -> None:
        self.all = [asyncio.new_event_loop() for _ in range(count)]
        self._threads = [
            threading.Thread(target=loop.run_forever, daemon=True) for loop in self.all
        ]
        for thread in self._threads:
            thread.start()

    def tasks(self) -> list[str]:
        return [repr(task) for loop in self.all for task in asyncio.all_tasks(loop)]

    def close(self) -> None:
        for loop, thread in zip(self.all, self._threads, strict=True):
            asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
