"""What the server works for one put: with the look for watchers, without, and the official store's.

python docs/decisions/evidence/0014_server.py [rounds]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from itertools import count
from pathlib import Path
from statistics import median

import asyncpg
import psutil
from langgraph.store.postgres import PostgresStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.sql.items.put import REPLACE, arguments_of, insert_one, put_one_sql
from langgraph_agentstore.sql.statement import Put, SqlContext
from langgraph_agentstore.sql.tables import Tables

STEPS = 1500
VALUE = b'{"n": 1, "text": "some words that a memory might have, and some more of them"}'
OFFICIAL = """
INSERT INTO store (prefix, key, value, created_at, updated_at, expires_at, ttl_minutes)
VALUES ($1, $2, $3, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, NULL, NULL)
    ON CONFLICT (prefix, key) DO UPDATE SET value = EXCLUDED.value, updated_at = CURRENT_TIMESTAMP,
       expires_at = EXCLUDED.expires_at, ttl_minutes = EXCLUDED.ttl_minutes"""


async def measure(dsn: str, rounds: int) -> None:
    """Print the median processor time of a put of each kind, over new and over old items."""
    async with AgentStore(dsn):
        pass
    with PostgresStore.from_conn_string(dsn) as official:
        official.setup()
    connection = await asyncpg.connect(dsn, server_settings={"synchronous_commit": "off"})
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=lambda t: b"\x01" + t, decoder=bytes
    )
    backend = psutil.Process(connection.get_server_pid())
    context = SqlContext(Tables("agentstore"))
    statements = {
        "watched": await connection.prepare(put_one_sql(context)),
        "plain": await connection.prepare(insert_one(context, REPLACE)),
        "official": await connection.prepare(OFFICIAL),
    }
    keys = count()
    for over in ("new", "old"):
        found: dict[str, list[float]] = {name: [] for name in statements}
        for _ in range(rounds):
            for name, statement in statements.items():
                began = sum(backend.cpu_times()[:2])
                for n in range(STEPS):
                    key = f"k{next(keys)}" if over == "new" else f"old {n % 200}"
                    put = Put(("ann", "notes", key), "notes", VALUE, None)
                    given = ("users.ann", key, VALUE) if name == "official" else arguments_of(put)
                    await statement.fetch(*given)
                found[name].append((sum(backend.cpu_times()[:2]) - began) / STEPS * 1e6)
        print(over, *(f"{name} {median(times):.0f} µs" for name, times in found.items()))  # noqa: T201
    await connection.close()


with tempfile.TemporaryDirectory() as folder:
    server = EmbeddedPostgres(Path(folder) / "postgres")
    try:
        asyncio.run(measure(server.start(), int(sys.argv[1]) if len(sys.argv) > 1 else 9))
    finally:
        server.stop()
