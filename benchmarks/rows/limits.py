"""Limits: distance to the server, the bare driver, large values, memory of a walk."""

from __future__ import annotations

import asyncio
import base64
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from statistics import median
from typing import Any

import asyncpg
import uvloop
from langgraph.store.base import BaseStore, GetOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded.programs import Programs, bundled_major
from tests.support.proxy import Proxy

from ..bench import Bench, open_sides
from ..harness import OFFICIAL, Contestant, Goal, Result, alternate, calibrated, rate
from ..items import Dataset, key, large_and_small, mixed
from ..processes import Meter, in_new_process
from .reads import getting, random_addresses, repeated

_ROUND_TRIP_S = 0.01
_GETS = 20
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_LARGE, _LONGEST_WAIT_MS = 9, 100
_PARTS, _PART = 100, 75_000  # together 10 MB of base64
_LARGEST_GROWTH_MB = 100
_FEW = 5_000


def distance(bench: Bench) -> Iterator[Result]:
    """Measure 20 gets over 20 namespaces, all at once; a proxy counts the round trips."""
    namespaces = [space.namespace for space in bench.main.spaces[:_GETS]]

    async def ask(store: BaseStore) -> list[Any]:
        return await asyncio.gather(*[store.aget(namespace, key(1)) for namespace in namespaces])

    with (
        Proxy(bench.holding(bench.main), round_trip_s=_ROUND_TRIP_S) as proxy,
        open_sides(proxy.dsn, bench.options.connections) as sides,
    ):
        same = sides.agree(ask)
        ours, theirs = sides.awaiting(repeated(ask))
        name = f"{_GETS} gets, 10 ms away"
        yield bench.row(name, (ours, theirs), same=same, unit="ms", goal=Goal(10))
        our_trips, *their_trips = (
            _trips(proxy, contestant, bench.options.rounds) for contestant in (ours, *theirs)
        )
    fewest = min(their_trips, key=median)
    name, goal = f"round trips of {_GETS} gets", Goal(ours_at_most=1)
    yield Result(name, "trips", our_trips, fewest, OFFICIAL, goal, same)


def _trips(proxy: Proxy, contestant: Contestant, rounds: int) -> tuple[float, ...]:
    """Count round trips in series: calls of one moment may still leave in two batches."""
    trips = []
    for _ in range(rounds):
        proxy.reset_chains()
        contestant.run(1)
        trips.append(float(proxy.longest_chain))
    return tuple(trips)


def limit(bench: Bench) -> Iterator[Result]:
    """Measure awaited gets beside the same prepared statement on the driver and in pgbench."""
    addresses = random_addresses(bench.main)[:1000]
    dsn = bench.holding(bench.main)
    with bench.sides(bench.main) as sides:
        statements = [
            sides.ours.explain(GetOp(namespace, item_key, refresh_ttl=True))
            for namespace, item_key in addresses
        ]
        sql, arguments = statements[0].sql, [statement.arguments for statement in statements]
        ours, _ = sides.awaiting(getting(addresses, 1))
        driver = Contestant("asyncpg", _bare_driver(dsn, sql, arguments))
        our_steps, steps = (calibrated(each, bench.options.seconds) for each in (ours, driver))
        rates, driver_rates, pgbench_rates = alternate(
            bench.options.rounds,
            lambda: rate(ours, our_steps),
            lambda: rate(driver, steps),
            lambda: _pgbench(dsn, sql, arguments[0], steps),
        )
    name = "awaited get, 1 task"
    yield Result(name, "/s", rates, driver_rates, "bare asyncpg on uvloop")
    yield Result(name, "/s", rates, pgbench_rates, "pgbench -M prepared")


def _bare_driver(dsn: str, sql: str, arguments: Sequence[tuple[Any, ...]]) -> Callable[[int], None]:
    """Run a prepared statement on a uvloop of its own; rows are fetched, values not parsed."""

    async def fetch(steps: int) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            prepared = await connection.prepare(sql)
            for values in islice(cycle(arguments), steps):
                await prepared.fetch(*values)
        finally:
            await connection.close()

    return lambda steps: uvloop.run(fetch(steps))


def _pgbench(dsn: str, sql: str, values: tuple[Any, ...], transactions: int) -> float:
    """Return the transactions per second of one client, as pgbench counts them: once connected."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as script:
        script.write(re.sub(r"\$(\d+)", r":v\1", " ".join(sql.split())) + ";\n")
        script.flush()
        command = [
            str(Programs(bundled_major()).folder / "pgbench"),
            "--no-vacuum",
            "--protocol=prepared",
            f"--transactions={transactions}",
            f"--file={script.name}",
            *(f"--define=v{n}={value}" for n, value in enumerate(values, 1)),
            dsn,
        ]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = _TPS.search(done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench said no tps: {done.stdout}")
    return float(found[1])


def large(bench: Bench) -> Iterator[Result]:
    """Measure the longest of small gets, one after the other, beside nine gets of 10 MB."""
    namespace = ("small",)

    async def longest_wait_ms(store: BaseStore) -> float:
        large = [asyncio.ensure_future(store.aget(("large",), f"{n}")) for n in range(_LARGE)]
        longest = 0.0
        while not all(task.done() for task in large):
            started = time.perf_counter()
            await store.aget(namespace, key(0))
            longest = max(longest, time.perf_counter() - started)
        await asyncio.gather(*large)
        return longest * 1000

    # Compression hardly makes it smaller, as with an image.
    parts = [random.Random(n).randbytes(_PART) for n in range(_PARTS)]
    value = {"parts": [base64.b64encode(part).decode() for part in parts]}
    with open_sides(bench.empty("large"), bench.options.connections) as sides:
        # Its pipeline never comes back from a put of ten megabytes.
        theirs = {way: store for way, store in sides.awaited.items() if way != "pipeline"}
        stores: Mapping[str, Any] = {"ours": sides.ours, **theirs}
        run = sides.loop.run_until_complete
        for store in stores.values():
            run(store.aput(namespace, key(0), {"n": 0}))
            for n in range(_LARGE):
                run(store.aput(("large",), f"{n}", value))
        waits = {
            way: tuple(run(longest_wait_ms(store)) for _ in range(bench.options.rounds))
            for way, store in stores.items()
        }
    ours = waits.pop("ours")
    rival = min(waits, key=lambda way: sum(waits[way]))
    name, goal = f"longest small get beside {_LARGE} of 10 MB", Goal(ours_at_most=_LONGEST_WAIT_MS)
    yield Result(name, "ms", ours, waits[rival], f"{OFFICIAL}, {rival}", goal)


def memory(bench: Bench) -> Iterator[Result]:
    """Measure how a fresh process grows that iterates all items of this and of a small store."""
    whole = large_and_small(1_000_000, 100) if bench.options.million else bench.main
    small = mixed(500, _FEW // 500)
    few, many = (_growth_mb(bench, dataset) for dataset in (small, whole))
    name = f"memory of iterating {whole.count:,} items"
    rival = f"ours, {small.count:,} items"
    yield Result(name, "MB", many, few, rival, Goal(ours_at_most=_LARGEST_GROWTH_MB))


def _growth_mb(bench: Bench, dataset: Dataset) -> tuple[float, ...]:
    found = [in_new_process(walk, bench.holding(dataset)) for _ in range(bench.options.slow_rounds)]
    if counts := {items for items, _ in found} - {dataset.count}:
        raise RuntimeError(f"{counts} of {dataset.count} items were iterated")
    return tuple(grown_mb for _, grown_mb in found)


def walk(dsn: str) -> tuple[int, float]:
    """Iterate all items; return how many there are, and MB of growth beyond the first page."""
    with AgentStore(dsn) as store:
        items = iter(store.iter_items())
        next(items)
        with Meter() as meter:
            count = 1 + sum(1 for _ in items)
    return count, meter.grown_bytes / 1e6
