"""The distance to the limit: one awaited get against the bare driver and against pgbench."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import Any

import asyncpg
import uvloop
from langgraph.store.base import BaseStore, GetOp

from langgraph_agentstore.embedded.programs import Programs, bundled_major
from langgraph_agentstore.model.namespaces import Labels

from ..bench import Bench
from ..race import Contestant, calibrated, rate
from ..results import Result
from ..sides import Awaited
from .gets import random_addresses

NAME = "limit"

_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


def measure(bench: Bench) -> Iterator[Result]:
    """The same prepared statement on one connection, one at a time."""
    addresses = random_addresses(bench.main)[:1000]
    dsn = bench.filled(bench.main)
    with bench.sides(bench.main) as sides:
        statements = [
            sides.ours.explain(GetOp(namespace, key, refresh_ttl=True))
            for namespace, key in addresses
        ]
        sql, arguments = statements[0].sql, [statement.arguments for statement in statements]
        ours, _ = sides.awaiting(_getting(addresses))
        driver = Contestant("asyncpg", _bare_driver(dsn, sql, arguments))
        our_steps = calibrated(ours, bench.options.seconds)
        steps = calibrated(driver, bench.options.seconds)
        rounds = [
            (rate(ours, our_steps), rate(driver, steps), _pgbench(dsn, sql, arguments[0], steps))
            for _ in range(bench.options.rounds)
        ]
    our_rates, driver_rates, pgbench_rates = (tuple(c) for c in zip(*rounds, strict=True))
    name = "awaited get, 1 task"
    yield Result(NAME, name, "/s", our_rates, driver_rates, "bare asyncpg on uvloop")
    yield Result(NAME, name, "/s", our_rates, pgbench_rates, "pgbench -M prepared")


def _getting(addresses: Sequence[tuple[Labels, str]]) -> Awaited:
    async def work(store: BaseStore, steps: int) -> None:
        for namespace, key in islice(cycle(addresses), steps):
            await store.aget(namespace, key)

    return work


def _bare_driver(dsn: str, sql: str, arguments: Sequence[tuple[Any, ...]]) -> Callable[[int], None]:
    """A prepared statement on a uvloop of its own; rows are fetched, values not parsed."""

    async def fetch(steps: int) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            prepared = await connection.prepare(sql)
            for values in islice(cycle(arguments), steps):
                await prepared.fetch(*values)
        finally:
            await connection.close()

    def run(steps: int) -> None:
        loop = uvloop.new_event_loop()
        try:
            loop.run_until_complete(fetch(steps))
        finally:
            loop.close()

    return run


def _pgbench(dsn: str, sql: str, values: tuple[Any, ...], transactions: int) -> float:
    """Transactions per second of one client, as pgbench counts them: connecting is left out."""
    names = [f"v{n}" for n in range(1, len(values) + 1)]
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as script:
        script.write(re.sub(r"\$(\d+)", r":v\1", " ".join(sql.split())) + ";\n")
        script.flush()
        defined = [f"--define={name}={value}" for name, value in zip(names, values, strict=True)]
        program = str(Programs(bundled_major()).folder / "pgbench")
        how = [
            "--no-vacuum",
            "--protocol=prepared",
            f"--transactions={transactions}",
            f"--file={script.name}",
        ]
        done = subprocess.run(
            [program, *how, *defined, dsn], check=True, stdout=subprocess.PIPE, text=True
        )
    found = _TPS.search(done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench said no tps: {done.stdout}")
    return float(found[1])
