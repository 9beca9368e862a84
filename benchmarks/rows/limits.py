"""Where calls meet limits: distance to the server, large values, memory of a walk."""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from langgraph.store.base import BaseStore

from langgraph_agentstore import AgentStore
from tests.support.proxy import Proxy

from ..bench import Bench, open_sides
from ..harness import OFFICIAL, Contestant, Goal, Result
from ..items import Dataset, key, large_and_small, mixed
from ..processes import Meter, in_new_process
from .reads import repeated

_ROUND_TRIP_S = 0.01
_GETS = 20
_LARGE, _LONGEST_WAIT_MS = 9, 100
_PARTS, _PART = 100, 75_000  # together 10 MB of base64
_LARGEST_GROWTH_MB = 100
_FEW = 5_000


def distance(bench: Bench) -> Iterator[Result]:
    """Measure 20 gets over 20 namespaces, all at once; a proxy counts the round trips."""
    namespaces = [space.namespace for space in bench.main.spaces[:_GETS]]

    async def ask(store: BaseStore) -> list[Any]:
        return await asyncio.gather(*[store.aget(namespace, key(1)) for namespace in namespaces])

    with (
        Proxy(bench.holding(bench.main), round_trip_s=_ROUND_TRIP_S) as proxy,
        open_sides(proxy.dsn, bench.options.connections) as sides,
    ):
        same = sides.agree(ask)
        ours, theirs = sides.awaiting(repeated(ask))
        name = f"{_GETS} gets, 10 ms away"
        yield bench.row(name, (ours, theirs), same=same, unit="ms", goal=Goal(10))
        our_trips, *their_trips = (
            _trips(proxy, contestant, bench.options.rounds) for contestant in (ours, *theirs)
        )
    fewest = min(their_trips, key=median)
    name, goal = f"round trips of {_GETS} gets", Goal(ours_at_most=1)
    yield Result(name, "trips", our_trips, fewest, OFFICIAL, goal, same)


def _trips(proxy: Proxy, contestant: Contestant, rounds: int) -> tuple[float, ...]:
    """Count round trips in series: calls of one moment may still leave in two batches."""
    trips = []
    for _ in range(rounds):
        proxy.reset_chains()
        contestant.run(1)
        trips.append(float(proxy.longest_chain))
    return tuple(trips)


def large(bench: Bench) -> Iterator[Result]:
    """Measure the longest of small gets, one after the other, beside nine gets of 10 MB."""
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

    # Compression hardly makes it smaller, as with an image.
    parts = [random.Random(n).randbytes(_PART) for n in range(_PARTS)]
    value = {"parts": [base64.b64encode(part).decode() for part in parts]}
    with open_sides(bench.empty("large"), bench.options.connections) as sides:
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
    name, goal = f"longest small get beside {_LARGE} of 10 MB", Goal(ours_at_most=_LONGEST_WAIT_MS)
    yield Result(name, "ms", ours, waits[rival], f"{OFFICIAL}, {rival}", goal)


def memory(bench: Bench) -> Iterator[Result]:
    """Measure how a fresh process grows that iterates all items of this and of a small store."""
    whole = large_and_small(1_000_000, 100) if bench.options.million else bench.main
    small = mixed(500, _FEW // 500)
    few, many = (_growth_mb(bench, dataset) for dataset in (small, whole))
    name = f"memory of iterating {whole.count:,} items"
    rival = f"ours, {small.count:,} items"
    yield Result(name, "MB", many, few, rival, Goal(ours_at_most=_LARGEST_GROWTH_MB))


def _growth_mb(bench: Bench, dataset: Dataset) -> tuple[float, ...]:
    found = [in_new_process(walk, bench.holding(dataset)) for _ in range(bench.options.slow_rounds)]
    if counts := {items for items, _ in found} - {dataset.count}:
        raise RuntimeError(f"{counts} of {dataset.count} items were iterated")
    return tuple(grown_mb for _, grown_mb in found)


def walk(dsn: str) -> tuple[int, float]:
    """Iterate all items; return how many there are, and MB of growth beyond the first page."""
    with AgentStore(dsn) as store:
        items = iter(store.iter_items())
        next(items)
        with Meter() as meter:
            count = 1 + sum(1 for _ in items)
    return count, meter.grown_bytes / 1e6
