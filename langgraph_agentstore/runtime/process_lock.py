"""A lock between processes for long work, which also works where sessions are shared.

On a session of its own, it is a lock of the session. A pooler gives the next transaction another
session and leaves such a lock behind; so there, a transaction on a second connection holds it. That
transaction does nothing else: creating an index concurrently waits for transactions that have read
tables, not for this one.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg

from ..errors import ConfigurationError
from .connections.connector import Connection
from .statements import Database

# No limit may end the transaction that holds the lock; the limits depend on the version.
_WITHOUT_LIMITS = """
SELECT set_config(name, '0', true) FROM pg_settings
 WHERE name IN ('statement_timeout', 'transaction_timeout',
                'idle_in_transaction_session_timeout')"""

_ANSWER_S = 10.0


class ProcessLock:
    """A lock that one process at a time holds, of all that use the database."""

    def __init__(self, database: Database, number: int) -> None:
        self._database = database
        self._number = number
        self._beside: asyncpg.Connection | None = None
        self._is_taken = False

    async def try_take(self, connection: Connection) -> bool:
        """Take the lock unless another process has it; the work is then done on this connection.

        Raises:
            ConfigurationError: a pooler has one connection to the server, and this needs two.
        """
        if self._database.pooler.is_there:
            self._is_taken = await self._take_beside()
            if self._is_taken:
                await _check_that_another_answers(connection)
        else:
            self._is_taken = await connection.fetchval(
                "SELECT pg_try_advisory_lock($1)", self._number
            )
        return self._is_taken

    async def confirm(self) -> None:
        """Raise the driver's error if the lock was lost with its connection."""
        if self._beside is not None:
            await self._beside.execute("SELECT")

    async def release(self, connection: Connection) -> None:
        """Give the lock back, if it was taken."""
        beside, self._beside = self._beside, None
        taken, self._is_taken = self._is_taken, False
        if beside is not None:
            with suppress(Exception):
                await beside.close(timeout=_ANSWER_S)
        elif taken:
            await connection.execute("SELECT pg_advisory_unlock($1)", self._number)

    async def _take_beside(self) -> bool:
        if self._beside is None:
            self._beside = await self._database.connections.connector.connect_apart()
        # As one text: the driver's other protocol keeps the snapshot of a statement as long as
        # the transaction lasts, and whoever creates an index would wait for that.
        taken = await self._beside.execute(
            f"BEGIN; {_WITHOUT_LIMITS}; SELECT 1 WHERE pg_try_advisory_xact_lock({self._number})"
        )
        if taken != "SELECT 1":
            await self._beside.execute("ROLLBACK")  # the holder of the lock may need this session
        return taken == "SELECT 1"


async def _check_that_another_answers(connection: Connection) -> None:
    try:
        await connection.execute("SELECT", timeout=_ANSWER_S)
    except asyncio.TimeoutError as error:
        raise ConfigurationError(
            f"the connection pooler had no second connection to the server within {_ANSWER_S:g} s, "
            "and making an index or reindexing needs it, for a lock: raise default_pool_size "
            "(or pool_size of the database), or do this over a direct connection"
        ) from error
