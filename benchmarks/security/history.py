"""The price of history, and of reading an item as of a moment."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from datetime import datetime, timezone
from typing import Any

import psycopg

from langgraph_agentstore import AgentStore

from ..bench import Bench
from ..harness import Goal, Result
from .pricing import KEYS, USERS, Pricing, address, getting, pricing

_ROWS = 1_000_000
_AS_OF_GOAL = Goal(at_most=3)
# Of each item fifty changes, all after the moment that is asked for: the first is to be found.
_FILL = f"""
INSERT INTO agentstore.item_history
       (user_id, namespace, key, changed_at, xact, operation, new_version, provenance, role, salt,
        place, value, metadata, version, created_at, updated_at)
SELECT 'user-' || lpad((g % {USERS})::text, 3, '0'), 'memories',
       'memory-' || lpad((g / {USERS} % {KEYS})::text, 7, '0'),
       now() + g * interval '1 millisecond', '1', 'put', 2, '{{}}', 'bench', gen_random_uuid(),
       'memories', i.value, '{{}}', 1, now(), now()
  FROM generate_series(1, {{rows}}) g,
       (SELECT value FROM agentstore.item LIMIT 1) i"""


def history(bench: Bench) -> Iterator[Result]:
    """Measure a store that keeps history, and `get_as_of` beside its `get`."""
    with pricing(bench, "history", history=True) as (priced, store):
        yield from priced.usual()
        yield from priced.sized((100_000,), gets=False)
        yield from _as_of(priced, store)


def _as_of(priced: Pricing, store: AgentStore) -> Iterator[Result]:
    rows = _ROWS // (20 if priced.bench.options.quick else 1)
    when = datetime.now(timezone.utc)
    with psycopg.connect(priced.dsn, autocommit=True) as connection:
        connection.execute(_FILL.replace("{rows}", str(rows)).encode())
        connection.execute("VACUUM ANALYZE agentstore.item_history")

    def reading(number: int) -> Awaitable[Any]:
        place, item_key = address(priced.dear, number)
        return store.aget_as_of(place.namespace, item_key, when)

    name = f"get_as_of, {rows:,} rows of history"
    for number in (1, 256):
        yield priced.race(name, reading, getting(priced.dear), number, _AS_OF_GOAL, "get")
