"""Large values: how long a small get of one user waits while another's large ones are read."""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

from langgraph.store.base import BaseStore

from ..bench import Bench
from ..data import key
from ..results import Goal, Result
from ..sides import open_sides

NAME = "large"

_LARGE = 9
_GOAL_MS = 100
_PARTS, _PART = 100, 75_000  # together 10 MB of base64


def measure(bench: Bench) -> Iterator[Result]:
    """The longest of small gets, one after the other, beside nine gets of ten megabytes."""
    namespace = ("small",)

    async def longest_wait_ms(store: BaseStore) -> float:
        large = [asyncio.ensure_future(store.aget(("large",), f"{n}")) for n in range(_LARGE)]
        longest = 0.0
        while not all(task.done() for task in large):
            started = time.perf_counter()
            await store.aget(namespace, key(0))
            longest = max(longest, time.perf_counter() - started)
        await asyncio.gather(*large)
        return longest * 1000

    with open_sides(bench.empty("large"), bench.options.connections) as sides:
        # What compression makes hardly smaller, as base64 of an image.
        value = {
            "parts": [
                base64.b64encode(random.Random(n).randbytes(_PART)).decode() for n in range(_PARTS)
            ]
        }
        # Its pipeline never comes back from a put of ten megabytes.
        theirs = {way: store for way, store in sides.awaited.items() if way != "pipeline"}
        stores: Mapping[str, Any] = {"ours": sides.ours, **theirs}
        run = sides.loop.run_until_complete
        for store in stores.values():
            run(store.aput(namespace, key(0), {"n": 0}))
            for n in range(_LARGE):
                run(store.aput(("large",), f"{n}", value))
        waits = {
            way: tuple(run(longest_wait_ms(store)) for _ in range(bench.options.rounds))
            for way, store in stores.items()
        }
    ours = waits.pop("ours")
    rival = min(waits, key=lambda way: sum(waits[way]))
    name = f"longest small get beside {_LARGE} of 10 MB"
    yield Result(
        NAME, name, "ms", ours, waits[rival], f"official, {rival}", Goal(ours_at_most=_GOAL_MS)
    )
