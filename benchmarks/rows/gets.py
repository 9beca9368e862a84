"""Reading single items: awaited by one and by many tasks, and blocking."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from itertools import islice

from langgraph.store.base import BaseStore, Item

from langgraph_agentstore.model.namespaces import Labels

from ..bench import Bench
from ..data import Dataset, key
from ..results import Goal, Result
from ..sides import Awaited

NAME = "get"

_GOALS = {1: Goal(3, 6), 16: Goal(6, 10), 256: Goal(10, 20)}
_BLOCKING = Goal(2.5, 4)
_ADDRESSES = 20_011


def measure(bench: Bench) -> Iterator[Result]:
    """One get a step and task, each of another item of any namespace."""
    addresses = random_addresses(bench.main)
    with bench.sides(bench.main) as sides:

        async def ask(store: BaseStore) -> list[Item | None]:
            missing = ("users", "nobody", "memories"), "none"
            return [await store.aget(*address) for address in [*addresses[:50], missing]]

        same = sides.agree(ask)
        for tasks, goal in _GOALS.items():
            yield bench.row(
                NAME,
                f"awaited get, {tasks} task{'s' * (tasks > 1)}",
                sides.awaiting(_awaited(addresses, tasks)),
                goal=goal,
                same=same,
                operations_per_step=tasks,
            )

        def blocking(store: BaseStore, steps: int) -> None:
            for namespace, item_key in islice(_endless(addresses, 0), steps):
                store.get(namespace, item_key)

        yield bench.row(NAME, "blocking get", sides.waiting(blocking), goal=_BLOCKING, same=same)


def random_addresses(dataset: Dataset) -> list[tuple[Labels, str]]:
    """Namespace and key of items drawn by chance, the same ones in every run."""
    draw = random.Random(1)
    spaces = draw.choices(dataset.spaces, k=_ADDRESSES)
    return [(space.namespace, key(draw.randrange(space.count))) for space in spaces]


def _awaited(addresses: list[tuple[Labels, str]], tasks: int) -> Awaited:
    async def work(store: BaseStore, steps: int) -> None:
        async def task(number: int) -> None:
            start = number * len(addresses) // tasks
            for namespace, item_key in islice(_endless(addresses, start), steps):
                await store.aget(namespace, item_key)

        await asyncio.gather(*[task(number) for number in range(tasks)])

    return work


def _endless(addresses: list[tuple[Labels, str]], start: int) -> Iterator[tuple[Labels, str]]:
    while True:
        yield from islice(addresses, start, None)
        start = 0
