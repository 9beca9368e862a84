"""Turning row level security on and off."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...errors import ConfigurationError
from ...security.encryption.sql import granting_keys, is_set_up_sql
from ...security.row_security.sql import (
    PROTECTED_SQL,
    ROLE_SQL,
    disabling,
    disabling_keys,
    enabling,
    enabling_keys,
    granting,
    protected_arguments,
    sharing_functions,
)
from ...sql.tables import Tables
from ..connections.connector import Connection
from ..job import Job
from ..session import Session


def row_security_job(on: bool, application_role: str | None) -> Job[None]:
    """Return the job that protects all tables with rows of users, or ends that, in one transaction.

    `application_role` is granted what a store needs.
    """

    async def run(session: Session) -> None:
        tables = session.context.tables
        async with session.database.lease() as connection, connection.transaction():
            if application_role is not None:
                await _check_role(connection, tables, application_role)
            rows = await connection.fetch(PROTECTED_SQL, *protected_arguments(tables))
            names = [row[0] for row in rows]
            change = enabling if on else disabling
            if on:
                await _execute(connection, sharing_functions(tables))
            await _execute(connection, [sql for name in names for sql in change(tables, name)])
            if await connection.fetchval(*_asking_for_keys(tables)):
                await _execute(connection, enabling_keys(tables) if on else disabling_keys(tables))
            if application_role is not None:
                await _execute(connection, granting(tables, names, application_role))
                await connection.execute(granting_keys(tables, application_role))

    return Job(run, kind="set_row_security")


def _asking_for_keys(tables: Tables) -> tuple[Any, ...]:
    question, arguments = is_set_up_sql(tables)
    return question, *arguments


async def _execute(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        await connection.execute(statement)


async def _check_role(connection: Connection, tables: Tables, role: str) -> None:
    row = await connection.fetchrow(ROLE_SQL, role, tables.item)
    if row is None:
        raise ConfigurationError(
            f"application_role={role!r} is no role of this server: create it first, with LOGIN"
        )
    above, is_owner = row
    if above or is_owner:
        reason = "is a superuser or has BYPASSRLS" if above else "acts as the owner of the tables"
        raise ConfigurationError(
            f"application_role={role!r} {reason}, so that row level security would not limit it: "
            "name a role of its own"
        )
