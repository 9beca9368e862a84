"""Loading many items at once: `load()`, the official store's batches, a plain COPY."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import asyncpg
import psycopg
from langgraph.store.base import BaseStore, PutOp

from ..bench import OFFICIAL, Bench
from ..data import OUR_COLUMNS, Record, mixed, our_row, records
from ..race import Contestant, rate
from ..results import Result
from ..sides import Sides, open_sides

NAME = "load"

_EMPTY = "TRUNCATE agentstore.item, store, plain"
# A table with the same columns and indexes: the difference is what replacing existing items costs.
_PLAIN = "CREATE TABLE plain (LIKE agentstore.item INCLUDING ALL)"
_SAMPLE = 200


@dataclass(frozen=True, slots=True)
class _Load:
    """The items, in the form each side takes them, and where they go."""

    dsn: str
    sides: Sides
    records: Sequence[Record]
    puts: Sequence[PutOp]

    def ours(self, _: int) -> None:
        self.sides.ours.load(self.puts)

    def blocking(self, way: str, size: int) -> Callable[[int], None]:
        """The official store's blocking `batch`, so many items at a time."""

        def run(_: int) -> None:
            for batch in _batches(self.puts, size):
                self.sides.blocking[way].batch(batch)

        return run

    def concurrent(self, way: str, size: int) -> Callable[[int], None]:
        """The official store's awaited batches over its pool, all at once."""

        async def load() -> None:
            store = self.sides.awaited[way]
            await asyncio.gather(*[store.abatch(batch) for batch in _batches(self.puts, size)])

        return lambda _: self.sides.loop.run_until_complete(load())

    def copy(self, _: int) -> None:
        """Asyncpg's binary COPY, connecting included."""
        self.sides.loop.run_until_complete(self._copy())

    async def _copy(self) -> None:
        connection = await asyncpg.connect(self.dsn)
        rows = [our_row(record, json.dumps(record.value)) for record in self.records]
        try:
            await connection.copy_records_to_table("plain", records=rows, columns=OUR_COLUMNS)
        finally:
            await connection.close()


def measure(bench: Bench) -> Iterator[Result]:
    """Into empty tables each time; the items are made beforehand."""
    dataset = mixed(500, 20 if bench.options.quick else 200)
    given = list(records(dataset))
    dsn = bench.empty("load")
    with (
        open_sides(dsn, bench.options.connections) as sides,
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        connection.execute(_PLAIN)
        load = _Load(dsn, sides, given, [PutOp(r.namespace, r.key, r.value) for r in given])

        def seconds(contestant: Contestant) -> float:
            connection.execute(_EMPTY)
            connection.execute("CHECKPOINT")
            return 1 / rate(contestant, 1)

        rivals = _rivals(load)
        fastest = min(rivals, key=seconds)
        plain = Contestant("plain COPY", load.copy)
        rounds = [
            (seconds(Contestant("ours", load.ours)), seconds(fastest), seconds(plain))
            for _ in range(bench.options.slow_rounds)
        ]
        same = _agree(load, fastest, connection)
    ours, theirs, copied = (tuple(column) for column in zip(*rounds, strict=True))
    name = f"load {len(given):,} items"
    yield Result(NAME, name, "s", ours, theirs, f"{OFFICIAL}, {fastest.label}", same=same)
    yield Result(NAME, name, "s", ours, copied, "asyncpg, plain COPY")


def _rivals(load: _Load) -> list[Contestant]:
    pool, single, _ = load.sides.blocking
    return [
        Contestant("batches of 1,000", load.blocking(single, 1_000)),
        # Four parameters an item and 65,535 to a statement: 16,383 items would be the most.
        Contestant("batches of 10,000", load.blocking(single, 10_000)),
        Contestant("batches of 1,000, concurrent", load.concurrent(pool, 1_000)),
    ]


def _agree(load: _Load, fastest: Contestant, connection: psycopg.Connection[object]) -> bool:
    connection.execute(_EMPTY)
    load.ours(1)
    fastest.run(1)
    counts = connection.execute(
        "SELECT (SELECT count(*) FROM agentstore.item), (SELECT count(*) FROM store)"
    ).fetchone()
    step = max(1, len(load.puts) // _SAMPLE)

    async def ask(store: BaseStore) -> list[object]:
        sample = [await store.aget(put.namespace, put.key) for put in load.puts[::step]]
        return [item and (item.namespace, item.key, item.value) for item in sample]

    return counts == (len(load.puts), len(load.puts)) and load.sides.agree(ask)


def _batches(puts: Sequence[PutOp], size: int) -> Iterator[list[PutOp]]:
    remaining = iter(puts)
    while batch := list(islice(remaining, size)):
        yield batch
