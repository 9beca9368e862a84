"""Quotas when a store opens: the database has these limits, or gets them if the role may."""

from __future__ import annotations

from typing import Any

import asyncpg

from ..config.quota_options import Quotas
from ..errors import MissingSchemaError
from ..security.quotas.sql import (
    QUOTA_TRIGGERS,
    columns_of_limits,
    limits_sql,
    read_limits,
    recount_sql,
    replace_limits_sql,
)
from ..sql.tables import Tables
from .connections.connector import Connection
from .control_triggers import have_triggers


async def have_quotas(
    connection: Connection, tables: Tables, quotas: Quotas, deadline_s: float
) -> None:
    """Let the database keep each user within these limits.

    Other namespaces than before are counted first; nobody writes meanwhile.

    Raises:
        MissingSchemaError: it does not yet, and this role may not change that.
    """
    made = await have_triggers(connection, tables, QUOTA_TRIGGERS, deadline_s)
    wanted = quotas.stored
    rows: Any = await connection.fetch(limits_sql(tables))
    before = read_limits(rows)
    if not made and before == wanted:
        return
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = 0")
            await connection.execute("SET LOCAL statement_timeout = 0")
            await connection.execute("SET LOCAL enable_seqscan = on")
            await connection.execute("SET LOCAL enable_hashjoin = on")
            await connection.execute(f"LOCK TABLE {tables.item} IN SHARE ROW EXCLUSIVE MODE")
            remove, put = replace_limits_sql(tables)
            await connection.execute(remove)
            await connection.execute(put, *columns_of_limits(wanted))
            if made or before.keys() != wanted.keys():
                for statement in recount_sql(tables):
                    await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise MissingSchemaError(
            f"quotas: the database has other limits than this store asks for, and its role may "
            f"not change them in schema {tables.schema!r}: open a store with the same quotas= once "
            "as the owner of the tables"
        ) from error
