"""Making a connection: which host, encrypted or not, waiting for a server to start, and types."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import asyncpg

from ...config.dsn_options import KeepAlive
from ...config.store_options import PoolConfig, session_settings
from ...errors import AgentStoreError, StoreUnavailableError
from ..driver_errors import CONNECTION_LOST, connect_error
from .poolers import Pooler
from .target import ConnectTarget, HostTarget, TargetReader

Connection: TypeAlias = asyncpg.Connection

# Longer than the server's statement_timeout, whose error tells whether anything was written.
GRACE_S = 2.0

_JSONB_VERSION = b"\x01"

_TYPES_OF_VECTORS = (
    "SELECT n.nspname, t.oid, t.typarray FROM pg_catalog.pg_extension e "
    "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace "
    "JOIN pg_catalog.pg_type t ON t.typnamespace = n.oid AND t.typname = 'vector' "
    "WHERE e.extname = 'vector'"
)
"""The schema of pgvector, whether or not it is on the search_path, and the ids of its types."""

_ARRAYS = {
    "bool": (16, 1000),
    "bytea": (17, 1001),
    "int8": (20, 1016),
    "int4": (23, 1007),
    "text": (25, 1009),
    "float4": (700, 1021),
    "float8": (701, 1022),
    "timestamptz": (1184, 1185),
    "interval": (1186, 1187),
    "uuid": (2950, 2951),
    "jsonb": (3802, 3807),
}
"""The arrays of Postgres itself that statements take; the ids are the same in every database."""

_STARTING_UP_PAUSE_S = 0.05
_ANOTHER_TRY_S = 0.2

_MAY_SUCCEED_OTHERWISE = (
    ssl.SSLError,
    ConnectionResetError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InvalidAuthorizationSpecificationError,
)


Dial: TypeAlias = Callable[..., Coroutine[Any, Any, asyncpg.Connection]]
"""Makes one connection, with the arguments of asyncpg's connect."""


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
        self.distributed = False
        """Whether the tables are distributed over nodes, on Citus."""
        self.seeks_writes = False
        self.look: Callable[[Connection], Awaitable[None]] | None = None
        """Looks at the server of each new connection, before its first use."""

    async def connect_apart(self, *, timed: bool = True) -> Connection:
        """Make a connection that no pool counts; close it.

        Args:
            timed: whether its statements end by themselves after the timeout for commands.

        Raises:
            StoreUnavailableError, StoreTimeoutError, AccessDeniedError, ConfigurationError.
        """
        try:
            return await self.connect(timed=timed)
        except AgentStoreError:
            raise
        except Exception as error:
            raise connect_error(error, self.shown) from error

    async def connect(self, within_s: float | None = None, *, timed: bool = True) -> Connection:
        """Make a connection within one time limit, however many hosts there are to try.

        Args:
            within_s: a limit below that of the configuration.
            timed: see `connect_apart`.

        Raises:
            Exception: the driver's error; `driver_errors.connect_error` translates it.
        """
        target = await self._target.read()
        timeout_s = self._connect_timeout_s(target)
        timeout_s = timeout_s if within_s is None else min(timeout_s, within_s)
        self.seeks_writes = seeks_writes(target)
        try:
            connection = await self._connect_to(target, timeout_s, timed)
        except OSError as error:
            hung = isinstance(error, asyncio.TimeoutError)
            if hung or not await self._target.start_server():
                raise
            connection = await self._connect_to(target, timeout_s, timed)
        try:
            await asyncio.wait_for(self._prepare_session(connection), timeout_s)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _connect_to(self, target: ConnectTarget, timeout_s: float, timed: bool) -> Connection:
        return await connect(
            target,
            timeout=timeout_s,
            server_settings=self._session_settings(target),
            dial=self.pooler.connect,
            # For work that does not go through `Database.fetch`, such as a COPY.
            command_timeout=self._config.command_timeout_s + GRACE_S if timed else None,
        )

    def _session_settings(self, target: ConnectTarget) -> dict[str, str]:
        settings = session_settings(self._config, target.settings)
        if self.distributed and settings.get("plan_cache_mode") == "force_generic_plan":
            # Only with its arguments can a statement be sent to the nodes that it is for.
            del settings["plan_cache_mode"]
        return settings

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
        _know_arrays(connection, "pg_catalog", _ARRAYS)
        if self.vectors:
            await know_vectors(connection)
        if self.look is not None:
            await self.look(connection)


async def know_vectors(connection: Connection) -> None:
    """Let the driver send and receive vectors in their wire format, if there is such a type."""
    found = await connection.fetchrow(_TYPES_OF_VECTORS)
    if found is None:
        return
    schema, vector, array = found
    await connection.set_type_codec(
        "vector", schema=schema, format="binary", encoder=bytes, decoder=bytes
    )
    # The driver forgets all arrays when it is told of a type.
    _know_arrays(connection, "pg_catalog", _ARRAYS)
    _know_arrays(connection, schema, {"vector": (vector, array)})


def _know_arrays(connection: Connection, schema: str, types: Mapping[str, tuple[int, int]]) -> None:
    """Tell the driver of array types: for each name, the ids of its elements and of the array.

    Else it would look each up when it is first used, by a statement that takes seconds in a
    database of many tables, or of several nodes.
    """
    same: dict[str, Any] = {"ns": schema, "kind": b"b", "elemdelim": ","}
    unused = dict.fromkeys(("range_subtype", "attrtypoids", "attrnames", "basetype"))
    connection.get_settings().register_data_types(
        [
            {"oid": array, "elemtype": element, "name": f"_{name}", **same, **unused}
            for name, (element, array) in types.items()
        ]
    )


async def connect(
    target: ConnectTarget, *, timeout: float, dial: Dial = asyncpg.connect, **options: Any
) -> asyncpg.Connection:
    """Connect to the first host that answers and has the role asked for.

    Args:
        target: where to connect.
        timeout: for all hosts together, in seconds.
        dial: makes each attempt.
        options: further arguments of asyncpg's connect.

    Raises:
        Exception: the driver's error; of several hosts, the one of the first.
    """
    options = {**options, **target.arguments, "dial": dial}
    wanted = target.target_session_attrs
    if wanted == "prefer-standby" and len(target.hosts) > 1:
        connection = await _connect_preferring_standby(target, timeout, options)
    else:
        # The store writes, so of several hosts it needs the one that takes writes.
        role = wanted or ("any" if len(target.hosts) == 1 else "read-write")
        connection = await _connect_somewhere(target, role, timeout, options)
    _set_keep_alive(connection, target.keep_alive)
    return connection


def seeks_writes(target: ConnectTarget) -> bool:
    """Return whether the target excludes servers that take no writes."""
    wanted = target.target_session_attrs
    return wanted in ("read-write", "primary") or (not wanted and len(target.hosts) > 1)


async def _connect_preferring_standby(
    target: ConnectTarget, timeout: float, options: dict[str, Any]
) -> asyncpg.Connection:
    # A host that hangs may be the only standby: it gets half of the time.
    try:
        return await _connect_somewhere(target, "standby", timeout / 2, options)
    except (*CONNECTION_LOST, asyncio.TimeoutError):
        return await _connect_somewhere(target, "any", timeout / 2, options)


async def _connect_somewhere(
    target: ConnectTarget, role: str, timeout: float, options: dict[str, Any]
) -> asyncpg.Connection:
    options = {**options, "target_session_attrs": role}
    if len(target.hosts) == 1:
        return await _connect_to(target, target.hosts[0], timeout, options)
    failed: set[int] = set()
    attempts = [
        asyncio.create_task(_insist(target, number, timeout, options, failed))
        for number in range(len(target.hosts))
    ]
    return await _first_to_succeed(attempts)


async def _insist(
    target: ConnectTarget, number: int, timeout: float, options: dict[str, Any], failed: set[int]
) -> asyncpg.Connection:
    """Try a host again while another one hangs: it may have taken that host's place by then."""
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        try:
            left = max(deadline - asyncio.get_running_loop().time(), 0.001)
            return await _connect_to(target, target.hosts[number], left, options)
        except (*CONNECTION_LOST, asyncio.TimeoutError):
            failed.add(number)
            if len(failed) == len(target.hosts):
                raise
            await asyncio.sleep(_ANOTHER_TRY_S)
            if len(failed) == len(target.hosts):
                raise


async def _connect_to(
    target: ConnectTarget, host: HostTarget, timeout: float, options: dict[str, Any]
) -> asyncpg.Connection:
    deadline = asyncio.get_running_loop().time() + timeout
    arguments = {**host.arguments, **options}
    *earlier, last = (arguments.pop("ssl"),) if "ssl" in arguments else host.tls
    refused: Exception | None = None
    for way in earlier:
        try:
            return await _connect_when_up(deadline, ssl=way, **arguments)
        except Exception as error:
            if not _may_succeed_otherwise(error):
                raise
            refused = error
    try:
        return await _connect_when_up(deadline, ssl=last, **arguments)
    except ssl.SSLCertVerificationError as error:
        if target.bound:
            raise _unbound(error) from error
        raise
    except (asyncpg.InvalidAuthorizationSpecificationError, OSError):
        if isinstance(refused, asyncpg.InvalidPasswordError):
            raise refused from None
        raise


def _may_succeed_otherwise(error: Exception) -> bool:
    """Return whether the server refused encryption, or its absence, but not the connection."""
    # asyncpg reports a server without TLS by a bare ConnectionError.
    return type(error) is ConnectionError or isinstance(error, _MAY_SUCCEED_OTHERWISE)


def _unbound(error: ssl.SSLCertVerificationError) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"the server's certificate is not believed: {error.verify_message}. The driver holds "
        "channel_binding=require by verifying it: name the certificates to believe in "
        "sslrootcert, or leave channel_binding out"
    )


async def _connect_when_up(deadline: float, dial: Dial, **arguments: Any) -> asyncpg.Connection:
    """Wait for a server that is starting, or recovering from a crash."""
    loop = asyncio.get_running_loop()
    hung_up = False
    while True:
        try:
            left = max(deadline - loop.time(), 0.001)
            return await dial(timeout=left, **arguments)
        except asyncpg.CannotConnectNowError:
            if loop.time() + _STARTING_UP_PAUSE_S > deadline:
                raise
        except (asyncpg.ConnectionDoesNotExistError, ConnectionResetError):
            # A crashing server closes new connections; the next attempt is told that it recovers.
            if hung_up:
                raise
            hung_up = True
        await asyncio.sleep(_STARTING_UP_PAUSE_S)


async def _first_to_succeed(attempts: list[asyncio.Task[asyncpg.Connection]]) -> asyncpg.Connection:
    """Return the first connection made; a host that hangs does not delay the others."""
    winner: asyncpg.Connection | None = None
    try:
        for attempt in asyncio.as_completed(attempts):
            with suppress(*CONNECTION_LOST, asyncio.TimeoutError, asyncpg.PostgresError):
                winner = await attempt
                return winner
        return attempts[0].result()  # none succeeded: raises the first host's error
    finally:
        for attempt in attempts:
            attempt.cancel()
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        for late in outcomes:
            if isinstance(late, asyncpg.Connection) and late is not winner:
                late.terminate()


def _set_keep_alive(connection: asyncpg.Connection, keep_alive: KeepAlive) -> None:
    """Let the system find out when the server is gone, as far as it and the driver allow."""
    transport = getattr(connection, "_transport", None)
    there = None if transport is None else transport.get_extra_info("socket")
    if there is None or there.family == getattr(socket, "AF_UNIX", None):
        return
    options = {
        "TCP_KEEPIDLE": keep_alive.idle_s,
        "TCP_KEEPINTVL": keep_alive.interval_s,
        "TCP_KEEPCNT": keep_alive.count,
        "TCP_USER_TIMEOUT": keep_alive.unanswered_ms,
    }
    with suppress(OSError):
        there.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(keep_alive.wanted))
        for name, value in options.items():
            if value and hasattr(socket, name):
                there.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
