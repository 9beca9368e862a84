"""`python -m benchmarks.data_store`: the documented names beside the store's own methods.

Both sides are this package: a record read by `data_store.get`, its read counted, against the same
item read by `store.get`; and many records by one statement against as many gets in a batch. A
ratio above 1 means that the documented name is the faster one.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from typing import TypeAlias

from langgraph.store.base import GetOp

from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore

from .bench import Bench, server
from .harness import NO_GOAL, Contestant, Goal, Options, Result, option_parser, parsed, race, run

KEYS = [f"k{n:05}" for n in range(10_000)]
NAMESPACE = ("users", "ann", "bench")
VALUE = {"n": 1, "text": "x" * 100}

Work: TypeAlias = Callable[[int], None]

_GET_GOAL = Goal(1 / 1.3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if the goals are met and each method was one statement."""
    options = parsed(option_parser("benchmarks.data_store", __doc__, ["all"]), arguments, Options)
    with server() as dsn, AgentStore(dsn) as store:
        families = [("all", partial(measure, store, options))]
        return run("benchmarks.data_store", families, options, Bench(options, dsn).described)


def measure(store: AgentStore, options: Options) -> Iterator[Result]:
    """Race each documented name against the store's method that does the same."""
    records = DataStore(store, "ann", "reader", "bench")
    nobody = DataStore(store, "ann", None, "bench")
    store.load((NAMESPACE, key, {**VALUE, "n": n}) for n, key in enumerate(KEYS))
    gets = [GetOp(NAMESPACE, key) for key in KEYS[:1000]]
    get = _each(lambda key: store.get(NAMESPACE, key))
    pairs: dict[str, tuple[Work, Work]] = {
        "get, counted": (_each(records.get), get),
        "get, without an agent": (_each(nobody.get), get),
        "awaited get, counted": _awaited(store),
        "set": (
            _each(lambda key: records.set(key, VALUE)),
            _each(lambda key: store.put(NAMESPACE, key, VALUE)),
        ),
        "get_many of 1,000 keys": (
            _each(lambda _: records.get_many(KEYS[:1000])),
            _each(lambda _: store.batch(gets)),
        ),
        "get_all of 10,000 records": (
            _each(lambda _: records.get_all()),
            _each(lambda _: list(store.iter_items(NAMESPACE))),
        ),
    }
    for name, (documented, plain) in pairs.items():
        before = store.stats().statements
        documented(1)
        if (statements := store.stats().statements - before) != 1:
            raise RuntimeError(f"{name} took {statements} statements")
        ours, rivals = Contestant("ours", documented), [Contestant("store", plain)]
        goal = _GET_GOAL if "get, " in name else NO_GOAL
        rival = "the store's own method"
        yield race(name, ours, rivals, options, goal=goal, unit="µs", rival=rival)


def _each(do: Callable[[str], object]) -> Work:
    def work(steps: int) -> None:
        for key in islice(cycle(KEYS), steps):
            do(key)

    return work


def _awaited(store: AgentStore) -> tuple[Work, Work]:
    records = AsyncDataStore(store, "ann", "reader", "bench")

    async def documented(steps: int) -> None:
        for key in islice(cycle(KEYS), steps):
            await records.get(key)

    async def plain(steps: int) -> None:
        for key in islice(cycle(KEYS), steps):
            await store.aget(NAMESPACE, key)

    return lambda steps: asyncio.run(documented(steps)), lambda steps: asyncio.run(plain(steps))


if __name__ == "__main__":
    sys.exit(main())
