"""The work by which controls are priced, and its rows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any, TypeAlias

import psycopg
from langgraph.store.base import BaseStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.model.namespaces import Labels

from ..bench import Bench, event_loop
from ..harness import NO_GOAL, Contestant, Goal, Result, race
from ..items import key, settle
from ..items import value as memory
from ..rows.reads import tasks

Call: TypeAlias = Callable[[int], Awaitable[Any]]
Work: TypeAlias = "Callable[[Places], Call]"
Goals: TypeAlias = Mapping[tuple[str, int], Goal]

USERS, KEYS = 400, 50
_FEW = 4
INDEX = {"mode": "text"}
_WORDS = ("trains", "planes", "nicer", "conversation")
_STRIDE = 7919
_MOST_AT_ONCE, _MOST_LARGE_AT_ONCE, _LARGE = 256, 16, 100_000
_TALK = ("the", "cat", "sat", "on", "a", "mat", "and", "purred", "about", "tea", "with", "milk")


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace, and the store or view by which it is reached."""

    store: BaseStore
    namespace: Labels


Places: TypeAlias = Sequence[Place]


@dataclass(frozen=True, slots=True)
class Pricing:
    """The places of one control, with it and without it; `loop` is asyncio's default."""

    bench: Bench
    control: str
    dsn: str
    loop: asyncio.AbstractEventLoop
    dear: Places
    plain: Places

    def usual(self, goals: Goals | None = None) -> Iterator[Result]:
        """Measure gets, searches by words and puts over old items, by one and by many tasks."""
        works: dict[str, Work] = {"get": getting, "search by words": searching, "put": putting}
        for name, work in works.items():
            for number in (1, 64 if work is searching else _MOST_AT_ONCE):
                yield self.row(name, work, number, (goals or {}).get((name, number), NO_GOAL))

    def sized(self, sizes: Sequence[int] = (1_000, 100_000), *, gets: bool) -> Iterator[Result]:
        """Measure puts, and gets if asked for, of values of so many bytes."""
        few = replace(self, dear=self.dear[:_FEW], plain=self.plain[:_FEW])
        for size in sizes:
            put = partial(putting, value=_talk(size))
            for places in (few.dear, few.plain):
                self.loop.run_until_complete(_tasks_of(put(places), 1, _FEW * KEYS))
            for number in (1, _MOST_AT_ONCE if size < _LARGE else _MOST_LARGE_AT_ONCE):
                works: dict[str, Work] = {"get": getting, "put": put}
                for name, work in works.items():
                    if gets or work is put:
                        yield few.row(f"{name} of {size // 1000} kB", work, number)

    def row(self, name: str, work: Work, number: int, goal: Goal = NO_GOAL) -> Result:
        """Race that work of so many tasks at the places of both sides."""
        with_control, without = work(self.dear), work(self.plain)
        return self.race(name, with_control, without, number, goal, f"without {self.control}")

    def race(
        self, name: str, dear: Call, plain: Call, number: int, goal: Goal, rival: str
    ) -> Result:
        """Race two calls, made by so many tasks."""

        def contestant(label: str, call: Call) -> Contestant:
            return Contestant(
                label, lambda steps: self.loop.run_until_complete(_tasks_of(call, number, steps))
            )

        return race(
            f"{self.control}: {name}, {tasks(number)}",
            contestant("with", dear),
            [contestant("without", plain)],
            self.bench.options,
            goal=goal,
            per_step=number,
            rival=rival,
            price=True,
        )


def getting(places: Places) -> Call:
    """Return the get of the item of a number."""

    def call(number: int) -> Awaitable[Any]:
        place, item_key = address(places, number)
        return place.store.aget(place.namespace, item_key)

    return call


def putting(places: Places, value: dict[str, Any] | None = None) -> Call:
    """Return the put of that value, or of the next memory, over the item of a number."""
    turns = count()

    def call(number: int) -> Awaitable[Any]:
        place, item_key = address(places, number)
        return place.store.aput(place.namespace, item_key, value or memory(next(turns)))

    return call


def searching(places: Places) -> Call:
    """Return the search of the place of a number, by a word that all items have."""

    def call(number: int) -> Awaitable[Any]:
        place, _ = address(places, number)
        return place.store.asearch(place.namespace, query=_WORDS[number % len(_WORDS)], limit=10)

    return call


def address(places: Places, number: int) -> tuple[Place, str]:
    """Return the place and the key of the item of a number."""
    turn, at = divmod(number, len(places))
    return places[at], key(turn % KEYS)


async def _tasks_of(call: Call, number: int, steps: int) -> None:
    """Call so many times in each of so many tasks, which are at different places at a time."""

    async def task(start: int) -> None:
        for step in range(steps):
            await call(start + step)

    await asyncio.gather(*[task(n * _STRIDE) for n in range(number)])


def _talk(size: int) -> dict[str, Any]:
    words = " ".join(random.Random(1).choices(_TALK, k=size // 3))
    return {"text": words[: size - len('{"text":""}')]}


def of_users(store: BaseStore) -> Places:
    """Return the namespaces of all users, reached by the plain store."""
    return [Place(store, ("users", f"user-{n:03}", "memories")) for n in range(USERS)]


@contextmanager
def pricing(bench: Bench, control: str, **options: Any) -> Iterator[tuple[Pricing, AgentStore]]:
    """Open a store with these options and one without; yield their pricing, and the first.

    They are in two schemas of one database, with the same items.
    """
    dsn = bench.new_database(control.replace(" ", "_"))
    with ExitStack() as stack:
        dear = stack.enter_context(opened(bench, dsn, **options))
        plain = stack.enter_context(opened(bench, dsn, schema="plain"))
        fill(dsn, dear, plain)
        loop = stack.enter_context(event_loop())
        yield Pricing(bench, control, dsn, loop, of_users(dear), of_users(plain)), dear


def opened(bench: Bench, dsn: str, **options: Any) -> AgentStore:
    """Return a store with words, and with all its connections."""
    connections = bench.options.connections
    pool = {"min_size": connections, "max_size": connections}
    return AgentStore(dsn, pool=pool, index=INDEX, **options)


def fill(dsn: str, *stores: AgentStore) -> None:
    """Write the items of all users into the stores."""
    for store in stores:
        store.load(_items())
    with psycopg.connect(dsn, autocommit=True) as connection:
        settle(connection)


def _items() -> Iterator[tuple[Labels, str, dict[str, Any]]]:
    for number in range(USERS * KEYS):
        turn, user = divmod(number, USERS)
        yield ("users", f"user-{user:03}", "memories"), key(turn), memory(number)
