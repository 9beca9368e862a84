"""Reading: single items, the newest of a namespace, namespaces, and equal reads at once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle, islice
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore, GetOp, ListNamespacesOp, SearchOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.model.namespaces import Labels

from ..bench import Awaited, Bench, Sides
from ..harness import NO_GOAL, Goal, Result
from ..items import Dataset, key, large_and_small, mixed

Addresses: TypeAlias = list[tuple[Labels, str]]
Read: TypeAlias = Callable[[BaseStore], Awaitable[Any]]

_ADDRESSES = 20_011
_GET_GOALS = {1: Goal(3, 6), 16: Goal(6, 10), 256: Goal(10, 20)}
_BLOCKING_GET_GOAL = Goal(2.5, 4)
_SEARCH_GOALS = {1: Goal(3, 5), 64: Goal(4, 8)}
_NEWEST_GOAL = Goal(10)
# The large namespace may take three times as long as the small one.
_FLAT_GOAL = Goal(1 / 3)
# Each caller here gets values of its own; the official store gives the same objects to all.
_EQUAL_GOAL = Goal(0.5)
_LIMIT = 10


def tasks(number: int) -> str:
    """Return the words for that many tasks."""
    return f"{number} task{'s' * (number > 1)}"


def random_addresses(dataset: Dataset) -> Addresses:
    """Return namespace and key of items drawn by chance, the same ones in every run."""
    draw = random.Random(1)
    spaces = draw.choices(dataset.spaces, k=_ADDRESSES)
    return [(space.namespace, key(draw.randrange(space.count))) for space in spaces]


def repeated(read: Read, times: int = 1) -> Awaited:
    """Return work that reads so many times at once in each step."""

    async def work(store: BaseStore, steps: int) -> None:
        for _ in range(steps):
            await asyncio.gather(*[read(store) for _ in range(times)])

    return work


def getting(addresses: Addresses, number: int) -> Awaited:
    """Return work of that many tasks: each gets one item a step, of any namespace."""

    async def work(store: BaseStore, steps: int) -> None:
        async def task(n: int) -> None:
            start = n * len(addresses) // number
            for step in range(start, start + steps):
                await store.aget(*addresses[step % len(addresses)])

        await asyncio.gather(*[task(n) for n in range(number)])

    return work


def gets(bench: Bench) -> Iterator[Result]:
    """Measure gets of items of any namespace: awaited by one and by many tasks, and blocking."""
    addresses = random_addresses(bench.main)
    with bench.sides(bench.main) as sides:

        async def ask(store: BaseStore) -> Any:
            missing = ("users", "nobody", "memories"), "none"
            return [await store.aget(*address) for address in [*addresses[:50], missing]]

        same = sides.agree(ask)
        bare = bench.bare(sides, bench.main, [GetOp(*address) for address in addresses[:1000]])
        for number, goal in _GET_GOALS.items():
            yield bench.row(
                f"awaited get, {tasks(number)}",
                sides.awaiting(getting(addresses, number)),
                goal=goal,
                same=same,
                per_step=number,
                limits=bare.limits(number),
            )

        def blocking(store: BaseStore, steps: int) -> None:
            for namespace, item_key in islice(cycle(addresses), steps):
                store.get(namespace, item_key)

        contestants = sides.waiting(blocking)
        how = {"goal": _BLOCKING_GET_GOAL, "same": same, "limits": bare.blocking_limits()}
        yield bench.row("blocking get", contestants, **how)


def searches(bench: Bench) -> Iterator[Result]:
    """Measure searches without a query: ten items a step and task."""
    namespaces = [space.namespace for space in bench.main.spaces]
    with bench.sides(bench.main) as sides:
        same = _agree(sides, namespaces[:10])
        asked = [SearchOp(namespace, limit=_LIMIT) for namespace in namespaces]
        bare = bench.bare(sides, bench.main, asked)
        for number, goal in _SEARCH_GOALS.items():
            yield bench.row(
                f"awaited search, {tasks(number)}",
                sides.awaiting(_searching(namespaces, number)),
                goal=goal,
                same=same,
                per_step=number,
                limits=bare.limits(number),
            )
    yield from _newest(bench, 20_000 if bench.options.quick else 60_000)
    if bench.options.million:
        yield from _newest(bench, 1_000_000)


def _newest(bench: Bench, size: int) -> Iterator[Result]:
    """Measure the newest items of a large namespace, beside theirs and beside a small one."""
    dataset = large_and_small(size, 100)
    large, small = (space.namespace for space in dataset.spaces)
    name = f"newest {_LIMIT} of {size:,}"
    with bench.sides(dataset) as sides:
        same = _agree(sides, [large, small])
        _wait_until_listed(sides.ours)
        ours, theirs = sides.awaiting(_searching([large], 1))
        limits = bench.bare(sides, dataset, [SearchOp(large, limit=_LIMIT)]).limits(1)
        how = {"goal": _NEWEST_GOAL, "same": same, "limits": limits}
        yield bench.row(name, (ours, theirs), unit="ms", **how)
        few, _ = sides.awaiting(_searching([small], 1))
        rival = "ours, newest 10 of 100"
        yield bench.row(name, (ours, [few]), goal=_FLAT_GOAL, unit="ms", rival=rival)


def _wait_until_listed(store: AgentStore) -> None:
    """Wait until the items of a large namespace, which was searched, are listed and analyzed."""
    before = -1
    while (now := store.stats().statements) != before:
        before = now
        time.sleep(5)


def _searching(namespaces: list[Labels], number: int) -> Awaited:
    async def work(store: BaseStore, steps: int) -> None:
        async def task(n: int) -> None:
            for step in range(steps):
                await store.asearch(namespaces[(n * 7 + step) % len(namespaces)], limit=_LIMIT)

        await asyncio.gather(*[task(n) for n in range(number)])

    return work


def _agree(sides: Sides, namespaces: list[Labels]) -> bool:
    async def ask(store: BaseStore) -> Any:
        return [
            await store.asearch(namespace, limit=_LIMIT, offset=offset)
            for namespace in namespaces
            for offset in (0, 5)
        ]

    return sides.agree(ask)


def listing(bench: Bench) -> Iterator[Result]:
    """Measure namespaces: few of many items, which is usual, and many of one item."""
    lone = mixed(5_000 if bench.options.quick else 100_000, 1)
    first_labels = {"max_depth": 1, "limit": 1000}
    yield from _listed(bench, bench.main, "all", {"limit": 1000}, Goal(1))
    yield from _listed(bench, bench.main, "depth 1", first_labels, Goal(20))
    yield from _listed(bench, lone, "first 100", {})
    yield from _listed(bench, lone, "depth 1", first_labels)
    yield from _listed(bench, lone, "all", {"limit": 1_000_000})


def _listed(
    bench: Bench, dataset: Dataset, pages: str, page: dict[str, Any], goal: Goal = NO_GOAL
) -> Iterator[Result]:
    async def ask(store: BaseStore) -> Any:
        return sorted(await store.alist_namespaces(**page))

    name = f"list {len(dataset.spaces):,} × {dataset.spaces[0].count:,}, {pages}"
    with bench.sides(dataset) as sides:
        contestants = sides.awaiting(repeated(lambda store: store.alist_namespaces(**page)))
        limits = bench.bare(sides, dataset, [ListNamespacesOp(**page)]).limits(1)
        how = {"goal": goal, "same": sides.agree(ask), "limits": limits}
        yield bench.row(name, contestants, unit="ms", **how)


def equal(bench: Bench) -> Iterator[Result]:
    """Measure ten thousand callers at once, all with the same question."""
    callers = 1_000 if bench.options.quick else 10_000
    namespace = bench.main.spaces[0].namespace
    reads: dict[str, Read] = {
        "gets": lambda store: store.aget(namespace, key(0)),
        "searches": lambda store: store.asearch(namespace[:1]),
        "listings": lambda store: store.alist_namespaces(),
    }
    with bench.sides(bench.main) as sides:
        for kind, read in reads.items():
            yield bench.row(
                f"{callers:,} equal {kind} at once",
                sides.awaiting(repeated(read, callers)),
                goal=_EQUAL_GOAL,
                same=sides.agree(read),
                per_step=callers,
            )
