"""How often a statement behind a pooler runs as another one's: `python 0022.py DSN`.

Two processes of four connections each ask `SELECT 'process-connection-n', $1`, with statements
named and sent in four ways; an answer that was not asked for is counted, and an error too.
"""

from __future__ import annotations

import asyncio
import sys
import time
from multiprocessing import get_context
from typing import Any

import asyncpg

from langgraph_agentstore.runtime.connections.poolers import OWN_NAMES

SECONDS = 5.0
WAYS: dict[str, dict[str, Any]] = {
    "asyncpg's names": {},
    "no name, in two parts": {"max_cacheable_statement_size": 1},
    "names of one's own": OWN_NAMES,
    "no name, in one part": {"statement_cache_size": 0, **OWN_NAMES},
}


async def ask(dsn: str, who: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    """Asks until the time is up, on one connection, and counts the answers."""
    connection = await asyncpg.connect(dsn, **options)
    deadline = time.monotonic() + SECONDS
    n = 0
    while time.monotonic() < deadline:
        n += 1
        asked = f"{who}-{n % 50}"
        try:
            found = await connection.fetchrow(f"SELECT '{asked}', $1::int", n)
        except asyncpg.PostgresError:
            counts["errors"] += 1
        else:
            counts["crossed" if tuple(found) != (asked, n) else "right"] += 1
    await connection.close()


def work(arguments: tuple[str, int, str]) -> dict[str, int]:
    """One process: the answers of its connections, counted."""
    dsn, process, way = arguments
    counts = dict.fromkeys(("right", "crossed", "errors"), 0)

    async def main() -> None:
        names = [f"{process}-{connection}" for connection in range(4)]
        await asyncio.gather(*[ask(dsn, name, WAYS[way], counts) for name in names])

    asyncio.run(main())
    return counts


def main(dsn: str) -> None:
    """Has two processes ask in each way, one after the other."""
    with get_context("spawn").Pool(2) as pool:
        for way in WAYS:
            both = pool.map(work, [(dsn, process, way) for process in (1, 2)])
            total = {name: sum(counts[name] for counts in both) for name in both[0]}
            shown = "  ".join(f"{name} {count:6}" for name, count in total.items())
            sys.stdout.write(f"{way:24}{shown}\n")


if __name__ == "__main__":
    main(sys.argv[1])
