"""Agents on many threads at once, each with an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from .host import Run


async def at_once(run: Run, inputs: Iterable[dict[str, Any]], tools: Any = None) -> list[Any]:
    """What the runs come to, one thread each, all begun together; the caller's loop is free."""
    given = list(inputs)
    gate = Barrier(len(given))

    def one(input_dict: dict[str, Any]) -> Any:
        async def begin() -> Any:
            return await run(input_dict, tools)

        gate.wait(60)
        return asyncio.run(begin())

    def all_of_them() -> list[Any]:
        with ThreadPoolExecutor(len(given)) as pool:
            return list(pool.map(one, given))

    return await asyncio.to_thread(all_of_them)
