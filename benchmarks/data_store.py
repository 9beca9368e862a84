"""`python -m benchmarks.data_store`: what the documented names cost, beside the store's own.

Both sides are this package: a record read by `data_store.get`, its read counted, against the same
item read by `store.get`; and many records by one statement against as many gets in a batch.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from langgraph.store.base import GetOp
from rich.console import Console
from rich.table import Table

from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore

from .race import Contestant, calibrated, rate

KEYS = [f"k{n:05}" for n in range(10_000)]
NAMESPACE = ("users", "ann", "bench")
_GET_GOAL = 1.3


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: microseconds a step, by round, of the wrapper and of the store."""

    label: str
    wrapper_us: list[float]
    store_us: list[float]
    statements: int
    goal: float | None = None

    @property
    def ratios(self) -> list[float]:
        """The wrapper's time over the store's, by round."""
        return [w / s for w, s in zip(self.wrapper_us, self.store_us, strict=True)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if the goals are met and each method was one statement."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data_store", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.7, help="of each side in each round")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="agentstore-bench-") as folder,
        AgentStore.embedded(Path(folder)) as store,
    ):
        rows = list(_rows(store, options.rounds, options.seconds))
    Console().print(_table(rows))
    met = all(row.goal is None or median(row.ratios) <= row.goal for row in rows)
    return 0 if met and all(row.statements == 1 for row in rows) else 1


def _rows(store: AgentStore, rounds: int, seconds: float) -> Iterator[Row]:
    records = DataStore(store, "ann", "reader", "bench")
    nobody = DataStore(store, "ann", None, "bench")
    store.load((NAMESPACE, key, {"n": n, "text": "x" * 100}) for n, key in enumerate(KEYS))
    race = partial(_race, store, rounds, seconds)
    store_get = _each(lambda key: store.get(NAMESPACE, key))
    yield race("get, counted", _each(records.get), store_get, _GET_GOAL)
    yield race("get, without an agent", _each(nobody.get), store_get, _GET_GOAL)
    yield race("awaited get, counted", *_awaited(store), _GET_GOAL)
    value = {"n": 1, "text": "x" * 100}
    set_, put = partial(_set, records, value), partial(_put, store, value)
    yield race("set", _each(set_), _each(put))
    thousand = KEYS[:1000]
    gets = [GetOp(NAMESPACE, key) for key in thousand]
    yield race("get_many of 1,000 keys", _again(lambda: records.get_many(thousand)),
               _again(lambda: store.batch(gets)))  # fmt: skip
    yield race("get_all of 10,000 records", _again(records.get_all),
               _again(lambda: list(store.iter_items(NAMESPACE))))  # fmt: skip


def _race(
    store: AgentStore,
    rounds: int,
    seconds: float,
    label: str,
    wrapper: Callable[[int], None],
    plain: Callable[[int], None],
    goal: float | None = None,
) -> Row:
    before = store.stats().statements
    wrapper(1)
    statements = store.stats().statements - before
    ours, theirs = Contestant("wrapper", wrapper), Contestant("store", plain)
    steps = calibrated(ours, seconds), calibrated(theirs, seconds)
    times = [(1e6 / rate(ours, steps[0]), 1e6 / rate(theirs, steps[1])) for _ in range(rounds)]
    return Row(label, [t[0] for t in times], [t[1] for t in times], statements, goal)


def _each(do: Callable[[str], object]) -> Callable[[int], None]:
    def run(steps: int) -> None:
        for key in islice(cycle(KEYS), steps):
            do(key)

    return run


def _again(do: Callable[[], object]) -> Callable[[int], None]:
    def run(steps: int) -> None:
        for _ in range(steps):
            do()

    return run


def _awaited(store: AgentStore) -> tuple[Callable[[int], None], Callable[[int], None]]:
    records = AsyncDataStore(store, "ann", "reader", "bench")

    async def wrapper(steps: int) -> None:
        for key in islice(cycle(KEYS), steps):
            await records.get(key)

    async def plain(steps: int) -> None:
        for key in islice(cycle(KEYS), steps):
            await store.aget(NAMESPACE, key)

    return lambda steps: asyncio.run(wrapper(steps)), lambda steps: asyncio.run(plain(steps))


def _set(records: DataStore, value: object, key: str) -> None:
    records.set(key, value)


def _put(store: AgentStore, value: dict[str, object], key: str) -> None:
    store.put(NAMESPACE, key, value)


def _table(rows: Sequence[Row]) -> Table:
    table = Table("", "data_store µs", "store µs", "ratio (range)", "goal", "statements")
    for row in rows:
        ratios = row.ratios
        table.add_row(
            row.label,
            f"{median(row.wrapper_us):,.0f}",
            f"{median(row.store_us):,.0f}",
            f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})",
            "" if row.goal is None else f"≤ {row.goal}",
            str(row.statements),
        )
    return table


if __name__ == "__main__":
    raise SystemExit(main())
