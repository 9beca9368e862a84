"""The price of row level security: a store of the application's role against the owner's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice
from typing import Any, TypeAlias

import psycopg

from langgraph_agentstore import AgentStore
from tests.support.faults import dsn_of

from ..bench import Bench, event_loop
from ..harness import Contestant, Goal, Result
from ..items import Dataset, fill, value
from .reads import getting, random_addresses, tasks

Work: TypeAlias = Callable[[AgentStore, int], Awaitable[None]]

_ROLE = "benchmarked_application"
_WITHOUT = "without row security"
_INDEX = {"mode": "text"}
# Of rates: 1.25 times, 1.1 times and 1.15 times the time.
_GET_GOALS = {1: Goal(0.8), 16: Goal(), 256: Goal(0.91)}
_PUT_GOALS = {1: Goal(0.87), 256: Goal(0.87)}
_SEARCH_GOALS = {1: Goal(), 64: Goal()}
_QUERY_GOAL = Goal(0.87)
_WORDS = ("trains", "planes", "nicer", "conversation")


def row_security(bench: Bench) -> Iterator[Result]:
    """Measure gets, puts and searches by both roles, in turn, on the same tables."""
    with _stores(bench) as (loop, ours, owners):

        def row(name: str, work: Work, goal: Goal, per_step: int = 1) -> Result:
            def contestant(label: str, store: AgentStore) -> Contestant:
                return Contestant(label, lambda steps: loop.run_until_complete(work(store, steps)))

            sides = contestant("with row security", ours), [contestant(_WITHOUT, owners)]
            return bench.row(name, sides, goal=goal, per_step=per_step, rival=_WITHOUT)

        addresses = random_addresses(bench.main)
        for number, goal in _GET_GOALS.items():
            yield row(f"get, {tasks(number)}", getting(addresses, number), goal, number)
        for number, goal in _SEARCH_GOALS.items():
            work = partial(_searching, bench.main, number, None)
            yield row(f"newest 10, {tasks(number)}", work, goal, number)
        for number, goal in {1: _QUERY_GOAL, 64: _QUERY_GOAL}.items():
            work = partial(_searching, bench.main, number, _WORDS)
            yield row(f"search by words, {tasks(number)}", work, goal, number)
        for number, goal in _PUT_GOALS.items():
            yield row(
                f"put over old, {tasks(number)}", partial(_putting, addresses, number), goal, number
            )


@contextmanager
def _stores(bench: Bench) -> Iterator[tuple[asyncio.AbstractEventLoop, AgentStore, AgentStore]]:
    dsn = bench.filled("row_security", partial(fill, records=bench.main.records))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {_ROLE} LOGIN".encode())
    pool = {"min_size": bench.options.connections, "max_size": bench.options.connections}
    with AgentStore(dsn, pool=pool, index=_INDEX) as owners:
        owners.reindex(progress=None)
        owners.setup(row_security=True, application_role=_ROLE)
        with (
            AgentStore(dsn_of(dsn, user=_ROLE), pool=pool, index=_INDEX) as ours,
            event_loop() as loop,
        ):
            yield loop, ours, owners


async def _searching(
    dataset: Dataset, number: int, words: tuple[str, ...] | None, store: Any, steps: int
) -> None:
    async def task(n: int) -> None:
        for step in range(steps):
            at = n * 7919 + step
            space = dataset.spaces[at % len(dataset.spaces)].namespace
            query = None if words is None else words[at % len(words)]
            await store.asearch(space, query=query, limit=10)

    await asyncio.gather(*[task(n) for n in range(number)])


async def _putting(
    addresses: list[tuple[tuple[str, ...], str]], number: int, store: Any, steps: int
) -> None:
    async def task(n: int) -> None:
        start = n * len(addresses) // number
        for step, address in enumerate(islice(cycle(addresses), start, start + steps)):
            await store.aput(*address, value(step))

    await asyncio.gather(*[task(n) for n in range(number)])
