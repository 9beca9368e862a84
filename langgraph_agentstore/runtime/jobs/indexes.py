"""Creation of indexes on a table in use: concurrently, one process at a time, none left invalid."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg

from ...errors import DatabaseError
from ...security.quotas.retention_sql import retention_indexes
from ...sql.filters.indexes import FilterIndex
from ...sql.statement import SqlContext
from ..connections.connector import Connection
from ..connections.poolers import Pooler
from ..job import Job
from ..process_lock import ProcessLock
from ..session import Session
from ..statements import Database
from ..vector_sets import wanted_index
from .maintenance import set_up

logger = logging.getLogger("langgraph_agentstore")

# One lock for all schemas of a database: creating an index is rare and slow anyway.
_INDEX_LOCK = 0x61676E75
_NOT_THE_OWNER = "42501"
_POLL_S = 0.1
_INDEX_LIMIT_S = 24 * 3600.0

_SMALL_BYTES = 1 << 20
_IS_OURS_AND_SMALL = "SELECT pg_try_advisory_xact_lock($1) AND pg_table_size($2::regclass) < $3"

# An HNSW graph larger than this memory takes many times as long to build.
_MORE_MEMORY = """
SELECT set_config('maintenance_work_mem', greatest(setting::bigint, 524288) || 'kB', false)
  FROM pg_settings WHERE name = 'maintenance_work_mem'"""

# Left unfinished, or created with other options than now.
_IS_UNFIT = """
SELECT NOT x.indisvalid OR NOT coalesce(c.reloptions, '{}') @> $2::text[]
  FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE x.indexrelid = to_regclass($1)"""


def setup_job(indexes: Sequence[FilterIndex]) -> Job[None]:
    """Return the job that sets up the schema and creates indexes that are missing or unfinished."""

    async def run(session: Session) -> None:
        await set_up(session)
        if session.index.now.problem is not None:
            raise session.index.now.problem
        await _make_all(session, indexes)
        await _have_retention_indexes(session)
        await have_approximate_index(session)

    return Job(run, kind="set_up")


async def _have_retention_indexes(session: Session) -> None:
    """Create the indexes by which the sweeper finds what was kept long enough."""
    retention = session.config.retention
    if retention is None:
        return
    try:
        await _make_all(session, retention_indexes(session.context.tables, [*retention.stored]))
    except DatabaseError as error:
        if error.sqlstate != _NOT_THE_OWNER:
            raise
        logger.warning("retention reads all items: %s; let the owner call setup()", error)


def lacks_approximate_index(context: SqlContext) -> bool:
    """Return whether the configuration asks for an approximate index that is not in use."""
    return not context.approximate and wanted_index(context) is not None


async def have_approximate_index(session: Session) -> None:
    """Create the index that the configuration asks for, unless it is there with these options."""
    context = session.context
    ann = wanted_index(context)
    if ann is None:
        return
    if session.database.row_security:
        if not context.approximate:
            logger.warning("searches stay exact: let the owner of the tables call setup()")
        return
    if context.vector_index.kind == "ivfflat":
        # Its lists are computed from the vectors that are there.
        question = f"SELECT EXISTS (SELECT 1 FROM {context.vectors})"
        filled = await session.database.fetch(question, (), kind="rebuild_index")
        if not filled[0][0]:
            return
    try:
        await _make_all(session, [ann])
    except DatabaseError as error:
        if error.sqlstate != _NOT_THE_OWNER:
            raise
        logger.warning("searches stay exact: %s; let the owner call setup()", error)
    else:
        session.index.now.context = replace(context, approximate=True)


async def _make_all(session: Session, indexes: Sequence[FilterIndex]) -> None:
    if not indexes:
        return
    async with session.database.lease() as connection:
        for index in indexes:
            await make_index(session.database, connection, index, session.context.tables.quoted)


async def make_index(
    database: Database, connection: Connection, index: FilterIndex, schema: str
) -> None:
    """Create the index unless it is there; create it again if it was left unfinished."""
    if await _is_unfit(connection, index, schema) is False:
        return
    if database.pooler.is_there and await _make_small(connection, index, schema):
        return
    lock = ProcessLock(database, _INDEX_LOCK)
    try:
        # Polling: whoever creates an index concurrently would wait for one who waits inside
        # Postgres.
        while not await lock.try_take(connection):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        async with _without_limits(database.pooler, connection):
            if await _is_unfit(connection, index, schema):
                await connection.execute(index.drop, timeout=_INDEX_LIMIT_S)
            await connection.execute(index.create, timeout=_INDEX_LIMIT_S)
    finally:
        await lock.release(connection)


async def _is_unfit(connection: Connection, index: FilterIndex, schema: str) -> bool | None:
    """Return None if there is no such index."""
    name = f"{schema}.{index.name}"
    found: bool | None = await connection.fetchval(_IS_UNFIT, name, list(index.options))
    return found


async def _make_small(connection: Connection, index: FilterIndex, schema: str) -> bool:
    """Create the index of a small table in one transaction, which a pooler keeps on one session."""
    try:
        async with connection.transaction():
            # While one waits for such a lock, everybody who comes later waits too.
            await connection.execute("SET LOCAL lock_timeout = '100ms'")
            if not await connection.fetchval(
                _IS_OURS_AND_SMALL, _INDEX_LOCK, index.table, _SMALL_BYTES
            ):
                return False
            if await _is_unfit(connection, index, schema):
                await connection.execute(index.drop_at_once)
            await connection.execute(index.create_at_once)
    except asyncpg.LockNotAvailableError:
        return False
    return True


@asynccontextmanager
async def _without_limits(pooler: Pooler, connection: Connection) -> AsyncIterator[None]:
    """Allow more time and memory until the block ends, if the session is not shared."""
    if pooler.is_there:
        yield
        return
    await connection.execute("SET statement_timeout = 0")
    await connection.execute("SET lock_timeout = 0")
    await connection.execute(_MORE_MEMORY)
    try:
        yield
    finally:
        await connection.execute("RESET statement_timeout")
        await connection.execute("RESET lock_timeout")
        await connection.execute("RESET maintenance_work_mem")
