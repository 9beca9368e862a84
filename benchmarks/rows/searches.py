"""Searching without a query: the newest items of a namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from langgraph.store.base import BaseStore, SearchItem

from langgraph_agentstore.model.namespaces import Labels

from ..bench import Bench
from ..data import large_and_small
from ..results import Goal, Result
from ..sides import Awaited, Sides

NAME = "search"

_GOALS = {1: Goal(3, 5), 64: Goal(4, 8)}
_NEWEST = Goal(10)
# The large namespace may take three times as long as the small one.
_FLAT = Goal(1 / 3)
_LIMIT = 10


def measure(bench: Bench) -> Iterator[Result]:
    """Ten items a step and task."""
    namespaces = [space.namespace for space in bench.main.spaces]
    with bench.sides(bench.main) as sides:
        same = _agree(sides, namespaces[:10])
        for tasks, goal in _GOALS.items():
            yield bench.row(
                NAME,
                f"awaited search, {tasks} task{'s' * (tasks > 1)}",
                sides.awaiting(_searching(namespaces, tasks)),
                goal=goal,
                same=same,
                operations_per_step=tasks,
            )
    sizes = [20_000 if bench.options.quick else 60_000]
    if bench.options.million:
        sizes.append(1_000_000)
    for size in sizes:
        yield from _newest(bench, size)


def _newest(bench: Bench, size: int) -> Iterator[Result]:
    dataset = large_and_small(size, 100)
    large, small = (space.namespace for space in dataset.spaces)
    name = f"newest {_LIMIT} of {size:,}"
    with bench.sides(dataset) as sides:
        same = _agree(sides, [large, small])
        ours, theirs = sides.awaiting(_searching([large], 1))
        yield bench.row(NAME, name, (ours, theirs), goal=_NEWEST, same=same, unit="ms")
        few, _ = sides.awaiting(_searching([small], 1))
        yield bench.row(
            NAME, name, (ours, [few]), goal=_FLAT, unit="ms", rival="ours, newest 10 of 100"
        )


def _searching(namespaces: list[Labels], tasks: int) -> Awaited:
    async def work(store: BaseStore, steps: int) -> None:
        async def task(number: int) -> None:
            for step in range(steps):
                namespace = namespaces[(number * 7 + step) % len(namespaces)]
                await store.asearch(namespace, limit=_LIMIT)

        await asyncio.gather(*[task(number) for number in range(tasks)])

    return work


def _agree(sides: Sides, namespaces: list[Labels]) -> bool:
    async def ask(store: BaseStore) -> list[list[SearchItem]]:
        return [
            await store.asearch(namespace, limit=_LIMIT, offset=offset)
            for namespace in namespaces
            for offset in (0, 5)
        ]

    return sides.agree(ask)
