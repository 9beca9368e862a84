"""The pool, and statements on it: retried once where that is safe, with errors translated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import orjson

from ..config import PoolConfig, hosts_of
from ..errors import AgentStoreError, StoreTimeoutError, StoreUnavailableError
from ..plan.model import Row
from .translate import CONNECTION_LOST, PASSING, connecting, executing, was_not_sent

# Beyond the server's own statement_timeout, whose answer tells whether anything was written.
_GRACE_S = 2.0
_STARTING_UP_PAUSE_S = 0.05


class Database:
    """One asyncpg pool on the running event loop."""

    def __init__(self, dsn: str, shown: str, config: PoolConfig) -> None:
        self._dsn = dsn
        self._shown = shown
        self._config = config
        self._hosts = hosts_of(dsn)
        self._pool: asyncpg.Pool | None = None
        self.retries = 0
        self.statements = 0

    async def open(self) -> None:
        """Makes the pool and its first connections.

        Raises:
            StoreUnavailableError, StoreTimeoutError, AccessDeniedError, ConfigurationError.
        """
        config = self._config
        try:
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=config.min_size,
                max_size=config.max_size,
                max_queries=10_000_000,
                max_inactive_connection_lifetime=config.max_idle_s,
                connect=self._connect,
                init=_prepare_session,
                # asyncpg's default reset costs a round trip per checkout; the store's statements
                # leave nothing behind on a session.
                reset=_leave_as_is,
                statement_cache_size=config.statement_cache,
                server_settings=config.settings,
                **config.connect_options,
            )
        except Exception as error:
            raise connecting(error, self._shown) from error

    @property
    def pool(self) -> asyncpg.Pool:
        assert self._pool is not None
        return self._pool

    async def close(self) -> None:
        """Closes every connection; those still in use get as long as a command may take."""
        if self._pool is None:
            return
        try:
            await asyncio.wait_for(self._pool.close(), self._config.command_timeout_s)
        except (asyncio.TimeoutError, *CONNECTION_LOST):
            self._pool.terminate()

    async def fetch(
        self, sql: str, arguments: Sequence[Any], *, idempotent: bool = True
    ) -> Sequence[Row]:
        """The rows of a statement.

        A lost connection is replaced and the statement run once more if it is idempotent or had
        certainly no effect, and so is one that the server undid because of a deadlock.
        """
        self.statements += 1
        try:
            return await self._fetch(sql, arguments)
        except (*CONNECTION_LOST, *PASSING) as error:
            if not (idempotent or isinstance(error, PASSING) or was_not_sent(error)):
                raise executing(error) from error
        self.retries += 1
        try:
            return await self._fetch(sql, arguments)
        except Exception as error:
            raise executing(error) from error

    async def _fetch(self, sql: str, arguments: Sequence[Any]) -> Sequence[Row]:
        async with self.connection() as connection:
            try:
                rows: Sequence[Row] = await connection.fetch(
                    sql, *arguments, timeout=self._config.command_timeout_s + _GRACE_S
                )
            except (*CONNECTION_LOST, *PASSING):
                raise
            except Exception as error:
                raise executing(error) from error
            return rows

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """A connection of the pool, for as long as the block lasts."""
        try:
            acquired = await self.pool.acquire(timeout=self._config.acquire_timeout_s)
        except asyncio.TimeoutError as error:
            raise StoreTimeoutError(
                f"all {self._config.max_size} connections stayed busy for "
                f"{self._config.acquire_timeout_s:g} s; nothing was sent. "
                "pool={'max_size': …} allows more, or find what keeps them busy"
            ) from error
        except Exception as error:
            raise connecting(error, self._shown) from error
        try:
            yield acquired
        finally:
            await self._release(acquired)

    async def _release(self, acquired: asyncpg.pool.PoolConnectionProxy) -> None:
        try:
            await self.pool.release(acquired, timeout=_GRACE_S)
        except Exception:  # noqa: BLE001 - the pool has already thrown the connection away
            return

    async def _connect(self, *arguments: Any, **options: Any) -> asyncpg.Connection:
        """One new connection, within one time limit however many hosts there are to try."""
        timeout = self._config.connect_timeout_s
        if not self._hosts:
            return await self._connect_when_up(*arguments, timeout=timeout, **options)
        attempts = [
            asyncio.create_task(
                self._connect_when_up(
                    *arguments,
                    host=host,
                    port=port,
                    timeout=timeout,
                    **{"target_session_attrs": "read-write", **options},
                )
            )
            for host, port in self._hosts
        ]
        return await _first_to_succeed(attempts)

    async def _connect_when_up(
        self, *arguments: Any, timeout: float, **options: Any
    ) -> asyncpg.Connection:
        """Waits for a server that says it is starting or recovering, as one does after a crash."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            try:
                left = max(deadline - loop.time(), 0.001)
                return await asyncpg.connect(*arguments, timeout=left, **options)
            except asyncpg.CannotConnectNowError:
                if loop.time() + _STARTING_UP_PAUSE_S > deadline:
                    raise
                await asyncio.sleep(_STARTING_UP_PAUSE_S)


async def _first_to_succeed(attempts: list[asyncio.Task[asyncpg.Connection]]) -> asyncpg.Connection:
    """The first connection made: a hung host first in the list costs the others no time."""
    try:
        for attempt in asyncio.as_completed(attempts):
            with suppress(*CONNECTION_LOST, asyncio.TimeoutError, asyncpg.PostgresError):
                winner = await attempt
                return winner
        return attempts[0].result()  # nobody succeeded: raises what the first host said
    finally:
        await _give_up_the_others(attempts)


async def _give_up_the_others(attempts: list[asyncio.Task[asyncpg.Connection]]) -> None:
    """Cancels attempts still under way; a second host that answered meanwhile is let go."""
    for attempt in attempts:
        attempt.cancel()
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    for late in [outcome for outcome in outcomes if isinstance(outcome, asyncpg.Connection)][1:]:
        late.terminate()


async def _prepare_session(connection: asyncpg.Connection) -> None:
    # Binary: asyncpg's text codec would break COPY and is slower. Arguments are JSON text as
    # bytes, never lists, which inside an array would be taken for a further dimension.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=_encode_jsonb,
        decoder=_decode_jsonb,
    )


def _encode_jsonb(text: bytes) -> bytes:
    return b"\x01" + text


def _decode_jsonb(wire: bytes) -> Any:
    return orjson.loads(memoryview(wire)[1:])


async def _leave_as_is(_connection: asyncpg.Connection) -> None:
    return
