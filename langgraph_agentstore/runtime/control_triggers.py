"""Creation of the controls' triggers, on tables in use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg

from ..errors import ItemLockedError, MissingSchemaError
from ..security.triggers import Trigger, missing_triggers_statement
from ..sql.tables import Tables
from .connections.connector import Connection

_BETWEEN_ATTEMPTS_S = 0.05


async def have_triggers(
    connection: Connection, tables: Tables, triggers: Sequence[Trigger], deadline_s: float
) -> bool:
    """Create the triggers that are not there; return whether there were any to create.

    Creating one waits for the writes in flight, and later writes wait behind it: so each attempt
    waits for a moment only.

    Raises:
        MissingSchemaError: this role may not create them; `sql` has the statements.
        ItemLockedError: other transactions kept the tables locked until the deadline.
    """
    question, arguments = missing_triggers_statement(triggers, tables)
    missing = [triggers[row[0] - 1] for row in await connection.fetch(question, *arguments)]
    if not missing:
        return False
    statements = [trigger.create(tables) for trigger in missing]
    deadline = asyncio.get_running_loop().time() + deadline_s
    try:
        while not await _create(connection, tables, statements):
            if asyncio.get_running_loop().time() >= deadline:
                raise ItemLockedError(
                    "other transactions kept the tables locked for longer than allowed, so that "
                    "no trigger could be made; nothing was done: end them and try again"
                )
            await asyncio.sleep(_BETWEEN_ATTEMPTS_S)
    except asyncpg.InsufficientPrivilegeError as error:
        raise MissingSchemaError(
            f"this role may not create triggers in schema {tables.schema!r}: let the owner of the "
            "tables run the script that print(error.sql) shows, once",
            sql=";\n\n".join(statements) + ";\n",
        ) from error
    return True


async def _create(connection: Connection, tables: Tables, statements: Sequence[str]) -> bool:
    """Return False if a table was locked for a moment."""
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '100ms'")
            # Two processes at once would meet in the catalogue.
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtext('agentstore.triggers ' || $1))",
                tables.schema,
            )
            for statement in statements:
                await connection.execute(statement)
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        return False
    return True
