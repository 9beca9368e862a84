"""A server that is far away: what counts is the number of round trips."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from statistics import median

from langgraph.store.base import BaseStore, Item

from tests.support.proxy import Proxy

from ..bench import OFFICIAL, Bench
from ..data import key
from ..race import Contestant
from ..results import Goal, Result
from ..sides import open_sides

NAME = "distance"

_ROUND_TRIP_S = 0.01
_GETS = 20


def measure(bench: Bench) -> Iterator[Result]:
    """20 gets over 20 namespaces, all at once; the round trips are counted by the proxy."""
    namespaces = [space.namespace for space in bench.main.spaces[:_GETS]]

    async def ask(store: BaseStore) -> list[Item | None]:
        return await asyncio.gather(*[store.aget(namespace, key(1)) for namespace in namespaces])

    async def work(store: BaseStore, steps: int) -> None:
        for _ in range(steps):
            await ask(store)

    name = f"{_GETS} gets, 10 ms away"
    with (
        Proxy(bench.filled(bench.main), round_trip_s=_ROUND_TRIP_S) as proxy,
        open_sides(proxy.dsn, bench.options.connections) as sides,
    ):
        same = sides.agree(ask)
        ours, theirs = sides.awaiting(work)
        yield bench.row(NAME, name, (ours, theirs), same=same, unit="ms", goal=Goal(10))
        ours_trips, *their_trips = (
            _trips(proxy, contestant, bench.options.rounds) for contestant in (ours, *theirs)
        )
        yield Result(
            NAME,
            f"round trips of {_GETS} gets",
            "trips",
            ours_trips,
            min(their_trips, key=median),
            OFFICIAL,
            Goal(ours_at_most=1),
            same,
        )


def _trips(proxy: Proxy, contestant: Contestant, rounds: int) -> tuple[float, ...]:
    """Round trips in series, of each run: calls of one moment may still leave in two batches."""
    trips = []
    for _ in range(rounds):
        proxy.reset_chains()
        contestant.run(1)
        trips.append(float(proxy.longest_chain))
    return tuple(trips)
