"""Statements on the pool: retried where that is safe, with the driver's errors translated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import orjson

from ..config.store_options import PoolConfig
from ..errors import AgentStoreError, ItemLockedError, OwnerNeededError
from ..model.addresses import RemovedPlace
from ..sql.row_users import isolation_error
from ..sql.server_forms import form_of
from ..sql.statement import LARGE_VALUE_BYTES, Put, ResultT, Row, Statement, Users
from ..sql.statement_comments import with_comment
from ..sql.statement_settings import OwnSettings, users_setting, with_settings
from .connections.connector import GRACE_S, Connection, Connector
from .connections.failover import Use, server_of
from .connections.pool import Pool
from .connections.poolers import STATEMENT_UNKNOWN
from .connections.target import TargetReader
from .data_keys import DataKeys
from .driver_errors import (
    CONNECTION_LOST,
    in_doubt,
    is_lost,
    is_refused_row,
    statement_error,
    was_not_done,
)
from .observation import note_wait

if TYPE_CHECKING:
    from .guarding import Guarding

Repeated: TypeAlias = Callable[[timedelta], tuple[str, Sequence[Any]]]
"""The statement for a second run, given how long ago the first may have had its effect."""


class LargeValue:
    """A large value that is not decoded yet: the bytes of jsonb's wire format.

    A JSON text of ten megabytes takes some 50 ms to decode. The driver decodes while it reads a
    row, on the I/O thread, so it gets this wrapper instead. Once the statement is done and its
    connection is free for others, a worker thread decodes.
    """

    __slots__ = ("wire",)

    seen = 0
    """How many were read on all connections; a change tells only that there was one."""

    def __init__(self, wire: bytes) -> None:
        self.wire = wire
        LargeValue.seen += 1


def decode_jsonb(wire: bytes) -> Any:
    """Decode a value for the driver, unless it is large."""
    return orjson.loads(wire[1:]) if len(wire) <= LARGE_VALUE_BYTES else LargeValue(wire)


async def decoded_large_values(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows with their large values decoded, on another thread."""
    return await asyncio.to_thread(_with_large_values, rows)


def _with_large_values(rows: Sequence[Row]) -> list[Row]:
    return [
        tuple([orjson.loads(v.wire[1:]) if type(v) is LargeValue else v for v in row])
        for row in rows
    ]


class Database:
    """The pool and the statements that run on it, on the running event loop."""

    def __init__(self, target: TargetReader, shown: str, config: PoolConfig) -> None:
        connector = Connector(target, shown, config, decode_jsonb)
        self.connections = Pool(connector, config)
        self.pooler = connector.pooler
        self.data_keys: DataKeys | None = None
        self.guarding: Guarding | None = None
        self._decoding = asyncio.Lock()
        self.statements = 0
        self.retries = 0
        self.row_security = False
        """Whether the server hides rows of users whom a statement does not name."""
        self.notes_waits = False
        """Whether somebody reads how long each request waits: it costs time per request."""
        self._timeout_s = config.command_timeout_s + GRACE_S
        self._longest_wait_s = config.connect_timeout_s + config.acquire_timeout_s
        # After a restart of the server, every connection of the pool may be dead.
        self._attempts = config.max_size + 1

    async def fetch(
        self,
        sql: str,
        arguments: Sequence[Any],
        *,
        kind: str,
        users: Users | None = None,
        settings: OwnSettings = (),
        use: Use = "statement",
        idempotent: bool = True,
        repeated: Repeated | None = None,
        sent: Callable[[], None] | None = None,
    ) -> Sequence[Row]:
        """Run a statement and return its rows.

        A lost connection is replaced, and the statement is run again if it certainly had no effect.
        So is a statement that the server undid because of a deadlock. If nobody knows whether it
        had an effect, it is run once more if it is idempotent, as `repeated` writes it if that is
        given. `sent` is called right before the statement goes to the server. `kind` names the
        statement to those who look at the server's activity.

        `users` are those whose rows it may see and write; None for all, which only a role may ask
        for that row level security does not limit. `settings` hold for this statement alone.

        Raises:
            OwnerNeededError: it needs all users, and this role may not see them.
            AgentStoreError: of the kind that `driver_errors` gives the driver's error.
        """
        sql = form_of(sql, distributed=self.connections.connector.distributed)
        settings = self._settings_of(users, settings)
        self.statements += 1
        attempts, doubtful = 0, False
        started = asyncio.get_running_loop().time()
        while True:
            attempts += 1
            try:
                told, given = with_settings(sql, arguments, settings)
                rows = await self._attempt(with_comment(told, kind), given, use, sent)
                break
            except AgentStoreError as error:
                if doubtful:
                    raise in_doubt(error) from error.__cause__
                raise
            except Exception as error:
                without_effect = was_not_done(error)
                if self.pooler.recognise(error):
                    self.connections.renew()
                    without_effect = True
                elif self._is_demoted(error):
                    without_effect = True
                again = without_effect or (idempotent and not doubtful and is_lost(error))
                if attempts == self._attempts or not again:
                    failure = self._failure(error)
                    raise (in_doubt(failure) if doubtful else failure) from error
                if not doubtful and not without_effect and repeated is not None:
                    since_start = asyncio.get_running_loop().time() - started
                    within = timedelta(seconds=since_start + self._longest_wait_s)
                    sql, arguments = repeated(within)
                doubtful = doubtful or not without_effect
            self.retries += 1
        if self.data_keys is not None:
            await self.data_keys.load(rows, users)
        return rows

    def as_sent(
        self, sql: str, arguments: Sequence[Any], *, kind: str, users: Users | None
    ) -> tuple[str, Sequence[Any]]:
        """Return the text and the arguments that `fetch` sends for a statement."""
        sql = form_of(sql, distributed=self.connections.connector.distributed)
        told, given = with_settings(sql, arguments, self._settings_of(users, ()))
        return with_comment(told, kind), given

    @property
    def has_usual_sessions(self) -> bool:
        """Tell whether a connection has a session of its own, on one server."""
        return not (self.pooler.is_there or self.connections.connector.distributed)

    async def run(
        self,
        statement: Statement[Any],
        users: Users | None,
        sent: Callable[[], None] | None = None,
        settings: OwnSettings = (),
    ) -> Sequence[Row]:
        """Run a planned statement for these users and return its rows; see `fetch`."""
        sql, arguments = statement.sql, statement.arguments
        return await self.fetch(
            sql,
            arguments,
            kind=statement.kind,
            users=users,
            settings=settings,
            idempotent=statement.idempotent,
            sent=sent,
        )

    async def passed(self, puts: Sequence[Put]) -> Sequence[Put]:
        """Return those puts that are to be written, as the guard of the store wants them.

        Raises:
            WriteRefusedError: the guard refused one, or failed.
        """
        return puts if self.guarding is None else await self.guarding.passed(puts)

    async def may_remove(self, removals: Sequence[RemovedPlace]) -> None:
        """Let the guard of the store see what is to be removed.

        Raises:
            WriteRefusedError: the guard refused it, or failed.
        """
        if self.guarding is not None:
            await self.guarding.may_remove(removals)

    async def sealed(self, puts: Sequence[Put]) -> Sequence[Put]:
        """Return puts as they are written: with sealed values in a store that encrypts."""
        return puts if self.data_keys is None else await self.data_keys.sealed(puts)

    @asynccontextmanager
    async def lease(self, *, users: Users | None = None) -> AsyncIterator[Connection]:
        """Lend a connection for as long as the block lasts; raise the driver's errors as ours.

        `users` are those whose rows it is for; see `tell_users`.
        """
        if self.row_security:
            self._users_setting(users)
        async with self.connections.lease() as connection:
            try:
                yield connection
            except AgentStoreError:
                raise
            except Exception as error:
                raise statement_error(error) from error

    async def tell_users(self, connection: Connection, users: Users | None) -> None:
        """Give the current transaction of a leased connection its users."""
        if self.row_security:
            await connection.execute(
                "SELECT pg_catalog.set_config($1, $2, true)", *self._users_setting(users)
            )

    def _failure(self, error: Exception) -> AgentStoreError:
        if self.row_security and is_refused_row(error):
            return isolation_error()
        return statement_error(error)

    def _settings_of(self, users: Users | None, settings: OwnSettings) -> OwnSettings:
        if self.connections.connector.distributed:
            return ()  # the controls that read them need one server
        return (self._users_setting(users), *settings) if self.row_security else settings

    @staticmethod
    def _users_setting(users: Users | None) -> tuple[str, str]:
        if users is None:
            raise OwnerNeededError(
                "this needs the rows of all users. The tables have row level security, and the "
                "role of this store may see only the users whom a statement names: name the user, "
                "or use a store with the DSN of the tables' owner"
            )
        return users_setting(users)

    def _is_demoted(self, error: Exception) -> bool:
        """Return whether a server that should take writes refused one, and another may take it."""
        refused = isinstance(error, asyncpg.ReadOnlySQLTransactionError)
        return refused and self.connections.connector.seeks_writes

    async def _attempt(
        self, sql: str, arguments: Sequence[Any], use: Use, sent: Callable[[], None] | None
    ) -> Sequence[Row]:
        connection = await self.connections.take(use)
        suspect, large, wait = True, LargeValue.seen, "server"
        started = perf_counter()
        rows: Any  # the driver's records are sequences, but its types do not say so
        try:
            if sent is not None:
                sent()
            if self.pooler.is_there:
                rows = await self.pooler.fetch(connection, sql, arguments, self._timeout_s)
            else:
                rows = await connection.fetch(sql, *arguments, timeout=self._timeout_s)
            suspect = False
        except asyncpg.PostgresError as error:
            suspect = isinstance(error, (*CONNECTION_LOST, *STATEMENT_UNKNOWN))
            if self._is_demoted(error):
                self.connections.give_up(server_of(connection))
            if isinstance(error, asyncpg.LockNotAvailableError):
                wait = "lock"
            raise
        finally:
            if self.notes_waits:
                note_wait(wait, perf_counter() - started)
            self.connections.give_back(connection, suspect=suspect)
        if LargeValue.seen != large:  # maybe in another statement: checking costs little
            # One at a time: several decoding threads would all slow down the I/O thread.
            async with self._decoding:
                rows = await decoded_large_values(rows)
        found: Sequence[Row] = rows
        return found


async def while_locked(attempt: Callable[[], Awaitable[ResultT]], longest_s: float) -> ResultT:
    """Make the attempt again as long as it meets a locked item, at most for `longest_s`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + longest_s
    while True:
        try:
            return await attempt()
        except ItemLockedError:
            if loop.time() >= deadline:
                raise
