"""Jobs around the data: opening, health, sweeping, explaining."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from ..._support.awaited_results import Running
from ...errors import StoreTimeoutError
from ...model.ttl import ttl_interval
from ...results import StoreReadiness
from ...sql.server_forms import form_of
from ..connections.connector import Connection
from ..job import Job
from ..migrator import migrate
from ..session import Session

HEALTH_S = 3.0
"""How long a check of health may take, whatever other limits allow."""

_READY_SQL = """
SELECT current_setting('server_version'), current_setting('transaction_read_only')::boolean,
       CASE WHEN NOT pg_is_in_recovery() THEN NULL
            -- Nothing is missing, however long ago the last write was.
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0.0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
       END::float8,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector')"""


async def set_up(session: Session) -> None:
    """Apply the migrations that are missing."""
    # Opening the session did this, but somebody may have dropped the tables since.
    async with session.database.connections.lease() as connection:
        session.schema_version = await migrate(connection, session.context.tables)
        await session.index.now.open(connection)


async def _nothing(_session: Session) -> None:
    return


async def _ready(session: Session) -> StoreReadiness:
    try:
        return await asyncio.wait_for(_look(session), HEALTH_S)
    except asyncio.TimeoutError as error:
        raise StoreTimeoutError(
            f"the database gave no sign of health within {HEALTH_S:g} s"
        ) from error


async def _look(session: Session) -> StoreReadiness:
    began = time.perf_counter()
    async with session.database.connections.lease("get"):
        waited = time.perf_counter()
    rows = await session.database.fetch(_READY_SQL, (), kind="check_ready", users=(), use="get")
    answered = time.perf_counter()
    [(version, read_only, lag_s, pgvector)] = rows
    return StoreReadiness(
        ready=True,
        latency_ms=(answered - waited) * 1000,
        pool_wait_ms=(waited - began) * 1000,
        server_version=version,
        schema_version=session.schema_version,
        pgvector_version=pgvector,
        read_only=read_only,
        replica_lag_s=lag_s,
    )


def start_sweeper(interval_minutes: float | None) -> Job[Running]:
    """Return the job that starts the sweeper at this interval, or at the store's.

    Its result is a future that ends with the sweeping.
    """
    ttl_interval(interval_minutes)

    async def run(session: Session) -> Running:
        return session.sweeper.start(interval_minutes)

    return Job(run, kind="sweep")


def explain_job(sql: str, arguments: Sequence[Any]) -> Job[Any]:
    """Return the job that asks for the plan of a statement, as text and as a tree.

    The plan is the generic one, which depends on no values; of distributed tables, the plan for
    these arguments. The statement is not run.
    """

    async def run(session: Session) -> tuple[str, dict[str, Any]]:
        distributed = bool(session.context.distributed)
        asked = form_of(sql, distributed=distributed)
        async with session.database.lease(users=()) as connection, connection.transaction():
            if distributed:
                return await _explain_distributed(connection, asked, arguments)
            return await _explain(connection, asked, len(arguments))

    return Job(run, kind="explain")


async def _explain(connection: Connection, sql: str, arguments: int) -> tuple[str, dict[str, Any]]:
    # EXPLAIN of a statement with arguments would show the plan for these arguments only.
    name = f"agentstore_{uuid4().hex}"
    await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE {name} AS {sql}")
    values = f"({', '.join(['NULL'] * arguments)})" if arguments else ""
    lines = await connection.fetch(f"EXPLAIN EXECUTE {name}{values}")
    [(tree,)] = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE {name}{values}")
    await connection.execute(f"DEALLOCATE {name}")
    return "\n".join(line for (line,) in lines), json.loads(tree)[0]["Plan"]


async def _explain_distributed(
    connection: Connection, sql: str, arguments: Sequence[Any]
) -> tuple[str, dict[str, Any]]:
    lines = await connection.fetch(f"EXPLAIN {sql}", *arguments)
    [(tree,)] = await connection.fetch(f"EXPLAIN (FORMAT JSON) {sql}", *arguments)
    return "\n".join(line for (line,) in lines), json.loads(tree)[0]["Plan"]


OPEN = Job(_nothing, kind="open", reads_only=True)
"""Done as soon as the store is open."""

READY = Job(_ready, kind="check_ready", reads_only=True)
SWEEP: Job[int] = Job(lambda session: session.sweeper.sweep(), kind="sweep")
STOP_SWEEPER: Job[bool] = Job(lambda session: session.sweeper.stop(), kind="sweep")
