"""Making indexes on a table in use: concurrently, one process at a time, none left invalid."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from ..errors import DatabaseError
from ..plan.filter_indexes import FilterIndex
from ..plan.model import Rules
from ..plan.vectors import approximate_index
from .connections import Connection
from .maintenance import set_up
from .session import Job, Session
from .translate import executing

logger = logging.getLogger("langgraph_agentstore")

# One lock for all schemas of a database: making an index is rare and slow anyway.
_LOCK = 0x61676E75
_NOT_THE_OWNER = "42501"
_POLL_S = 0.1
_LONGEST_S = 24 * 3600.0
_TRY_LOCK = "SELECT pg_try_advisory_lock($1)"

# A graph of vectors that outgrows it takes many times as long to make.
_MORE_MEMORY = """
SELECT set_config('maintenance_work_mem', greatest(setting::bigint, 524288) || 'kB', false)
  FROM pg_settings WHERE name = 'maintenance_work_mem'"""

# Left unfinished, or made with other options than are asked for now.
_IS_UNFIT = """
SELECT NOT x.indisvalid OR NOT coalesce(c.reloptions, '{}') @> $2::text[]
  FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE x.indexrelid = to_regclass($1)"""


def setup_job(indexes: Sequence[FilterIndex]) -> Job:
    """Sets the schema up, and makes what indexes are missing or were left unfinished."""

    async def run(session: Session) -> None:
        await set_up(session)
        if session.index.now.problem is not None:
            raise session.index.now.problem
        await _make_all(session, indexes)
        await have_approximate_index(session)

    return Job(run)


def lacks_approximate_index(rules: Rules) -> bool:
    """Whether the configuration asks for one that is not in use."""
    if rules.vector_set is None or rules.approximate:
        return False
    return approximate_index(rules.tables, rules.vector_set, rules.vector_index) is not None


async def have_approximate_index(session: Session) -> None:
    """Makes the index that the configuration asks for, unless it is there with these options."""
    rules = session.rules
    if rules.vector_set is None:
        return
    ann = approximate_index(rules.tables, rules.vector_set, rules.vector_index)
    if ann is None:
        return
    if rules.vector_index.kind == "ivfflat":
        # Its lists are made of the vectors there are.
        filled = await session.database.fetch(f"SELECT EXISTS (SELECT FROM {rules.vectors})", ())
        if not filled[0][0]:
            return
    try:
        await _make_all(session, [ann])
    except DatabaseError as error:
        if error.sqlstate != _NOT_THE_OWNER:
            raise
        logger.warning("searches stay exact: %s; let the owner call setup()", error)
    else:
        session.index.now.rules = replace(rules, approximate=True)


async def _make_all(session: Session, indexes: Sequence[FilterIndex]) -> None:
    if not indexes:
        return
    async with session.database.connections.lease() as connection:
        try:
            for index in indexes:
                await make_index(connection, index, session.rules.tables.quoted)
        except Exception as error:
            raise executing(error) from error


async def make_index(connection: Connection, index: FilterIndex, schema: str) -> None:
    """Makes it unless it is there; one that was left unfinished is made anew."""
    await _lock(connection)
    try:
        await _make(connection, index, schema)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _lock(connection: Connection) -> None:
    # Asking again and again, since one who waits inside Postgres is waited for by whoever makes
    # an index concurrently.
    while not await connection.fetchval(_TRY_LOCK, _LOCK):  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)


async def _make(connection: Connection, index: FilterIndex, schema: str) -> None:
    await connection.execute("SET statement_timeout = 0")
    await connection.execute("SET lock_timeout = 0")
    await connection.execute(_MORE_MEMORY)
    try:
        if await connection.fetchval(_IS_UNFIT, f"{schema}.{index.name}", list(index.options)):
            await connection.execute(index.drop, timeout=_LONGEST_S)
        await connection.execute(index.create, timeout=_LONGEST_S)
    finally:
        await connection.execute("RESET statement_timeout")
        await connection.execute("RESET lock_timeout")
        await connection.execute("RESET maintenance_work_mem")
