"""Making a connection: to the target, with the session's settings and types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

import asyncpg

from ...config.store_options import PoolConfig, session_settings
from ...errors import AgentStoreError
from ..driver_errors import connect_error
from .connecting import connect, seeks_writes
from .poolers import Pooler
from .target import ConnectTarget, TargetReader

Connection: TypeAlias = asyncpg.Connection

# Longer than the server's statement_timeout, whose error tells whether anything was written.
GRACE_S = 2.0

_JSONB_VERSION = b"\x01"

SCHEMA_OF_VECTOR = (
    "SELECT n.nspname FROM pg_catalog.pg_extension e "
    "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'"
)
"""The schema of pgvector, whether or not it is on the search_path."""


class Connector:
    """Makes connections to one target; after `vectors` is set, they know the type `vector`."""

    def __init__(
        self,
        target: TargetReader,
        shown: str,
        config: PoolConfig,
        decode_jsonb: Callable[[bytes], Any],
    ) -> None:
        self.pooler = Pooler(config)
        self._target = target
        self._decode_jsonb = decode_jsonb
        self._config = config
        self.shown = shown
        self.vectors = False
        self.seeks_writes = False

    async def connect_apart(self) -> Connection:
        """Make a connection that no pool counts; close it.

        Raises:
            StoreUnavailableError, StoreTimeoutError, AccessDeniedError, ConfigurationError.
        """
        try:
            return await self.connect()
        except AgentStoreError:
            raise
        except Exception as error:
            raise connect_error(error, self.shown) from error

    async def connect(self, within_s: float | None = None) -> Connection:
        """Make a connection within one time limit, however many hosts there are to try.

        Args:
            within_s: a limit below that of the configuration.

        Raises:
            Exception: the driver's error; `driver_errors.connect_error` translates it.
        """
        target = await self._target.read()
        timeout_s = self._connect_timeout_s(target)
        timeout_s = timeout_s if within_s is None else min(timeout_s, within_s)
        self.seeks_writes = seeks_writes(target)
        try:
            connection = await self._connect_to(target, timeout_s)
        except OSError as error:
            hung = isinstance(error, asyncio.TimeoutError)
            if hung or not await self._target.start_server():
                raise
            connection = await self._connect_to(target, timeout_s)
        try:
            await asyncio.wait_for(self._prepare_session(connection), timeout_s)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _connect_to(self, target: ConnectTarget, timeout_s: float) -> Connection:
        return await connect(
            target,
            timeout=timeout_s,
            server_settings=session_settings(self._config, target.settings),
            dial=self.pooler.connect,
            # For work that does not go through `Database.fetch`, such as a COPY.
            command_timeout=self._config.command_timeout_s + GRACE_S,
        )

    def _connect_timeout_s(self, target: ConnectTarget) -> float:
        """Return the option of the pool if it is given, otherwise the connection string's."""
        if "connect_timeout_s" in self._config.model_fields_set:
            return self._config.connect_timeout_s
        return target.connect_timeout_s or self._config.connect_timeout_s

    async def _prepare_session(self, connection: Connection) -> None:
        # Binary: asyncpg's text codec would break COPY and is slower. Arguments are JSON text as
        # bytes, never lists, since a list inside an array would count as another dimension.
        await connection.set_type_codec(
            "jsonb",
            schema="pg_catalog",
            format="binary",
            encoder=_JSONB_VERSION.__add__,
            decoder=self._decode_jsonb,
        )
        if self.vectors:
            await know_vectors(connection)


async def know_vectors(connection: Connection) -> None:
    """Let the driver send and receive vectors in their wire format, if there is such a type."""
    schema = await connection.fetchval(SCHEMA_OF_VECTOR)
    if schema is not None:
        await connection.set_type_codec(
            "vector", schema=schema, format="binary", encoder=bytes, decoder=bytes
        )
