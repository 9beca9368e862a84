"""Writing items with vectors while an approximate index is there, and loading many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import psycopg
from langgraph.store.base import BaseStore, PutOp

from ..bench import Bench, Sides, make_tables, open_sides
from ..harness import OFFICIAL, Contestant, Goal, Result, alternate, rate
from ..items import key
from .samples import Mixture, Sample, Tenant
from .tables import Lookup, our_index, their_index

DIMS = 64
_BATCH = 100
_BATCHES_A_ROUND = 10
_EMPTY = "TRUNCATE agentstore.item, agentstore.item_vector_1, store, store_vectors"
_LOAD_GOAL = Goal(ratio=4)


def measure(bench: Bench) -> Iterator[Result]:
    """Measure new items of 64 dimensions; both stores' tables are empty, their indexes there."""
    sample = Mixture(DIMS).sample(Tenant("writer", 10_000 if bench.options.quick else 100_000))
    texts = (sample.value(n)["text"] for n in range(sample.tenant.size))
    lookup = Lookup({text: v.tolist() for text, v in zip(texts, sample.vectors, strict=True)})
    with psycopg.connect(bench.server_dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS vectors_write")
    dsn, indexes = (
        bench.new_database("vectors_write"),
        (our_index(DIMS, lookup), their_index(DIMS, lookup)),
    )
    make_tables(dsn, *indexes)
    namespace, size = sample.tenant.namespace, sample.tenant.size
    puts = [PutOp(namespace, key(n), sample.value(n)) for n in range(size)]
    with (
        open_sides(dsn, bench.options.connections, *indexes) as sides,
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        yield _batches(sides, puts, bench.options.rounds)
        connection.execute(_EMPTY)
        connection.execute("CHECKPOINT")
        yield _load(sides, sample, puts)


def _batches(sides: Sides, puts: Sequence[PutOp], rounds: int) -> Result:
    """Race batches of new items; both have written as many items before each round."""
    ours = _writing("ours", sides.ours, puts, count(0, _BATCH))
    # They share a table, so none may find there what another wrote.
    starts = count(0, _BATCH)
    theirs = [_writing(way, store, puts, starts) for way, store in sides.blocking.items()]
    rate(ours, _BATCHES_A_ROUND * len(theirs))
    fastest = max(theirs, key=lambda rival: rate(rival, _BATCHES_A_ROUND))
    figures = alternate(
        rounds,
        lambda: rate(ours, _BATCHES_A_ROUND) * _BATCH,
        lambda: rate(fastest, _BATCHES_A_ROUND) * _BATCH,
    )
    name, rival = f"{DIMS} dims: put in batches of {_BATCH}", f"{OFFICIAL}, {fastest.label}"
    return Result(name, "/s", figures[0], figures[1], rival)


def _writing(
    label: str, store: BaseStore, puts: Sequence[PutOp], starts: Iterator[int]
) -> Contestant:
    """Write, at each step, the batch of the next start: items that are not there yet."""

    def run(steps: int) -> None:
        for _ in range(steps):
            start = next(starts)
            store.batch(puts[start : start + _BATCH])

    return Contestant(label, run)


def _load(sides: Sides, sample: Sample, puts: Sequence[PutOp]) -> Result:
    """Measure items per second into empty tables; theirs in batches of 1,000.

    All of them, once: the more there is in an index, the longer takes an item.
    """
    items: Any = [
        (put.namespace, put.key, put.value, vector)
        for put, vector in zip(puts, sample.vectors, strict=True)
    ]

    def put(_: int) -> None:
        for start in range(0, len(puts), 1_000):
            sides.blocking["one connection"].batch(puts[start : start + 1_000])

    ours = rate(Contestant("ours", lambda _: sides.ours.load(items) and None), 1) * len(puts)
    theirs = rate(Contestant("theirs", put), 1) * len(puts)
    name, rival = f"{DIMS} dims: load {len(puts):,} with vectors", "batches of 1,000 puts"
    return Result(name, "/s", (ours,), (theirs,), f"{OFFICIAL}, {rival}", _LOAD_GOAL)
