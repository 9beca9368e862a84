"""Writing single items: new ones, and new values over old ones."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count, cycle
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore

from langgraph_agentstore.model.namespaces import Labels

from ..bench import Bench
from ..data import Dataset, value
from ..results import Goal, Result
from ..sides import Awaited
from .gets import random_addresses

NAME = "put"

Addresses: TypeAlias = Iterator[tuple[Labels, str]]

_GOALS = {1: Goal(1.1), 256: Goal(1.8)}
_BLOCKING = Goal(1.0)
_VALUES = [value(number) for number in range(1000)]


def measure(bench: Bench) -> Iterator[Result]:
    """One put a step and task, into any namespace; each store goes on where it stopped."""
    for kind, addresses in (("new", _new), ("over old", _old)):
        with bench.sides(bench.main) as sides:
            ways = addresses(bench.main)
            same = sides.agree(_written_and_read(bench.main, kind))
            for tasks, goal in _GOALS.items():
                yield bench.row(
                    NAME,
                    f"awaited put, {kind}, {tasks} task{'s' * (tasks > 1)}",
                    sides.awaiting(_awaited(ways, tasks)),
                    goal=goal,
                    same=same,
                    operations_per_step=tasks,
                )

            def blocking(
                store: BaseStore, steps: int, ways: Callable[[BaseStore], Addresses] = ways
            ) -> None:
                for _, (namespace, key), new in zip(
                    range(steps), ways(store), cycle(_VALUES), strict=False
                ):
                    store.put(namespace, key, new)

            yield bench.row(
                NAME, f"blocking put, {kind}", sides.waiting(blocking), goal=_BLOCKING, same=same
            )


def _new(dataset: Dataset) -> Callable[[BaseStore], Addresses]:
    """Keys no item has; a store never gets one twice."""
    numbers: defaultdict[int, Iterator[int]] = defaultdict(count)
    spaces = dataset.spaces

    def ways(store: BaseStore) -> Addresses:
        for number in numbers[id(store)]:
            yield spaces[number % len(spaces)].namespace, f"new-{id(store):x}-{number}"

    return ways


def _old(dataset: Dataset) -> Callable[[BaseStore], Addresses]:
    """Keys of items that are there."""
    addresses = random_addresses(dataset)
    going: dict[int, Addresses] = {}

    def ways(store: BaseStore) -> Addresses:
        return going.setdefault(id(store), cycle(addresses))

    return ways


def _awaited(ways: Callable[[BaseStore], Addresses], tasks: int) -> Awaited:
    async def work(store: BaseStore, steps: int) -> None:
        addresses, values = ways(store), cycle(_VALUES)

        async def task() -> None:
            for _ in range(steps):
                await store.aput(*next(addresses), next(values))

        await asyncio.gather(*[task() for _ in range(tasks)])

    return work


def _written_and_read(dataset: Dataset, kind: str) -> Callable[[BaseStore], Any]:
    async def ask(store: BaseStore) -> list[Any]:
        found = []
        for number, space in enumerate(dataset.spaces[:20]):
            await store.aput(space.namespace, f"check-{kind}", value(number))
            await store.aput(space.namespace, f"check-{kind}", value(number + 1))
            item = await store.aget(space.namespace, f"check-{kind}")
            found.append(item and (item.namespace, item.key, item.value))
        return found

    return ask
