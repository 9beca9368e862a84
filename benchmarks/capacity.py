"""`python -m benchmarks.capacity`: what pools of several sizes carry.

256 tasks call one operation each again and again. The pools take turns, and each is compared with
the one of a single connection in the same round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from time import perf_counter
from typing import TypeAlias

from langgraph_agentstore import AgentStore

from .bench import server
from .harness import command, print_table

USERS, ITEMS, TASKS = 1_000, 20, 256
SIZES = (1, 2, 4, 8, 16)
Call: TypeAlias = Callable[[AgentStore, int], Awaitable[object]]


def notes(number: int) -> tuple[str, ...]:
    """Return the namespace of a user."""
    return ("users", f"u{number % USERS}", "notes")


OPERATIONS: dict[str, Call] = {
    "get": lambda store, n: store.aget(notes(n), f"key{n // USERS % ITEMS}"),
    "put": lambda store, n: store.aput(notes(n), f"key{n // USERS % ITEMS}", {"text": f"tea {n}"}),
    "newest 10": lambda store, n: store.asearch(notes(n)),
    "search by words": lambda store, n: store.asearch(notes(n), query="green tea"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how much each pool carries of each operation, with its ratio to one connection."""
    parser = command("benchmarks.capacity", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each pool (default 5)")
    parser.add_argument("--seconds", type=float, default=1, help="of each round (default 1)")
    options = parser.parse_args(arguments)
    with server() as dsn:
        figures = asyncio.run(_measured(dsn, options.rounds, options.seconds))
    print_table(
        ("max_size", *OPERATIONS),
        [
            (str(size), *(_told(by_size[size], by_size[1]) for by_size in figures.values()))
            for size in SIZES
        ],
    )


def _told(rates: Sequence[float], of_one: Sequence[float]) -> str:
    ratio = median(rate / one for rate, one in zip(rates, of_one, strict=True))
    return f"{median(rates):,.0f}/s, {ratio:.2f}"


async def _measured(dsn: str, rounds: int, seconds: float) -> dict[str, dict[int, list[float]]]:
    stores = {
        size: AgentStore(dsn, index={"mode": "text"}, pool={"min_size": size, "max_size": size})
        for size in SIZES
    }
    figures = {name: {size: list[float]() for size in SIZES} for name in OPERATIONS}
    try:
        for first in range(0, USERS * ITEMS, 1_000):
            puts = (OPERATIONS["put"](stores[8], n) for n in range(first, first + 1_000))
            await asyncio.gather(*puts)
        for _ in range(rounds):
            for name, call in OPERATIONS.items():
                for size, store in stores.items():
                    figures[name][size].append(await _rate(store, call, seconds))
    finally:
        for store in stores.values():
            await store.aclose()
    return figures


async def _rate(store: AgentStore, call: Call, seconds: float) -> float:
    """Return the calls a second of all tasks together."""
    began = perf_counter()
    calls = 0

    async def work(number: int) -> None:
        nonlocal calls
        while perf_counter() - began < seconds:
            await call(store, number)
            calls += 1
            number += TASKS

    await asyncio.gather(*(work(n) for n in range(TASKS)))
    return calls / (perf_counter() - began)


if __name__ == "__main__":
    main()
