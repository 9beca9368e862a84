"""The session of an open store: the database, the queues and the statements in flight.

Everything here runs on the I/O thread. Each operation names its queue: gets, writes and bounded
reads are sent in batches; other statements and jobs run alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from ..config.store_options import StoreConfig
from ..errors import StoreTimeoutError
from ..sql.items.get import plan_get_alone
from ..sql.items.newest import ListedUpTo, plan_list
from ..sql.shared_items import OfView, is_write
from ..sql.statement import (
    Decoded,
    PutExpected,
    PutTogether,
    Query,
    Queue,
    Refresh,
    Row,
    SqlContext,
    Statement,
    Users,
)
from .attribution import SAID, author_alone
from .batch_statements import read_gets, read_shared, refresh_items
from .batch_users import kind_of_shared, kind_of_users, spread_by_user
from .batching import BatchQueue
from .caller_requests import (
    AwaitedRequest,
    BackgroundRequest,
    PartOfRequest,
    PendingOperation,
    Request,
    announce_all,
)
from .data_keys import decoded_by
from .driver_errors import as_store_error
from .equal_reads import EqualReads
from .index_state import CurrentIndex, IndexState
from .job import Job
from .listener import Listener
from .lister import Lister, analyze_items
from .observation import Observer, note_part, working_for
from .read_log import read_log
from .replicas import Replicas, kind_of_read, read_by
from .shares import Shares
from .statements import Database, while_locked
from .sweep_batch import sweep_batch
from .ttl_sweeper import Sweeper
from .whole_writes import statement_of_write
from .write_queue import WriteQueue


class Session:
    """An open store, on its I/O thread's loop."""

    def __init__(
        self,
        config: StoreConfig,
        index_state: IndexState,
        database: Database,
        schema: int,
        observer: Observer,
        replicas: Replicas | None = None,
    ) -> None:
        self.config = config
        self.loop = asyncio.get_running_loop()
        self._observer = observer
        self.index = CurrentIndex(index_state)
        self.database = database
        self.replicas = replicas
        self._read = read_by(database, replicas)
        self.schema_version = schema
        self.operations = self.failed = self.refreshed = 0
        self.sweeper = Sweeper(self._sweep_batch, config.sweep_interval_minutes)
        self._lister = Lister(
            self._list_batch, partial(analyze_items, database, index_state.context.tables)
        )
        self.listener = Listener(database)
        self._reads = read_log(config.history, database, lambda: self.context)
        self.shares = Shares(self.index, database, self._fetch_shared, self._part, self.result_of)
        self._under_way = 0
        self._alone: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._equal_reads = EqualReads(self._fetch_read, self._answer, self._settled)
        self._while_locked = partial(while_locked, longest_s=config.pool.command_timeout_s)
        self._make_queues(config.pool.max_size, config.pool.command_timeout_s)
        if config.ttl is not None or config.history is not None or config.retention is not None:
            self.sweeper.start_by_itself()

    def _make_queues(self, connections: int, deadline_s: float) -> None:
        queue = partial(BatchQueue, settled=self._settled, deadline_s=deadline_s)
        most = max(1, connections - 1)
        strict = self.config.isolation == "strict"
        by_user = kind_of_users if strict else None
        read_by = partial(kind_of_read, self.replicas)
        self._gets = queue(self._run_gets, widest=most, kind=read_by(by_user))
        self._writes = WriteQueue(
            self.database,
            self.index,
            self._fetch_shared,
            self._settled,
            widest=most,
            deadline_s=deadline_s,
            strict=strict,
        )
        kind = read_by(kind_of_shared(strict=strict, row_security=self.database.row_security))
        self._shared = queue(self._run_shared, widest=max(1, most - 1), kind=kind)
        self._refreshes = queue(self._run_refreshes, widest=1, kind=by_user)
        self.queues = (self._gets, self._writes, self._shared, self._refreshes)
        spread_by_user(self.queues, self.context)

    @property
    def context(self) -> SqlContext:
        """The context of the current index, with the set of vectors in use."""
        return self.index.now.context

    @property
    def waiting(self) -> int:
        """How many operations wait in the queues."""
        return sum(len(queue.waiting) for queue in self.queues)

    def begin(self, request: Request) -> None:
        """Add the operations of a request to their queues; `dispatch` sends them."""
        self._under_way += 1
        self._idle.clear()
        if self._reads is not None:
            self._reads.note(request)
        self.operations += len(request.operations)
        entries = [
            PendingOperation(request, n, self.shares.own_if_none(operation))
            for n, operation in enumerate(request.operations)
        ]
        if len(entries) > 1:
            reads = [t for t in entries if not is_write(t.operation)]
            if reads and len(reads) < len(entries):
                request.later = [t for t in entries if is_write(t.operation)]
                entries = reads
        self._enqueue(request, entries)

    def dispatch(self) -> None:
        """Send what the queues hold, as far as there is room."""
        for queue in (self._gets, self._writes, self._shared):
            if queue.waiting:
                queue.dispatch()

    def give_up(self, request: Request) -> None:
        """Stop reads that nobody waits for any more, after a caller was cancelled."""
        request.cancel_tasks()
        self._gets.abandon()
        self._shared.abandon()
        self._equal_reads.abandon()

    async def in_flight_ended(self) -> None:
        """Wait for the writes and the single operations of this moment, not for later ones."""
        running = self._writes.unfinished | self._alone
        if running:
            await asyncio.wait(running)

    async def settle(self) -> None:
        """Wait until everything that was begun is done, but not long for a server that is away."""
        self.database.connections.attempts.end_soon()
        await self._idle.wait()

    async def finish(self) -> None:
        """Close the database; call it when everything is settled."""
        await self.sweeper.stop()
        await self._lister.stop()
        if self._reads is not None:
            await self._reads.flush()
        await self.listener.close()
        await self.index.now.close()
        if self.replicas is not None:
            await self.replicas.close()
        await self.database.connections.close()

    def _enqueue(self, request: Request, entries: Sequence[PendingOperation]) -> None:
        request.remaining = len(entries)
        for entry in entries:
            match entry.operation.queue:
                case Queue.GETS:
                    self._gets.add(entry)
                case Queue.WRITES:
                    self._writes.add(entry)
                    if getattr(entry.operation, "ttl", None) is not None:
                        self.sweeper.start_by_itself()
                case Queue.SHARED:
                    self._shared.add(entry)
                case Queue.EQUAL_READS:
                    self._equal_reads.add(entry)
                case Queue.REFRESHES:
                    self._refreshes.add(entry)
                case Queue.ALONE:
                    self._start_alone(request, entry)

    async def _fetch_shared(self, statement: Statement[Any]) -> Any:
        """Return the result of a bounded statement of the session's own."""
        request = AwaitedRequest([statement])
        self.begin(request)
        self._shared.dispatch()
        await request.future
        note_part(request)
        return request.outcome()[0]

    def _start_alone(self, request: Request, entry: PendingOperation) -> None:
        task = asyncio.get_running_loop().create_task(self._run_alone(entry))
        # A callback, not the end of the task, which may be cancelled before it begins.
        task.add_done_callback(lambda _: self._settled([entry]))
        if getattr(entry.operation, "writes_items", True):
            self._alone.add(task)
            task.add_done_callback(self._alone.discard)
        request.keep(task)

    def _settled(self, entries: Sequence[PendingOperation]) -> None:
        """Count operations off their requests and announce the requests that are complete."""
        finished: list[Request] = []
        if self.replicas is not None:
            self.replicas.ended(entries)
        for entry in entries:
            request = entry.request
            request.remaining -= 1
            if request.remaining:
                continue
            if request.later:
                later, request.later = request.later, None
                self._enqueue(request, later)
                self._writes.dispatch()
            else:
                finished.append(request)
        if finished:
            self._under_way -= len(finished)
            self._observer.finished(finished)
            for request in finished:
                if request.errors is not None:
                    self.failed += request.failed_operations
            announce_all(finished)
            if not self._under_way:
                self._idle.set()

    async def _run_gets(self, entries: Sequence[PendingOperation]) -> None:
        read = await read_gets(entries, self.database, self.context, partial(self._read, entries))
        for entry, item in zip(entries, read.items, strict=True):
            entry.request.results[entry.position] = item
        for place in read.apart:
            entry = entries[place]
            entry.request.remaining += 1
            alone = plan_get_alone(entry.operation, self.context)
            self._start_alone(entry.request, PendingOperation(entry.request, entry.position, alone))
        self.follow_up(read.refreshes)

    async def _run_shared(self, entries: Sequence[PendingOperation]) -> None:
        found = await read_shared(entries, self.database, partial(self._read, entries))
        for entry, decoded in zip(entries, found, strict=True):
            self._answer(entry, decoded)

    def _answer(self, entry: PendingOperation, decoded: Decoded[Any]) -> None:
        if decoded.instead is None:
            entry.request.results[entry.position] = decoded.result
            self.follow_up(decoded.refreshes, decoded.grown)
        else:
            # It may take longer than the others of the batch should wait.
            entry.request.remaining += 1
            self._equal_reads.add(PendingOperation(entry.request, entry.position, decoded.instead))

    def _fetch_read(
        self, entry: PendingOperation, sent: Callable[[], None]
    ) -> Awaitable[Sequence[Row]]:
        read = entry.operation
        options = {"kind": read.kind, "users": entry.users, "sent": sent}
        return self._while_locked(partial(self._read, [entry], read.sql, read.arguments, **options))

    async def _run_refreshes(self, entries: Sequence[PendingOperation]) -> None:
        self.refreshed += await refresh_items(entries, self.database, self.context)

    async def _run_alone(self, entry: PendingOperation) -> None:
        request = entry.request
        SAID.set(request.said)
        try:
            if not request.cancelled:
                with working_for([entry]):
                    asked = entry.operation, entry.users, request.reads_replica
                    request.results[entry.position] = await self.result_of(*asked)
        except asyncio.CancelledError:
            # The caller gave up and reads no error, but the request must still end.
            request.fail(entry.position, StoreTimeoutError("the operation was cancelled"))
        except Exception as error:
            request.fail(entry.position, as_store_error(error))

    async def result_of(self, operation: Any, users: Users | None, replica: bool = False) -> Any:
        """Run the operation; wait for locked items as the queues do, up to the command timeout."""
        if isinstance(operation, OfView):
            return await self.shares.run(operation, users)
        if isinstance(operation, (Query, PutExpected, PutTogether)):
            return await self.index.do(partial(self._by_index, operation, users, replica))
        await self.database.may_remove(getattr(operation, "removals", ()))
        return await self._while_locked(partial(self._attempt, operation, users))

    async def _by_index(
        self,
        operation: PutExpected | PutTogether | Query[Any],
        users: Users | None,
        replica: bool,
        index_state: IndexState,
    ) -> Any:
        if isinstance(operation, Query):
            statement = await index_state.statement_of(operation)
            return await self._part(statement, users, replica=replica)
        write = await statement_of_write(operation, self.database, index_state, self._fetch_shared)
        return 0 if write is None else await self.result_of(write, users)

    async def _part(self, operation: Any, users: Users | None, replica: bool = False) -> Any:
        """Return the result of an operation in its queue that is part of the caller's."""
        request = PartOfRequest([operation], users)
        request.reads_replica = replica
        self._under_way += 1
        self._enqueue(request, [PendingOperation(request, 0, operation)])
        self.dispatch()
        try:
            await request.future
        except asyncio.CancelledError:
            request.cancelled = True
            self.give_up(request)
            raise
        note_part(request)
        return request.outcome()[0]

    async def _attempt(self, operation: Statement[Any] | Job[Any], users: Users | None) -> Any:
        if isinstance(operation, Job):
            return await operation.run(self)
        said = author_alone(operation.sql, self.context.tables)
        rows = await self.database.run(operation, users, settings=said)
        decoded = await decoded_by(partial(operation.decode, rows), rows, self.context)
        if decoded.instead is not None:
            return await self._attempt(decoded.instead, users)
        self.follow_up(decoded.refreshes)
        return decoded.result

    def follow_up(
        self, refreshes: Sequence[Refresh], grown: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Do what a read asks to be done after it; the reader does not wait for it."""
        if refreshes:
            self.begin(BackgroundRequest(refreshes, "moving the expiry of items that were read"))
            self._refreshes.dispatch()
        if grown:
            self._lister.list_soon(grown)

    async def _list_batch(
        self, user_id: str, place: str, after: ListedUpTo | None
    ) -> ListedUpTo | None:
        statement = plan_list(user_id, place, after, self.context)
        rows = await self.database.run(statement, statement.users)
        return statement.decode(rows).result

    async def _sweep_batch(self, size: int) -> int:
        return await sweep_batch(size, self.database, self.context, self.config)
