"""The plan that a statement settles on, asked of the server on a connection of the pool."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from ..connections.connector import Connection
from ..driver_errors import executing
from ..session import Job, Session


def explain_job(sql: str, arguments: int) -> Job[Any]:
    """The generic plan of a statement with so many arguments: as text, and as a tree.

    It depends on no values, so none are given; nothing of the statement is run.
    """

    async def run(session: Session) -> tuple[str, dict[str, Any]]:
        async with session.database.connections.lease() as connection:
            try:
                async with connection.transaction():
                    return await _explain(connection, sql, arguments)
            except Exception as error:
                raise executing(error) from error

    return Job(run)


async def _explain(connection: Connection, sql: str, arguments: int) -> tuple[str, dict[str, Any]]:
    # EXPLAIN of a statement with its arguments would show the plan for just these.
    name = f"agentstore_{uuid4().hex}"
    await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE {name} AS {sql}")
    values = f"({', '.join(['NULL'] * arguments)})" if arguments else ""
    lines = await connection.fetch(f"EXPLAIN EXECUTE {name}{values}")
    [(tree,)] = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE {name}{values}")
    await connection.execute(f"DEALLOCATE {name}")
    return "\n".join(line for (line,) in lines), json.loads(tree)[0]["Plan"]
