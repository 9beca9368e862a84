"""Reads from replicas: which replica has what a read must see, and the primary for all else.

A replica is used for a read if it is known to have replayed the last write of this store that
concerns the read's users, and if it does not lag too much. Both are looked up beside the reads, not
by them: reads that come meanwhile go to the primary.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from ..config.replica_options import ReplicaConfig
from ..config.store_options import StoreConfig
from ..errors import AgentStoreError
from ..sql.shared_items import changes_items
from ..sql.statement import Row, Users
from .batching import KindOf
from .caller_requests import PendingOperation
from .connections.connector import Connection
from .connections.target import ConnectTarget, TargetReader
from .driver_errors import UNREACHABLE
from .replica_lag import Position, Replayed, UsersWrites, end_of_record
from .statements import Database

logger = logging.getLogger("langgraph_agentstore")

_LOOK_S = 0.1
"""The pause between two looks while replicas lack writes of this store."""

_CALM_S = 1.0
"""The longest pause between two looks while they lack none, and after a replica was away."""

_UNANSWERED_S = 1.0
"""A replica that leaves a look unanswered for so long is not used."""

_CONNECT_S = 3.0

_PRIMARY_SQL = """
SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::int8,
       current_setting('wal_block_size')::int8,
       (SELECT setting::int8 FROM pg_settings WHERE name = 'wal_segment_size'),
       (SELECT system_identifier FROM pg_control_system()), current_database()::text"""

_REPLICA_SQL = """
SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::int8 END,
       (SELECT system_identifier FROM pg_control_system()), current_database()::text"""


class _OneHost(TargetReader):
    """The target of one of several hosts."""

    def __init__(self, reader: TargetReader, number: int) -> None:
        self._reader, self._number = reader, number

    async def read(self) -> ConnectTarget:
        """Read the target; see `TargetReader.read`."""
        target = await self._reader.read()
        return replace(target, hosts=(target.hosts[self._number],), target_session_attrs="any")

    async def start_server(self) -> bool:
        """Return False: a replica is not ours to start."""
        return False


class Replica:
    """One replica: its connections, and what it is known to have."""

    def __init__(self, database: Database, name: str) -> None:
        self.name = name
        self.database = database
        self.progress = Replayed()
        self.running: set[asyncio.Task[Sequence[Row]]] = set()
        self.look_under_way: asyncio.Task[None] | None = None
        self._origin: tuple[Any, ...] = ()
        self._looking: Connection | None = None
        self._complaint: str | None = None
        # A server that is back from a crash, or in the place of another, may have less than before.
        # All earlier connections end with it, so each new one is looked at.
        database.connections.connector.look = self._see

    def begin_look(self, origin: tuple[Any, ...]) -> asyncio.Task[None]:
        """Start a look, unless one is under way; return it."""
        if self.look_under_way is None or self.look_under_way.done():
            self.look_under_way = asyncio.get_running_loop().create_task(self._look(origin))
        return self.look_under_way

    async def _look(self, origin: tuple[Any, ...]) -> None:
        """Find out how far it is; `origin` is what it must be a copy of."""
        self._origin = origin
        try:
            await asyncio.wait_for(self._ask(), _CONNECT_S + _UNANSWERED_S)
        except UNREACHABLE as error:
            self._leave(f"it does not answer: {type(error).__name__}")

    async def _see(self, connection: Connection) -> None:
        """Find out by a connection how far its server is."""
        row = await connection.fetchrow(_REPLICA_SQL, timeout=_UNANSWERED_S)
        assert row is not None
        lsn, *copied = tuple(row)
        if tuple(copied) != self._origin:
            self._leave("it is no copy of the primary's database")
        elif lsn is None:
            self._leave("it is no standby")
        else:
            self.progress.reached(lsn)
            self._say(None)

    async def close(self) -> None:
        """End a look and close the connections."""
        if self.look_under_way is not None:
            self.look_under_way.cancel()
            await asyncio.wait([self.look_under_way])
        if self._looking is not None:
            self._looking.terminate()
        await self.database.connections.close()

    async def _ask(self) -> None:
        if self._looking is None or self._looking.is_closed():
            self._looking = await self.database.connections.connector.connect_apart()
            return  # a new connection was looked at
        looking = self._looking
        try:
            await self._see(looking)
        except BaseException:
            self._looking = None
            looking.terminate()
            raise

    def _leave(self, reason: str) -> None:
        """Use it no more until it is found well, and let its reads go to the primary."""
        self.progress.lost()
        for task in self.running:
            task.cancel()
        self._say(reason)

    def _say(self, complaint: str | None) -> None:
        if complaint is not None and complaint != self._complaint:
            logger.warning("reads do not go to the replica %s: %s", self.name, complaint)
        self._complaint = complaint


class Replicas:
    """The replicas of an open store, on its I/O thread's loop."""

    def __init__(self, config: ReplicaConfig, primary: Database, members: list[Replica]) -> None:
        self._config = config
        self._primary = primary
        self._members = members
        self._writes = UsersWrites()
        self._loop = asyncio.get_running_loop()
        self._look_again_s = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._warned = False
        self.served = 0
        """How many statements replicas answered."""

    def ended(self, entries: Sequence[PendingOperation]) -> None:
        """Note the writes among operations that ended, before their callers are told."""
        for entry in entries:
            if changes_items(entry.operation):
                self._writes.add(_users_of(entry))

    def may_serve(self, entry: PendingOperation) -> bool:
        """Return whether a replica has all that this read must see."""
        return self._chosen([entry]) is not None

    async def fetch(
        self,
        entries: Sequence[PendingOperation],
        sql: str,
        arguments: Sequence[Any],
        *,
        users: Users | None,
        sent: Callable[[], None] | None = None,
        **options: Any,
    ) -> Sequence[Row]:
        """Run a read on a replica that may serve all of these operations, else on the primary."""
        if (replica := self._chosen(entries)) is not None:

            def sending() -> None:
                # Others may have joined since, who wrote something meanwhile.
                if not all(self._serves(replica, entry) for entry in entries):
                    raise _Outdated
                if sent is not None:
                    sent()

            try:
                return await self._attempt(replica, sql, arguments, users, sending, options)
            except AgentStoreError as error:
                # The primary tells the same, or does what the replica cannot.
                logger.debug("a read goes from the replica to the primary: %s", error)
        return await self._primary.fetch(sql, arguments, users=users, sent=sent, **options)

    async def close(self) -> None:
        """End the looks and close the connections."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        for replica in self._members:
            await replica.close()

    async def _attempt(
        self,
        replica: Replica,
        sql: str,
        arguments: Sequence[Any],
        users: Users | None,
        sent: Callable[[], None],
        options: dict[str, Any],
    ) -> Sequence[Row]:
        fetching = replica.database.fetch(sql, arguments, users=users, sent=sent, **options)
        task = self._loop.create_task(fetching)
        replica.running.add(task)
        try:
            while not (await asyncio.wait([task], timeout=_UNANSWERED_S))[0]:
                self._look_if_due()  # it may hang, and nobody else read meanwhile
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            replica.running.discard(task)
        if task.cancelled():
            raise _Outdated
        rows = task.result()
        self.served += 1
        return rows

    def _chosen(self, entries: Sequence[PendingOperation]) -> Replica | None:
        """Return the least busy replica that may serve all; look for news if that is due."""
        if not all(entry.request.reads_replica for entry in entries):
            return None
        self._look_if_due()
        able = [m for m in self._members if all(self._serves(m, entry) for entry in entries)]
        return min(able, key=lambda member: len(member.running), default=None)

    def _serves(self, replica: Replica, entry: PendingOperation) -> bool:
        lag_s = self._config.max_lag_s
        oldest_s = -float("inf") if lag_s is None else self._loop.time() - lag_s
        return replica.progress.serves(self._writes.last_of(_users_of(entry)), oldest_s)

    def _look_if_due(self) -> None:
        if self._looking is None and self._loop.time() >= self._look_again_s:
            self._looking = self._loop.create_task(self._look())

    async def _look(self) -> None:
        try:
            origin = await self._take_position()
            if origin is not None:
                looks = [member.begin_look(origin) for member in self._members]
                await asyncio.wait(looks, timeout=_LOOK_S)  # one that hangs delays no other
            known = [m.progress.number for m in self._members if m.progress.number]
            self._writes.forget(min(known, default=0))
            self._look_again_s = self._loop.time() + self._pause_s(min(known, default=0))
        finally:
            self._looking = None

    def _pause_s(self, number: int) -> float:
        if 0 < number < self._writes.last:
            return _LOOK_S
        lag_s = self._config.max_lag_s
        return _CALM_S if lag_s is None else min(_CALM_S, lag_s / 4)

    async def _take_position(self) -> tuple[Any, ...] | None:
        """Ask the primary where its log is; None if it does not answer."""
        at_s, number = self._loop.time(), self._writes.last
        asking = self._primary.fetch(_PRIMARY_SQL, (), kind="locate_log", users=(), use="get")
        try:
            [(lsn, page, segment, *origin)] = await asyncio.wait_for(asking, _UNANSWERED_S)
        except (AgentStoreError, asyncio.TimeoutError) as error:
            level = logging.DEBUG if self._warned else logging.WARNING
            logger.log(level, "no read goes to replicas: the primary's log is unknown: %s", error)
            self._warned = True
            return None
        for member in self._members:
            member.progress.expect(Position(end_of_record(lsn, page, segment), at_s, number))
        return tuple(origin)


class _Outdated(AgentStoreError):
    """A read that the replica may not answer any more."""


async def open_replicas(
    config: StoreConfig, primary: Database, *, vectors: bool
) -> Replicas | None:
    """Return the replicas that the options name, if any; connect to none of them.

    Raises:
        ConfigurationError: a file that the DSN names is missing.
    """
    if config.replicas is None:
        return None
    source, pool = config.replicas.source, config.pool
    reader = TargetReader(source.resolve(), source.environment, pool.connect_options)
    try:
        hosts = (await reader.read()).hosts
    except BaseException:
        await primary.connections.close()
        raise
    # No read waits for a replica that is away: the primary is there.
    limits = {"min_size": 0, "failover_wait_s": 0.0}
    limits["connect_timeout_s"] = min(pool.connect_timeout_s, _CONNECT_S)
    own = pool.model_copy(update=limits)
    members = []
    for number, host in enumerate(hosts):
        database = Database(_OneHost(reader, number), source.shown, own)
        database.connections.connector.vectors = vectors
        database.row_security = primary.row_security
        database.data_keys = primary.data_keys
        database.notes_waits = primary.notes_waits
        members.append(Replica(database, host.name))
    return Replicas(config.replicas, primary, members)


def kind_of_read(replicas: Replicas | None, kind: KindOf | None) -> KindOf | None:
    """Return the function that also tells reads for replicas from those for the primary."""
    if replicas is None:
        return kind
    return lambda entry: (replicas.may_serve(entry), kind and kind(entry))


def read_by(
    primary: Database, replicas: Replicas | None
) -> Callable[..., Awaitable[Sequence[Row]]]:
    """Return the function that runs a statement for operations that read; see `Replicas.fetch`."""
    if replicas is not None:
        return replicas.fetch
    return lambda _entries, sql, arguments, **options: primary.fetch(sql, arguments, **options)


def _users_of(entry: PendingOperation) -> Users | None:
    """Return the users of the caller's view and those of the operation's items."""
    own: Users | None = entry.operation.users
    view = entry.request.users
    if own is None:
        return view
    return own if view is None else (*own, *view)
