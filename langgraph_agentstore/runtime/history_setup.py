"""History when a store opens: the triggers are there, or are made if the role may make them."""

from __future__ import annotations

import asyncpg

from ..config.history_options import History
from ..config.store_options import OWN_NAMES_ALONE
from ..errors import MissingSchemaError
from ..security.history.setup_sql import history_setup, made_by, state_sql
from ..sql.tables import Tables
from .connections.connector import Connection


async def have_history(connection: Connection, tables: Tables, history: History) -> None:
    """Let the database keep history by these options.

    Raises:
        MissingSchemaError: it does not yet, and this role may not change that.
    """
    state = await connection.fetchrow(state_sql(tables), tables.schema)
    assert state is not None
    if _is_in_force(state, history, made_by(tables)):
        return
    restart = not state["kept"] or state["covered"] != history.covered
    statements = history_setup(tables, history.covered, history.retention, restart=restart)
    if not state["owned"]:
        raise MissingSchemaError(
            f"history: the database does not keep it as this store asks, and its role does not "
            f"own the tables of schema {tables.schema!r}: open a store with the same history= "
            "once as their owner, or run this error's sql as the owner",
            sql=";\n".join(statements) + ";\n",
        )
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = 0")
        await connection.execute(f"SET LOCAL search_path = {OWN_NAMES_ALONE}")
        # Writers that have begun end first: nothing is written between the triggers and the rule.
        await connection.execute(f"LOCK TABLE {tables.item} IN SHARE ROW EXCLUSIVE MODE")
        for statement in statements:
            await connection.execute(statement)


def _is_in_force(state: asyncpg.Record, history: History, release: str) -> bool:
    return bool(state["kept"] and state["made_by"] == release) and (
        state["covered"] == history.covered and state["retention"] == history.retention
    )
