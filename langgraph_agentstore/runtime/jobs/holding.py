"""The job that puts a user, or a namespace, on hold."""

from __future__ import annotations

from typing import Any

from ...results import LegalHold
from ...security.care_lock import LOCK_ALL, LOCK_USER
from ...security.holding.sql import HOLD_TRIGGERS, add_hold_sql, decode_holds
from ..control_triggers import have_triggers
from ..distribution import refuse_distributed
from ..job import Job
from ..session import Session


def hold_job(user_id: str | None, stored: str, reason: str) -> Job[LegalHold]:
    """Return the job that holds a namespace of a user, or of all users.

    Deletes in flight end first: what they did not commit is held.
    """

    async def run(session: Session) -> LegalHold:
        refuse_distributed(session.context, "holds are kept by triggers, which Citus refuses there")
        tables = session.context.tables
        async with session.database.lease() as connection:
            longest_s = session.config.pool.command_timeout_s
            await have_triggers(connection, tables, HOLD_TRIGGERS, longest_s)
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{longest_s * 1000:.0f}ms'")
                if user_id is None:
                    await connection.execute(LOCK_ALL, tables.schema)
                else:
                    await connection.execute(LOCK_USER, tables.schema, user_id)
                held: Any = await connection.fetch(add_hold_sql(tables), user_id, stored, reason)
        return decode_holds(held)[0]

    return Job(run, kind="hold")
