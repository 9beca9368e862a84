"""Awaited reads by one task: near, by the session, and by the bare driver, in turn.

python docs/decisions/evidence/0038.py [rounds]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import asyncpg
from langgraph.store.base import GetOp, SearchOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded import EmbeddedPostgres

NAMESPACE = ("users", "ann", "notes")
STEPS = 200

Read = Callable[[], Awaitable[object]]


async def rate(read: Read) -> float:
    """Return the reads per second of one round."""
    began = time.perf_counter()
    for _ in range(STEPS):
        await read()
    return STEPS / (time.perf_counter() - began)


async def compare(dsn: str, rounds: int) -> None:
    """Print the medians of each way, and the ratios of the rounds."""
    crossing = AgentStore(dsn)
    bare = await asyncpg.connect(dsn)
    async with AgentStore(dsn) as near:
        for n in range(50):
            await near.aput(NAMESPACE, f"k{n}", {"n": n, "text": "likes tea"})
        for kind, op, ask in (
            ("get", GetOp(NAMESPACE, "k7"), lambda store: store.aget(NAMESPACE, "k7")),
            ("search", SearchOp(NAMESPACE, limit=10), lambda store: store.asearch(NAMESPACE)),
        ):
            statement = near.explain(op)
            prepared = await bare.prepare(statement.sql)
            ways: dict[str, Read] = {
                "near": lambda ask=ask: ask(near),
                "session": lambda ask=ask: ask(crossing),
                "driver": lambda p=prepared, s=statement: p.fetch(*s.arguments),
            }
            for _ in range(2):
                for read in ways.values():
                    await rate(read)
            rates = {way: [] for way in ways}
            for _ in range(rounds):
                for way, read in ways.items():
                    rates[way].append(await rate(read))
            pairs = list(zip(*rates.values(), strict=True))
            print(  # noqa: T201
                kind,
                *(f"{way} {median(found):,.0f}/s" for way, found in rates.items()),
                f"near/session {median(n / s for n, s, _ in pairs):.2f}",
                f"near/driver {median(n / d for n, _, d in pairs):.2f}",
                f"session/driver {median(s / d for _, s, d in pairs):.2f}",
            )
    await bare.close()
    await crossing.aclose()


with tempfile.TemporaryDirectory() as folder:
    server = EmbeddedPostgres(Path(folder) / "postgres")
    try:
        asyncio.run(compare(server.start(), int(sys.argv[1]) if len(sys.argv) > 1 else 25))
    finally:
        server.stop()
