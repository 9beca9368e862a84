"""History: what keeping it costs a put, and how a read as of a moment compares with a get."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from itertools import count
from typing import Any, TypeAlias

import psycopg

from langgraph_agentstore import AgentStore
from langgraph_agentstore.model.namespaces import Labels

from ..bench import Bench
from ..harness import Contestant, Goal, Result, race
from ..items import value
from .reads import tasks

Call: TypeAlias = Callable[[Labels, str], Awaitable[Any]]

_USERS, _KEYS, _ROWS = 200, 50, 1_000_000
_AS_OF_GOAL = Goal(1 / 3)
# Of each item a hundred changes, all after the moment that is asked for: the first is to be found.
_FILL = f"""
INSERT INTO agentstore.item_history
       (user_id, namespace, key, changed_at, xact, operation, new_version, provenance, role, salt,
        place, value, metadata, version, created_at, updated_at)
SELECT 'u' || g % {_USERS}, 'notes', 'k' || g / {_USERS} % {_KEYS},
       now() + g * interval '1 millisecond', '1', 'put', 2, '{{}}', 'bench', gen_random_uuid(),
       'notes', jsonb_build_object('n', g, 'text', repeat('words ', 20)), '{{}}', 1, now(), now()
  FROM generate_series(1, {{rows}}) g"""


def history(bench: Bench) -> Iterator[Result]:
    """Measure puts with and without history, and `get_as_of` beside `get`."""
    dsn = bench.new_database("history")
    with ExitStack() as stack:
        plain = stack.enter_context(AgentStore(dsn, schema="plain"))
        kept = stack.enter_context(AgentStore(dsn, history=True))
        for number in (1, 256):
            yield race(
                f"awaited put, with history, {tasks(number)}",
                Contestant("with", working(putting(kept), number)),
                [Contestant("without", working(putting(plain), number))],
                bench.options,
                per_step=number,
                rival="without history",
            )
        yield from _as_of(bench, dsn, kept)


def _as_of(bench: Bench, dsn: str, kept: AgentStore) -> Iterator[Result]:
    rows = _ROWS // (20 if bench.options.quick else 1)
    when = datetime.now(timezone.utc)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_FILL.replace("{rows}", str(rows)))
        connection.execute("VACUUM ANALYZE agentstore.item_history")

    def as_of(namespace: Labels, key: str) -> Awaitable[Any]:
        return kept.aget_as_of(namespace, key, when)

    for number in (1, 256):
        yield race(
            f"awaited get_as_of, {rows:,} rows of history, {tasks(number)}",
            Contestant("get_as_of", working(as_of, number)),
            [Contestant("get", working(kept.aget, number))],
            bench.options,
            goal=_AS_OF_GOAL,
            per_step=number,
            rival="get",
        )


def putting(store: AgentStore) -> Call:
    """Return the put of the next value."""
    numbers = count()
    return lambda namespace, key: store.aput(namespace, key, value(next(numbers)))


def working(call: Call, number: int) -> Callable[[int], None]:
    """Return the function that makes this many calls in each of so many tasks."""

    async def work(steps: int) -> None:
        async def task(user: int) -> None:
            for step in range(steps):
                await call(("users", f"u{user % _USERS}", "notes"), f"k{(step + user) % _KEYS}")

        await asyncio.gather(*[task(user) for user in range(number)])

    return lambda steps: asyncio.run(work(steps))
