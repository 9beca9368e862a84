"""Statements on the pool: retried once where that is safe, with the driver's errors translated."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import asyncpg

from ..config import PoolConfig
from ..errors import AgentStoreError
from ..plan.model import Row
from .connections import Connections
from .translate import CONNECTION_LOST, PASSING, executing, was_not_sent

# Beyond the server's own statement_timeout, whose answer tells whether anything was written.
_GRACE_S = 2.0


class Database:
    """Runs statements; on the running event loop."""

    def __init__(self, dsn: str, shown: str, config: PoolConfig) -> None:
        self.connections = Connections(dsn, shown, config)
        self.statements = 0
        self.retries = 0
        self._timeout_s = config.command_timeout_s + _GRACE_S

    async def fetch(
        self, sql: str, arguments: Sequence[Any], *, idempotent: bool = True
    ) -> Sequence[Row]:
        """The rows of a statement.

        A lost connection is replaced and the statement run once more if it is idempotent or had
        certainly no effect, and so is one that the server undid because of a deadlock.

        Raises:
            AgentStoreError: of the kind that `translate` gives the driver's error.
        """
        self.statements += 1
        try:
            return await self._attempt(sql, arguments)
        except AgentStoreError:
            raise
        except Exception as error:
            if not _may_be_repeated(error, idempotent):
                raise executing(error) from error
        self.retries += 1
        try:
            return await self._attempt(sql, arguments)
        except Exception as error:
            raise executing(error) from error

    async def _attempt(self, sql: str, arguments: Sequence[Any]) -> Sequence[Row]:
        connection = await self.connections.take()
        suspect = True
        try:
            rows = await connection.fetch(sql, *arguments, timeout=self._timeout_s)
            suspect = False
        except asyncpg.PostgresError as error:
            suspect = isinstance(error, CONNECTION_LOST)
            raise
        finally:
            self.connections.give_back(connection, suspect=suspect)
        return cast("Sequence[Row]", rows)


def _may_be_repeated(error: Exception, idempotent: bool) -> bool:
    if isinstance(error, PASSING):
        return True
    # A TimeoutError is an OSError, but says nothing about the connection.
    if isinstance(error, asyncio.TimeoutError) or not isinstance(error, CONNECTION_LOST):
        return False
    return idempotent or was_not_sent(error)
