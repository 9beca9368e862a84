"""Equal reads, asked for at once: what a fan-out of agents does that all begin with the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from langgraph.store.base import BaseStore

from ..bench import Bench
from ..data import key
from ..results import Goal, Result

NAME = "equal"

_TASKS = 10_000
# Each caller here gets values of its own; the official store gives the same objects to all.
_GOAL = Goal(0.5)

Read = Callable[[BaseStore], Awaitable[Any]]


def measure(bench: Bench) -> Iterator[Result]:
    """Ten thousand callers at once, all with the same question."""
    tasks = 1_000 if bench.options.quick else _TASKS
    namespace = bench.main.spaces[0].namespace
    reads: dict[str, Read] = {
        "gets": lambda store: store.aget(namespace, key(0)),
        "searches": lambda store: store.asearch(namespace[:1]),
        "listings": lambda store: store.alist_namespaces(),
    }
    with bench.sides(bench.main) as sides:
        for what, read in reads.items():

            async def work(store: BaseStore, steps: int, read: Read = read) -> None:
                for _ in range(steps):
                    await asyncio.gather(*[read(store) for _ in range(tasks)])

            async def ask(store: BaseStore, read: Read = read) -> Any:
                return await read(store)

            yield bench.row(
                NAME,
                f"{tasks:,} equal {what} at once",
                sides.awaiting(work),
                goal=_GOAL,
                same=sides.agree(ask),
                operations_per_step=tasks,
            )
