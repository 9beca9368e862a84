"""256 tasks get items: through the store, and with one statement each on a pool of the same size.

AGENTSTORE_DSN=postgresql://… python docs/decisions/evidence/0002.py
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import asyncpg
from langgraph.store.base import GetOp

from langgraph_agentstore import AgentStore

TASKS, ROUNDS, CONNECTIONS = 256, 20, 8


async def seconds(get: Callable[[int], Awaitable[object]]) -> float:
    """How long all tasks take together."""

    async def task(n: int) -> None:
        for _ in range(ROUNDS):
            await get(n)

    await asyncio.gather(*map(task, range(TASKS)))  # warm
    began = time.perf_counter()
    await asyncio.gather(*map(task, range(TASKS)))
    return time.perf_counter() - began


async def main() -> None:
    """Measures both ways on one table."""
    store = AgentStore(schema="evidence_0002", pool={"max_size": CONNECTIONS})
    await store.aload((("users", f"u{n}", "notes"), "last", {"n": n}) for n in range(TASKS))
    sql = store.explain(GetOp(("users", "u0", "notes"), "last")).sql
    before = store.stats()
    together = await seconds(lambda n: store.aget(("users", f"u{n}", "notes"), "last"))
    after = store.stats()

    dsn = store._config.source.resolve()  # the one place where a script looks inside
    async with asyncpg.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        alone = await seconds(lambda n: pool.fetch(sql, f"u{n}", "notes", "last"))
        await pool.execute("DROP SCHEMA evidence_0002 CASCADE")
    await store.aclose()

    gets, statements = after.operations - before.operations, after.statements - before.statements
    print(f"gets in one statement, on average: {gets / statements:.0f}")  # noqa: T201
    print(f"one statement each takes {alone / together:.1f} times as long")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
