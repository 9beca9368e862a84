"""`agentstore bench-here`: what this server does in some seconds, from this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import quantiles
from typing import Annotated
from uuid import uuid4

import typer

from ..store.agent_store import AgentStore
from .commands import WORDS_INDEX, CommandRun
from .output import TableColumn

BENCH_ITEMS = 1000
_TASKS = 64
_MEASURED_COLUMNS = (
    TableColumn("operation", "operation"),
    TableColumn("tasks", "tasks", "number"),
    TableColumn("per_second", "a second", "number"),
    TableColumn("median_ms", "median ms", "number"),
    TableColumn("p99_ms", "99 % below ms", "number"),
)


def bench_here(
    run: CommandRun,
    *,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long in all.")] = 10.0,
) -> None:
    """Measure gets, puts and searches on this server, by one task and by many."""
    store = run.store(WORDS_INDEX)
    namespace = (f"agentstore_bench_{uuid4().hex[:8]}",)
    try:
        rows = asyncio.run(_measure_all(store, namespace, seconds))
    finally:
        store.delete_namespace(namespace)
    run.output.rows(_MEASURED_COLUMNS, rows)


async def _measure_all(
    store: AgentStore, namespace: tuple[str, ...], seconds: float
) -> list[dict[str, object]]:
    words = ("tea", "green", "cup", "kettle", "morning", "water", "leaf")
    for n in range(BENCH_ITEMS):
        text = f"{words[n % 7]} {words[n // 7 % 7]} note {n}"
        await store.aput(namespace, f"k{n}", {"n": n, "text": text})
    operations: dict[str, Callable[[int], Awaitable[object]]] = {
        "get": lambda n: store.aget(namespace, f"k{n % BENCH_ITEMS}"),
        "put": lambda n: store.aput(
            namespace, f"k{n % BENCH_ITEMS}", {"n": n, "text": "green tea"}
        ),
        "search by filter": lambda n: store.asearch(namespace, filter={"n": n % BENCH_ITEMS}),
        "search by words": lambda n: store.asearch(namespace, query=f"note {n % BENCH_ITEMS}"),
    }
    each = seconds / (2 * len(operations))
    return [
        {"operation": name, "tasks": tasks, **await _timed(operation, tasks, each)}
        for name, operation in operations.items()
        for tasks in (1, _TASKS)
    ]


async def _timed(
    operation: Callable[[int], Awaitable[object]], tasks: int, seconds: float
) -> dict[str, object]:
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def work(first: int) -> None:
        n = first
        while time.perf_counter() < end:
            started = time.perf_counter()
            await operation(n)
            times.append(time.perf_counter() - started)
            n += tasks

    await asyncio.gather(*map(work, range(tasks)))
    cuts = quantiles(times, n=100) if len(times) > 1 else times * 99
    return {
        "per_second": round(len(times) / seconds),
        "median_ms": round(cuts[49] * 1000, 3),
        "p99_ms": round(cuts[98] * 1000, 3),
    }
