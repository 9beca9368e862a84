"""Making indexes on a table in use: concurrently, one process at a time, none left invalid."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ..plan.filter_indexes import FilterIndex
from .connections import Connection
from .maintenance import set_up
from .session import Job, Session
from .translate import executing

# One lock for all schemas of a database: making an index is rare and slow anyway.
_LOCK = 0x61676E75
_POLL_S = 0.1
_LONGEST_S = 24 * 3600.0
_TRY_LOCK = "SELECT pg_try_advisory_lock($1)"

_IS_INVALID = """
SELECT NOT x.indisvalid FROM pg_index x WHERE x.indexrelid = to_regclass($1)"""


def setup_job(indexes: Sequence[FilterIndex]) -> Job:
    """Sets the schema up, and makes what indexes are missing or were left unfinished."""

    async def run(session: Session) -> None:
        await set_up(session)
        if not indexes:
            return
        async with session.database.connections.lease() as connection:
            try:
                await _lock(connection)
                try:
                    for index in indexes:
                        await _make(connection, index, session.rules.tables.quoted)
                finally:
                    await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)
            except Exception as error:
                raise executing(error) from error

    return Job(run)


async def _lock(connection: Connection) -> None:
    # Asking again and again, since one who waits inside Postgres is waited for by whoever makes
    # an index concurrently.
    while not await connection.fetchval(_TRY_LOCK, _LOCK):  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)


async def _make(connection: Connection, index: FilterIndex, schema: str) -> None:
    await connection.execute("SET statement_timeout = 0")
    await connection.execute("SET lock_timeout = 0")
    try:
        if await connection.fetchval(_IS_INVALID, f"{schema}.{index.name}"):
            await connection.execute(index.drop, timeout=_LONGEST_S)
        await connection.execute(index.create, timeout=_LONGEST_S)
    finally:
        await connection.execute("RESET statement_timeout")
        await connection.execute("RESET lock_timeout")
