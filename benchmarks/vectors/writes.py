"""Writing items with vectors while an approximate index is there, and loading many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import psycopg
from langgraph.store.base import BaseStore, PutOp
from langgraph.store.postgres import PostgresStore

from langgraph_agentstore import AgentStore

from ..bench import OFFICIAL, Bench
from ..data import key
from ..race import Contestant, rate
from ..results import Goal, Result
from .options import VectorOptions
from .samples import Mixture, Sample, Tenant
from .stores import CONNECTIONS, Lookup, open_ours, their_index
from .tables import make_tables

DIMS = 64
_BATCH = 100
_BATCHES_A_ROUND = 10
_EMPTY = "TRUNCATE agentstore.item, agentstore.item_vector_1, store, store_vectors"


def measure(bench: Bench, options: VectorOptions) -> Iterator[Result]:
    """New items of 64 dimensions; both stores' tables are empty at first, their indexes there."""
    sample = Mixture(DIMS).sample(Tenant("writer", 10_000 if options.quick else 100_000))
    lookup = Lookup(_vectors(sample))
    with psycopg.connect(bench.server_dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS vectors_write")
    dsn = bench.new_database("vectors_write")
    make_tables(dsn, DIMS)
    pool: Any = {"min_size": CONNECTIONS, "max_size": CONNECTIONS}
    with (
        open_ours(dsn, DIMS, lookup) as ours,
        PostgresStore.from_conn_string(dsn, index=their_index(DIMS, lookup)) as single,
        PostgresStore.from_conn_string(
            dsn, index=their_index(DIMS, lookup), pool_config=pool
        ) as pooled,
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        rivals = {"one connection": single, "pool": pooled}
        yield _batches(ours, rivals, sample, options)
        connection.execute(_EMPTY)
        yield _load(ours, rivals, sample, connection)


def _batches(
    ours: AgentStore, rivals: dict[str, PostgresStore], sample: Sample, options: VectorOptions
) -> Result:
    """Both have written as many items before each round."""
    puts = _puts(sample)
    mine = Contestant("ours", _writing(ours, puts, count(0, _BATCH)))
    # They share a table, so none may find there what another wrote.
    starts = count(0, _BATCH)
    theirs = [Contestant(way, _writing(store, puts, starts)) for way, store in rivals.items()]
    rate(mine, _BATCHES_A_ROUND * len(theirs))
    fastest = max(theirs, key=lambda rival: rate(rival, _BATCHES_A_ROUND))
    rounds = [
        (rate(mine, _BATCHES_A_ROUND) * _BATCH, rate(fastest, _BATCHES_A_ROUND) * _BATCH)
        for _ in range(options.rounds)
    ]
    first, second = zip(*rounds, strict=True)
    name = f"{DIMS} dims: put in batches of {_BATCH}"
    return Result("write", name, "/s", first, second, f"{OFFICIAL}, {fastest.label}")


def _load(
    ours: AgentStore,
    rivals: dict[str, PostgresStore],
    sample: Sample,
    connection: psycopg.Connection[Any],
) -> Result:
    """Items per second into empty tables; theirs in batches of 1,000.

    All of them, once: the more there is in an index, the longer takes an item.
    """
    size = sample.tenant.size
    items = [
        (sample.tenant.namespace, key(n), sample.value(n), sample.vectors[n]) for n in range(size)
    ]
    puts = _puts(sample)

    def load(_: int) -> None:
        # The type of what it takes is widened where vectors come with the items.
        ours.load(items)  # type: ignore[arg-type,unused-ignore]

    def put(_: int) -> None:
        for start in range(0, size, 1_000):
            rivals["one connection"].batch(puts[start : start + 1_000])

    connection.execute(_EMPTY)
    connection.execute("CHECKPOINT")
    first = rate(Contestant("ours", load), 1) * size
    second = rate(Contestant("theirs", put), 1) * size
    name = f"{DIMS} dims: load {size:,} with vectors"
    return Result(
        "write",
        name,
        "/s",
        (first,),
        (second,),
        f"{OFFICIAL}, batches of 1,000 puts",
        Goal(ratio=4),
    )


def _writing(
    store: BaseStore, puts: Sequence[PutOp], starts: Iterator[int]
) -> Callable[[int], None]:
    """Each step writes the batch that begins at the next start: items that are not there yet."""

    def run(steps: int) -> None:
        for _ in range(steps):
            start = next(starts)
            store.batch(puts[start : start + _BATCH])

    return run


def _puts(sample: Sample) -> list[PutOp]:
    namespace, size = sample.tenant.namespace, sample.tenant.size
    return [PutOp(namespace, key(n), sample.value(n)) for n in range(size)]


def _vectors(sample: Sample) -> dict[str, list[float]]:
    """By the texts of the items."""
    return {sample.value(n)["text"]: vector.tolist() for n, vector in enumerate(sample.vectors)}
