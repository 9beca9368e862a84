"""Detection of a connection pooler such as PgBouncer, and how to work behind one.

A pooler of transactions gives each transaction another session, which others use before and after.
So behind a pooler, nothing is left on a session and nothing is expected of it:

- Statements have no name. The driver then sends a statement's text along with its arguments, in
  one part that no pooler takes apart.
- A transaction that writes gets the settings as it begins; an unshared session has them from its
  start.
- Advisory locks are those of a transaction, and nobody listens for notifications.

A pooler is detected without configuration: a new session is given a mark, which a pooler refuses or
leaves out.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from ...config.store_options import PoolConfig

logger = logging.getLogger("langgraph_agentstore")

# A setting that only this package has; Postgres accepts any name with a period in it.
_SESSION_MARK = "agentstore.session"

STATEMENT_UNKNOWN = (
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)
"""A statement prepared in one session was requested in another: nothing was run."""

_UNDO_S = 2.0

_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")


# 128 bits. Postgres compares the first 63 bytes of names, and asyncpg's own have below 30.
_RANDOM_BYTES = 16


class OwnNamesConnection(asyncpg.Connection):
    """A connection that adds a random part of its own to each name that it gives.

    asyncpg counts its statements, so in every process the first one has the same name. Where a
    pooler gives one session of the server to several processes, a name would stand for whichever
    statement was prepared there first: a get would run another process's delete. With the random
    part, a name found in a session is one's own; otherwise the server says that it does not know
    it.
    """

    __slots__ = ("_own",)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # From the system, not from a generator, whose state a forked process would inherit.
        self._own = secrets.token_hex(_RANDOM_BYTES)

    def _get_unique_id(self, prefix: str) -> str:
        """Return a name for a statement, portal or savepoint; the driver calls it."""
        counted: str = super()._get_unique_id(prefix)  # type: ignore[misc]
        return f"{counted.strip('_')}_{self._own}"


OWN_NAMES: dict[str, Any] = {
    "connection_class": OwnNamesConnection,
    # Without this, asyncpg sends longer statements unnamed and in two parts. Then the statement
    # prepared last in the session runs, which behind a pooler may be another one.
    "max_cacheable_statement_size": 0,
}
"""The options of asyncpg that give each kept statement a name of its own."""


class Pooler:
    """The pooler between here and the server, if any: detected once, for all connections."""

    def __init__(self, config: PoolConfig) -> None:
        self.is_there = config.statement_cache == 0
        self._kept_statements = config.statement_cache
        defaults = {} if config.session_settings is not None else config.settings
        # The application's name tells administrators whose connection it is; poolers pass it on.
        self._ours = frozenset(defaults) - {"application_name"}
        self._settings: dict[str, str] = {}

    @property
    def settings(self) -> str:
        """The statement that gives a transaction our settings of a session; may be ""."""
        if not self.is_there:
            return ""
        ours = [
            (n, value.replace("'", "''")) for n, value in self._settings.items() if n in self._ours
        ]
        # Not SET LOCAL, which would read a quoted list as one name.
        told = (f"pg_catalog.set_config('{name}', '{value}', true)" for name, value in ours)
        return f"SELECT {', '.join(told)}" if ours else ""

    async def connect(
        self, *, timeout: float, server_settings: Mapping[str, str], **options: Any
    ) -> asyncpg.Connection:
        """Make a connection with the driver's `connect`, in the way that is right here."""
        deadline = asyncio.get_running_loop().time() + timeout
        self._settings = dict(server_settings)
        if not self.is_there:
            connection = await self._connect_marked(options, timeout)
            if connection is not None:
                return connection
        left = max(deadline - asyncio.get_running_loop().time(), 0.001)
        return await self._connect_behind(options, left)

    def recognise(self, error: BaseException) -> bool:
        """Return whether a statement was not run because its session is another one by now.

        If so, statements have no names from then on; connections made before are to be replaced.
        """
        if not isinstance(error, STATEMENT_UNKNOWN):
            return False
        self.is_there = True
        return True

    async def fetch(
        self, connection: asyncpg.Connection, sql: str, arguments: Sequence[Any], timeout_s: float
    ) -> Sequence[Any]:
        """Return the rows of a statement; a statement that writes gets the settings first."""
        settings = self.settings
        if not settings or not _WRITES.search(sql):
            return await connection.fetch(sql, *arguments, timeout=timeout_s)
        try:
            # One text, one round trip.
            await connection.execute(f"BEGIN; {settings}", timeout=timeout_s)
            rows = await connection.fetch(sql, *arguments, timeout=timeout_s)
            await connection.execute("COMMIT", timeout=timeout_s)
        except BaseException as error:
            await _undo(connection, error)
            raise
        return rows

    async def tell_settings(self, connection: asyncpg.Connection) -> None:
        """Give the current transaction the settings of a session of one's own."""
        if settings := self.settings:
            await connection.execute(settings)

    async def _connect_marked(
        self, options: Mapping[str, Any], timeout: float
    ) -> asyncpg.Connection | None:
        """Return a connection whose session is its own; None if there is a pooler."""
        mark = secrets.token_hex(16)
        settings, kept = {**self._settings, _SESSION_MARK: mark}, self._kept_statements
        try:
            connection = await _connect(options, settings, kept, timeout)
        except asyncpg.PostgresError as error:
            if isinstance(error, STATEMENT_UNKNOWN) or refuses_parameter(error):
                return None
            raise
        # A text without arguments is sent in one part and leaves nothing in the session.
        found = f"SELECT 1 WHERE current_setting('{_SESSION_MARK}', true) = '{mark}'"
        try:
            if await connection.execute(found, timeout=timeout) == "SELECT 1":
                return connection
        except BaseException:
            connection.terminate()
            raise
        connection.terminate()
        return None

    async def _connect_behind(
        self, options: Mapping[str, Any], timeout: float
    ) -> asyncpg.Connection:
        settings = {n: value for n, value in self._settings.items() if n not in self._ours}
        connection = await _connect(options, settings, 0, timeout)
        try:
            await _check_that_it_serves(connection, timeout)
        except BaseException:
            connection.terminate()
            raise
        if not self.is_there:
            logger.info("behind a connection pooler: statements are not kept prepared")
            self.is_there = True
        return connection


async def _connect(
    options: Mapping[str, Any], settings: Mapping[str, str], kept_statements: int, timeout: float
) -> asyncpg.Connection:
    ours = {"server_settings": settings, "statement_cache_size": kept_statements}
    return await asyncpg.connect(**{**options, **OWN_NAMES, **ours, "timeout": timeout})


async def _check_that_it_serves(connection: asyncpg.Connection, timeout: float) -> None:
    """Raise if a connection was accepted but waits for a session that others keep."""
    try:
        # A pooler that gives each statement another session refuses a transaction.
        await connection.execute("BEGIN", timeout=timeout)
        await connection.execute("COMMIT", timeout=timeout)
    except asyncio.TimeoutError as error:
        raise asyncpg.TooManyConnectionsError(
            f"the connection pooler had none to the server free within {timeout:.0f} s"
        ) from error


def refuses_parameter(error: BaseException) -> bool:
    """Return whether a session was refused because of its settings, as poolers do."""
    if isinstance(error, asyncpg.FeatureNotSupportedError):
        return True
    return isinstance(error, asyncpg.ProtocolViolationError) and "startup param" in str(error)


async def _undo(connection: asyncpg.Connection, error: BaseException) -> None:
    """End a failed transaction, so that the next user of the connection does not find it there."""
    if isinstance(error, asyncpg.PostgresError):
        with suppress(Exception):
            await connection.execute("ROLLBACK", timeout=_UNDO_S)
            return
    connection.terminate()
