"""Puts that tell of themselves beside puts that do not, while nobody watches.

AGENTSTORE_DSN=postgresql://… python docs/decisions/evidence/0014.py
"""

import asyncio
import os
import time
from statistics import median

import asyncpg

from langgraph_agentstore import AgentStore, PoolConfig
from langgraph_agentstore.sql.items.put import put_many_sql, put_one_sql
from langgraph_agentstore.sql.statement import SqlContext, Tables

ROUNDS, ALONE, TOGETHER = 12, 1000, 2000
RULES = SqlContext(Tables("agentstore"))


def without_telling(sql: str) -> str:
    """Return the statement within the CTE."""
    return sql.partition("WITH written AS (")[2].partition("    RETURNING")[0]


async def microseconds(connection: asyncpg.Connection, one: str, many: str) -> tuple[float, float]:
    """Plan a put by itself, and one of `TOGETHER` in one statement."""
    began = time.perf_counter()
    for n in range(ALONE):
        await connection.fetch(one, "u", "n", str(n), "n", b'{"n":1}', None, b"{}", None)
    alone = time.perf_counter() - began
    same, keys, values = ["n"] * TOGETHER, [f"m{n}" for n in range(TOGETHER)], [b'{"n":1}']
    began = time.perf_counter()
    for _ in range(5):
        await connection.fetch(many, same, same, keys, same, values * TOGETHER)
    together = time.perf_counter() - began
    return alone / ALONE * 1e6, together / 5 / TOGETHER * 1e6


async def main() -> None:
    """Print both ratios."""
    dsn = os.environ["AGENTSTORE_DSN"]
    async with AgentStore(dsn):
        pass
    settings = {**PoolConfig().settings, "synchronous_commit": "off"}
    connection = await asyncpg.connect(dsn, server_settings=settings)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=lambda t: b"\x01" + t, decoder=bytes
    )
    telling = put_one_sql(RULES), put_many_sql(RULES)
    silent = without_telling(telling[0]), without_telling(telling[1])
    rounds = [
        (await microseconds(connection, *telling), await microseconds(connection, *silent))
        for _ in range(ROUNDS)
    ]
    for position, label in enumerate(("alone", "together")):
        told, untold = (median(r[side][position] for r in rounds) for side in (0, 1))
        print(f"{label}: {told:.1f} µs telling, {untold:.1f} not: {told / untold:.2f}")  # noqa: T201
    await connection.close()


asyncio.run(main())
