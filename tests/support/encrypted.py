"""Stores that encrypt, and a look at what stands in their tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import asyncpg

from langgraph_agentstore import AgentStore
from langgraph_agentstore.security import LocalKeys

KEY = LocalKeys.generate_key()
OTHER_KEY = LocalKeys.generate_key()

Opened: TypeAlias = Callable[..., AgentStore]


class Database:
    """The schema of a test, seen by a role that the store knows nothing of."""

    def __init__(self, dsn: str, schema: str) -> None:
        self.dsn = dsn
        self.schema = schema

    async def run(self, sql: str, *arguments: Any) -> list[Any]:
        connection = await asyncpg.connect(self.dsn)
        try:
            sql = sql.replace("{schema}", f'"{self.schema}"')
            return await connection.fetch(
                sql.replace("{keys}", f'"{self.schema}_keys"'), *arguments
            )
        finally:
            await connection.close()
