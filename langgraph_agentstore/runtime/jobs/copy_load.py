"""Loading of many items by COPY."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import asyncpg

from ...sql.items.copy import plan_load
from ...sql.row_users import union_of
from ...sql.statement import Put
from ..attribution import attribute_transaction
from ..index_state import IndexState
from ..job import Job
from ..session import Session
from ..vector_sets import wanted_index
from .indexes import have_approximate_index


def load_job(given: Sequence[Put]) -> Job[int]:
    """Return the job that writes all puts or none: COPY and upserts in one transaction.

    The ids of the puts must differ.
    """

    async def load_by(session: Session, index_state: IndexState) -> int:
        puts = await session.database.passed(given)
        if not puts:
            return 0
        await index_state.embed_all(puts)
        load = plan_load(await session.database.sealed(puts), index_state.context)
        users = union_of([put.users for put in puts])
        async with session.database.lease(users=users) as connection, connection.transaction():
            await session.database.tell_users(connection, users)
            await session.database.pooler.tell_settings(connection)
            await attribute_transaction(connection)
            for staging, records in load.copies:
                await connection.execute(staging.create)
                await connection.copy_records_to_table(
                    staging.name, records=records, columns=staging.columns
                )
            for statement in load.moves:
                await connection.execute(statement)
        return len(puts)

    return Job(
        lambda session: session.index.do(partial(load_by, session)),
        writes_items=True,
        kind="put_load",
    )


async def _before_large_load(session: Session) -> None:
    """Drop the approximate index of an empty table: making it after the load is cheaper."""
    context = session.context
    ann = wanted_index(context) if context.approximate else None
    if ann is None or session.database.row_security:
        return
    async with session.database.lease() as connection:
        try:
            async with connection.transaction():
                # While one waits for such a lock, everybody who comes later waits too.
                await connection.execute("SET LOCAL lock_timeout = '100ms'")
                await connection.execute(f"LOCK TABLE {context.vectors} IN ACCESS EXCLUSIVE MODE")
                if await connection.fetchval(f"SELECT EXISTS (SELECT 1 FROM {context.vectors})"):
                    return
                await connection.execute(ann.drop_at_once)
        except (asyncpg.LockNotAvailableError, asyncpg.InsufficientPrivilegeError):
            return  # in use, or not allowed: the load only takes longer
    session.index.now.context = replace(context, approximate=False)


async def _after_large_load(session: Session) -> None:
    if session.database.row_security:
        return
    await have_approximate_index(session)
    if session.context.vector_set is not None:
        # Autovacuum would do it later; until then, estimating a scope's size reads the vectors.
        async with session.database.lease() as connection:
            own = not session.database.pooler.is_there
            if own:
                await connection.execute("SET statement_timeout = 0")
            await connection.execute(f"VACUUM (ANALYZE) {session.context.vectors}", timeout=3600)
            if own:
                await connection.execute("RESET statement_timeout")


BEFORE_LARGE_LOAD = Job(_before_large_load, kind="rebuild_index")
AFTER_LARGE_LOAD = Job(_after_large_load, kind="rebuild_index")
