"""Connections: an asyncpg pool, and a short cut for those in steady use.

Taking a connection from asyncpg's pool and giving it back costs about as much as a small
statement. So a connection that was just used is kept at hand, still checked out, for the next
statement; what is not used for `AT_HAND_S` goes back to the pool, which closes what stays idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

import asyncpg
import orjson

from ..config import PoolConfig, session_settings
from ..errors import AgentStoreError, StoreTimeoutError
from .connect_target import ConnectTarget, TargetReader
from .connecting import connect
from .poolers import Pooler
from .translate import CONNECTION_LOST, connecting

Connection: TypeAlias = asyncpg.pool.PoolConnectionProxy

AT_HAND_S = 1.0

# Beyond the server's own statement_timeout, whose answer tells whether anything was written.
GRACE_S = 2.0

_RELEASE_S = 2.0


class Connections:
    """At most `max_size` connections, on the running event loop."""

    def __init__(self, target: TargetReader, shown: str, config: PoolConfig) -> None:
        self.pooler = Pooler(config)
        self._target = target
        self._vectors = False
        self._shown = shown
        self._config = config
        self._pool: asyncpg.Pool | None = None
        self._at_hand: list[Connection] = []
        self._waiting = 0
        self._tidying: asyncio.TimerHandle | None = None
        self._releasing: set[asyncio.Task[None]] = set()

    @property
    def size(self) -> int:
        """Connections open now."""
        return self._pool.get_size() if self._pool is not None else 0

    @property
    def idle(self) -> int:
        """Of these, how many no statement uses."""
        return self._pool.get_idle_size() + len(self._at_hand) if self._pool is not None else 0

    async def open(self) -> None:
        """Makes the pool and its first connections.

        Raises:
            StoreUnavailableError, StoreTimeoutError, AccessDeniedError, ConfigurationError.
        """
        config = self._config
        try:
            self._pool = await asyncpg.create_pool(
                min_size=config.min_size,
                max_size=config.max_size,
                max_queries=10_000_000,
                max_inactive_connection_lifetime=config.max_idle_s,
                connect=self._connect,
                # asyncpg's default reset costs a round trip per checkout; the store's statements
                # leave nothing behind on a session.
                reset=_leave_as_is,
                # For what is no statement of `Database`, such as a COPY.
                command_timeout=config.command_timeout_s + GRACE_S,
            )
        except Exception as error:
            raise connecting(error, self._shown) from error

    async def close(self) -> None:
        """Closes every connection; those still in use get as long as a command may take."""
        if self._pool is None:
            return
        if self._tidying is not None:
            self._tidying.cancel()
        try:
            await asyncio.gather(*[self._release(connection) for connection in self._at_hand])
            await asyncio.wait_for(self._pool.close(), self._config.command_timeout_s)
        except (asyncio.TimeoutError, *CONNECTION_LOST):
            self._pool.terminate()

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Connection]:
        """A connection, for as long as the block lasts."""
        connection = await self.take()
        suspect = True
        try:
            yield connection
            suspect = False
        finally:
            self.give_back(connection, suspect=suspect)

    async def take(self) -> Connection:
        """A connection; `give_back` it.

        Raises:
            StoreTimeoutError: all stayed busy for `acquire_timeout_s`.
            StoreUnavailableError, AccessDeniedError: a new one was needed and could not be made.
        """
        while self._at_hand:
            connection = self._at_hand.pop()
            if _is_open(connection):
                return connection
            self._start_release(connection)
        self._waiting += 1
        try:
            assert self._pool is not None
            return await self._pool.acquire(timeout=self._config.acquire_timeout_s)
        except AgentStoreError:  # from `_connect`
            raise
        except asyncio.TimeoutError as error:
            raise self.all_busy() from error
        except Exception as error:
            raise connecting(error, self._shown) from error
        finally:
            self._waiting -= 1

    def give_back(self, connection: Connection, *, suspect: bool = False) -> None:
        """Keeps it at hand, unless somebody waits for one or, being `suspect`, it may be broken."""
        if self._waiting or suspect or not _is_open(connection):
            self._start_release(connection)
            return
        self._at_hand.append(connection)
        if self._tidying is None:
            self._tidying = asyncio.get_running_loop().call_later(AT_HAND_S, self._tidy)

    async def connect_apart(self) -> asyncpg.Connection:
        """A connection that belongs to no statement; close it.

        Raises:
            StoreUnavailableError, StoreTimeoutError, AccessDeniedError: it cannot be made.
        """
        try:
            return await self._connect(
                command_timeout=self._config.command_timeout_s + GRACE_S,
            )
        except AgentStoreError:
            raise
        except Exception as error:
            raise connecting(error, self._shown) from error

    async def learn_vectors(self) -> None:
        """From now on connections know the type `vector`; those made before are replaced."""
        self._vectors = True
        await self.renew()

    async def renew(self) -> None:
        """Replaces the connections made so far, each when nobody uses it."""
        self._tidy()
        assert self._pool is not None
        await self._pool.expire_connections()

    def _tidy(self) -> None:
        """Connections in steady use are taken and given back meanwhile; the others go."""
        self._tidying = None
        idle, self._at_hand = self._at_hand, []
        for connection in idle:
            self._start_release(connection)

    def _start_release(self, connection: Connection) -> None:
        task = asyncio.get_running_loop().create_task(self._release(connection))
        self._releasing.add(task)
        task.add_done_callback(self._releasing.discard)

    async def _release(self, connection: Connection) -> None:
        assert self._pool is not None
        # The pool throws a connection away by itself that cannot be released in good order.
        with suppress(Exception):
            await self._pool.release(connection, timeout=_RELEASE_S)

    def all_busy(self) -> AgentStoreError:
        """What whoever waited in vain is told."""
        return StoreTimeoutError(
            f"all {self._config.max_size} connections stayed busy for "
            f"{self._config.acquire_timeout_s:g} s; nothing was sent. "
            "pool={'max_size': …} allows more, or find what keeps them busy"
        )

    async def _connect(self, *_arguments: Any, **options: Any) -> asyncpg.Connection:
        """One new connection, within one time limit however many hosts there are to try."""
        try:
            target = await self._target.read()
            timeout = self._connect_timeout_s(target)
            settings = session_settings(self._config, target.settings)
            options |= {"server_settings": settings, "dial": self.pooler.connect}
            connection = await connect(target, timeout=timeout, **options)
            try:
                await asyncio.wait_for(self._prepare_session(connection), timeout)
            except BaseException:
                connection.terminate()
                raise
        except asyncio.TimeoutError as error:
            raise connecting(error, self._shown) from error
        return connection

    def _connect_timeout_s(self, target: ConnectTarget) -> float:
        """The option of the pool where it is given, else the connection string's."""
        if "connect_timeout_s" in self._config.model_fields_set:
            return self._config.connect_timeout_s
        return target.connect_timeout_s or self._config.connect_timeout_s

    async def _prepare_session(self, connection: asyncpg.Connection) -> None:
        # Binary: asyncpg's text codec would break COPY and is slower. Arguments are JSON text as
        # bytes, never lists, which inside an array would be taken for a further dimension.
        await connection.set_type_codec(
            "jsonb",
            schema="pg_catalog",
            format="binary",
            encoder=_encode_jsonb,
            decoder=_decode_jsonb,
        )
        if self._vectors:
            await know_vectors(connection)


def _is_open(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has already taken back what broke
        return False


async def know_vectors(connection: asyncpg.Connection | Connection) -> None:
    """Has the driver take and give vectors in their wire format; where there are none, nothing."""
    schema = await connection.fetchval(
        "SELECT n.nspname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
        "WHERE t.oid = to_regtype('vector')"
    )
    if schema is not None:
        await connection.set_type_codec(
            "vector", schema=schema, format="binary", encoder=bytes, decoder=bytes
        )


def _encode_jsonb(text: bytes) -> bytes:
    return b"\x01" + text


def _decode_jsonb(wire: bytes) -> Any:
    return orjson.loads(wire[1:])


async def _leave_as_is(_connection: asyncpg.Connection) -> None:
    return
