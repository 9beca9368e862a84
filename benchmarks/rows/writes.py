"""Writing: new items and new values over old ones, and loading many at once."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, cycle, islice
from typing import Any, TypeAlias

import asyncpg
import psycopg
from langgraph.store.base import BaseStore, PutOp

from langgraph_agentstore.model.namespaces import Labels

from ..bench import Awaited, Bench, Blocking, Sides, open_sides
from ..harness import OFFICIAL, Contestant, Goal, Result, alternate, rate
from ..items import OUR_COLUMNS, Dataset, Record, mixed, value
from .reads import random_addresses, tasks

Addresses: TypeAlias = Iterator[tuple[Labels, str]]
AddressesOf: TypeAlias = Callable[[BaseStore], Addresses]

_PUT_GOALS = {1: Goal(1.1), 256: Goal(1.8)}
_BLOCKING_PUT_GOAL = Goal(1.0)
_VALUES = [value(number) for number in range(1000)]
_EMPTY = "TRUNCATE agentstore.item, store, plain"
# A table with the same columns and indexes: the difference is what replacing existing items costs.
_PLAIN = "CREATE TABLE plain (LIKE agentstore.item INCLUDING ALL)"
_COUNTS = "SELECT (SELECT count(*) FROM agentstore.item), (SELECT count(*) FROM store)"
_SAMPLE = 200


def puts(bench: Bench) -> Iterator[Result]:
    """Measure puts into any namespace, one a step and task; each store goes on where it stopped."""
    for kind, addresses in (("new", _new), ("over old", _old)):
        with bench.sides(bench.main) as sides:
            addresses_of = addresses(bench.main)
            same = sides.agree(_written_and_read(bench.main, kind))
            bare = bench.bare(sides, bench.main, _some_puts(bench.main), new=kind == "new")
            for number, goal in _PUT_GOALS.items():
                yield bench.row(
                    f"awaited put, {kind}, {tasks(number)}",
                    sides.awaiting(_awaited(addresses_of, number)),
                    goal=goal,
                    same=same,
                    per_step=number,
                    limits=bare.limits(number),
                )
            contestants = sides.waiting(_blocking(addresses_of))
            name, limits = f"blocking put, {kind}", bare.blocking_limits()
            how = {"goal": _BLOCKING_PUT_GOAL, "same": same, "limits": limits}
            yield bench.row(name, contestants, **how)


def _some_puts(dataset: Dataset) -> list[PutOp]:
    """Return puts over old items."""
    addresses = random_addresses(dataset)[: len(_VALUES)]
    return [PutOp(*address, new) for address, new in zip(addresses, _VALUES, strict=True)]


def _new(dataset: Dataset) -> AddressesOf:
    """Keys that no item has; a store never gets one twice."""
    numbers: defaultdict[int, Iterator[int]] = defaultdict(count)
    spaces = dataset.spaces

    def addresses_of(store: BaseStore) -> Addresses:
        for number in numbers[id(store)]:
            yield spaces[number % len(spaces)].namespace, f"new-{id(store):x}-{number}"

    return addresses_of


def _old(dataset: Dataset) -> AddressesOf:
    """Keys of items that are there."""
    addresses = random_addresses(dataset)
    going: dict[int, Addresses] = {}
    return lambda store: going.setdefault(id(store), cycle(addresses))


def _awaited(addresses_of: AddressesOf, number: int) -> Awaited:
    async def work(store: BaseStore, steps: int) -> None:
        addresses, values = addresses_of(store), cycle(_VALUES)

        async def task() -> None:
            for _ in range(steps):
                await store.aput(*next(addresses), next(values))

        await asyncio.gather(*[task() for _ in range(number)])

    return work


def _blocking(addresses_of: AddressesOf) -> Blocking:
    def work(store: BaseStore, steps: int) -> None:
        for (namespace, key), new in zip(islice(addresses_of(store), steps), cycle(_VALUES)):
            store.put(namespace, key, new)

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


def loading(bench: Bench) -> Iterator[Result]:
    """Measure `load()` beside the official store's batches and a plain COPY.

    The tables are empty each time; the items are made beforehand.
    """
    records = list(mixed(500, 20 if bench.options.quick else 200).records())
    puts = [PutOp(record.namespace, record.key, record.value) for record in records]
    dsn = bench.empty("load")
    with (
        open_sides(dsn, bench.options.connections) as sides,
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        connection.execute(_PLAIN)

        def seconds(contestant: Contestant) -> float:
            connection.execute(_EMPTY)
            connection.execute("CHECKPOINT")
            return 1 / rate(contestant, 1)

        ours = Contestant("ours", lambda _: sides.ours.load(puts) and None)
        plain = Contestant("plain COPY", partial(_copy, sides, dsn, records))
        fastest = min(_rivals(sides, puts), key=seconds)
        contestants = (ours, fastest, plain)
        figures = alternate(
            bench.options.slow_rounds, *(partial(seconds, each) for each in contestants)
        )
        connection.execute(_EMPTY)
        rate(ours, 1)
        rate(fastest, 1)
        same = connection.execute(_COUNTS).fetchone() == (len(puts), len(puts))
        same = same and sides.agree(_some_of(puts))
    name, label = f"load {len(puts):,} items", f"{OFFICIAL}, {fastest.label}"
    yield Result(name, "s", figures[0], figures[1], label, same=same)
    yield Result(name, "s", figures[0], figures[2], "asyncpg, plain COPY")


def _rivals(sides: Sides, puts: list[PutOp]) -> Iterator[Contestant]:
    """Yield the official store's blocking batches, and awaited ones over its pool, all at once."""
    pool, single, _ = sides.blocking

    def blocking(size: int, _: int) -> None:
        for batch in _batches(puts, size):
            sides.blocking[single].batch(batch)

    async def load() -> None:
        store = sides.awaited[pool]
        await asyncio.gather(*[store.abatch(batch) for batch in _batches(puts, 1_000)])

    yield Contestant("batches of 1,000", partial(blocking, 1_000))
    # Four parameters an item and 65,535 to a statement: 16,383 items would be the most.
    yield Contestant("batches of 10,000", partial(blocking, 10_000))
    concurrent = "batches of 1,000, concurrent"
    yield Contestant(concurrent, lambda _: sides.loop.run_until_complete(load()))


def _copy(sides: Sides, dsn: str, records: list[Record], _: int) -> None:
    """Load by asyncpg's binary COPY, connecting included."""

    async def copy() -> None:
        connection = await asyncpg.connect(dsn)
        rows = [record.our_row(json.dumps(record.value)) for record in records]
        try:
            await connection.copy_records_to_table("plain", records=rows, columns=OUR_COLUMNS)
        finally:
            await connection.close()

    sides.loop.run_until_complete(copy())


def _some_of(puts: list[PutOp]) -> Callable[[BaseStore], Any]:
    async def ask(store: BaseStore) -> list[object]:
        step = max(1, len(puts) // _SAMPLE)
        sample = [await store.aget(put.namespace, put.key) for put in puts[::step]]
        return [item and (item.namespace, item.key, item.value) for item in sample]

    return ask


def _batches(puts: list[PutOp], size: int) -> Iterator[list[PutOp]]:
    return (puts[start : start + size] for start in range(0, len(puts), size))
