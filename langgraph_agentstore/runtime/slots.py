"""Places for statements: how many of one kind may use a connection at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Slots(asyncio.Semaphore):
    """A semaphore whose `async with` waits for a place as long as for a connection, no longer."""

    def __init__(self, places: int, timeout_s: float, busy: Callable[[], Exception]) -> None:
        super().__init__(max(1, places))
        self._timeout_s = timeout_s
        self._busy = busy

    async def __aenter__(self) -> None:
        if not self.locked():
            await self.acquire()
            return
        try:
            await asyncio.wait_for(self.acquire(), self._timeout_s)
        except asyncio.TimeoutError:
            raise self._busy() from None
