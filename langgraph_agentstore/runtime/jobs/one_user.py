"""What jobs that take something of a user for good do first."""

from __future__ import annotations

import math

from ...security.care_lock import LOCK_USER
from ...security.holding.sql import hold_of_user_sql
from ...security.refusals import held_error
from ...sql.tables import Tables
from ..connections.connector import Connection
from ..session import Session


async def take_user(session: Session, connection: Connection, user_id: str) -> None:
    """Lock out the writers of a user; a user may have more than a statement's time allows."""
    milliseconds = math.ceil(session.config.pool.command_timeout_s * 1000)
    await connection.execute("SET LOCAL statement_timeout = 0")
    await connection.execute(f"SET LOCAL lock_timeout = {milliseconds}")
    await connection.execute(LOCK_USER, session.context.tables.schema, user_id)


async def refuse_held(connection: Connection, tables: Tables, user_id: str) -> None:
    """Raise LegalHoldError if something of a user is under a hold."""
    hold = await connection.fetchval(hold_of_user_sql(tables), user_id)
    if hold is not None:
        raise held_error(hold)
