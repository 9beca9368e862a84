"""What exists while a store is open: the database, the lanes and the statements under way.

Everything here runs on the I/O thread. An operation goes its way by its type: gets and writes
into lanes, where they travel together; every other statement, and every job, alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar

from ..config.store_options import StoreConfig
from ..errors import ItemLockedError, StoreTimeoutError
from ..sql.equal_reads import distinct
from ..sql.items.expiry import plan_sweep, refresh_statement
from ..sql.items.get import decode_gets, get_statement, plan_get_alone
from ..sql.items.put import put_expected_statement, put_together_statement
from ..sql.lateral_batch import decode_together, together_statement
from ..sql.statement import (
    Decoded,
    Operation,
    PutExpected,
    PutTogether,
    Query,
    Queue,
    Refresh,
    Row,
    SqlContext,
    Statement,
)
from .batching import WIDTH, Lane
from .equal_reads import EqualReads
from .index_state import IndexInForce, Searching
from .listener import Listener
from .requests import (
    AwaitedCall,
    Call,
    PartOfCall,
    SilentCall,
    Ticket,
    announce_all,
)
from .statements import Database
from .ttl_sweeper import Sweeper
from .write_queue import Writes, as_ours

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job(Operation[T]):
    """Work that is no single statement, such as a COPY or a sweep."""

    run: Callable[[Session], Awaitable[T]]


class Session:
    """An open store, on its I/O thread's loop."""

    def __init__(
        self, config: StoreConfig, searching: Searching, database: Database, schema: int
    ) -> None:
        self.config = config
        self.index = IndexInForce(searching)
        self.database = database
        self.schema_version = schema
        self.operations = self.failed = self.refreshed = 0
        self.sweeper = Sweeper(self._sweep_batch, config.sweep_interval_minutes)
        self.listener = Listener(database)
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._equal_reads = EqualReads(self._fetch_read, self._answer, self._settled)
        self._make_lanes(config.pool.max_size, config.pool.command_timeout_s)
        if config.ttl is not None:
            self.sweeper.start_by_itself()

    def _make_lanes(self, connections: int, deadline_s: float) -> None:
        widest = max(1, connections - 1)
        width = min(WIDTH, widest)
        lane = partial(Lane, settled=self._settled, deadline_s=deadline_s)
        self._gets = lane(self._run_gets, width=width, widest=widest)
        self._writes = Writes(
            self.database,
            self.index,
            self._fetch_shared,
            self._settled,
            widest=widest,
            deadline_s=deadline_s,
        )
        self._shared = lane(
            self._run_shared, width=width, widest=max(1, connections - 2), kind=attrgetter("sql")
        )
        self._refreshes = lane(self._run_refreshes, width=1, widest=1)

    @property
    def context(self) -> SqlContext:
        """Those in force, with the set of vectors in use."""
        return self.index.now.context

    @property
    def waiting(self) -> int:
        """Operations queued in the lanes, not sent."""
        lanes = (self._gets, self._shared, self._refreshes)
        return self._writes.waiting + sum(lane.waiting for lane in lanes)

    def begin(self, call: Call) -> None:
        """Sends a call's operations their ways; `depart` lets the lanes go."""
        self._under_way += 1
        self._idle.clear()
        self.operations += len(call.operations)
        tickets = [Ticket(call, n, operation) for n, operation in enumerate(call.operations)]
        if len(tickets) > 1:
            reads = [t for t in tickets if t.operation.queue is not Queue.WRITES]
            if reads and len(reads) < len(tickets):
                call.later = [t for t in tickets if t.operation.queue is Queue.WRITES]
                tickets = reads
        self._dispatch(call, tickets)

    def depart(self) -> None:
        """Sends what the lanes hold, as far as there is room."""
        self._gets.depart()
        self._writes.depart()
        self._shared.depart()

    def give_up(self, call: Call) -> None:
        """Stops the reads that nobody waits for any more, now that the caller is gone."""
        call.cancel_tasks()
        self._gets.abandon()
        self._shared.abandon()
        self._equal_reads.abandon()

    async def settle(self) -> None:
        """Waits until everything that was begun is done; for a server that is away, not long."""
        self.database.connections.end_soon()
        await self._idle.wait()

    async def finish(self) -> None:
        """Closes the database, when everything is settled."""
        await self.sweeper.stop()
        await self.listener.close()
        await self.index.now.close()
        await self.database.connections.close()

    def _dispatch(self, call: Call, tickets: Sequence[Ticket]) -> None:
        call.remaining = len(tickets)
        for ticket in tickets:
            match ticket.operation.queue:
                case Queue.GETS:
                    self._gets.add(ticket)
                case Queue.WRITES:
                    self._writes.begin(call, ticket)
                    if getattr(ticket.operation, "ttl", None) is not None:
                        self.sweeper.start_by_itself()
                case Queue.SHARED:
                    self._shared.add(ticket)
                case Queue.EQUAL_READS:
                    self._equal_reads.add(ticket)
                case Queue.REFRESHES:
                    self._refreshes.add(ticket)
                case Queue.ALONE:
                    self._start_alone(call, ticket)

    async def _fetch_shared(self, statement: Statement[Any]) -> Any:
        """The result of a bounded statement of the session's own."""
        call = AwaitedCall([statement])
        self.begin(call)
        self._shared.depart()
        await call.future
        return call.outcome()[0]

    def _start_alone(self, call: Call, ticket: Ticket) -> None:
        task = asyncio.get_running_loop().create_task(self._run_alone(ticket))
        # Not at the end of the task itself, which may be cancelled before it begins.
        task.add_done_callback(lambda _: self._settled([ticket]))
        call.tasks = [] if call.tasks is None else call.tasks
        call.tasks.append(task)

    def _settled(self, tickets: Sequence[Ticket]) -> None:
        """Counts the tickets off their calls, and announces the calls that are complete."""
        finished: list[Call] = []
        for ticket in tickets:
            call = ticket.call
            call.remaining -= 1
            if call.remaining:
                continue
            if call.later:
                later, call.later = call.later, None
                self._dispatch(call, later)
                self._writes.depart()
            else:
                finished.append(call)
        if finished:
            self._under_way -= len(finished)
            self.failed += sum(call.failed_operations for call in finished)
            announce_all(finished)
            if not self._under_way:
                self._idle.set()

    async def _run_gets(self, tickets: Sequence[Ticket]) -> None:
        gets = [ticket.operation for ticket in tickets]
        rows = await self.database.fetch(*get_statement(gets, self.context), use="get")
        read = decode_gets(gets, rows)
        for ticket, item in zip(tickets, read.items, strict=True):
            ticket.call.results[ticket.position] = item
        for place in read.apart:
            ticket = tickets[place]
            ticket.call.remaining += 1
            alone = plan_get_alone(gets[place], self.context)
            self._start_alone(ticket.call, Ticket(ticket.call, ticket.position, alone))
        self._refresh(read.refreshes)

    async def _run_shared(self, tickets: Sequence[Ticket]) -> None:
        """Bounded statements of one text, together."""
        statements = [ticket.operation for ticket in tickets]
        different, places = distinct(statements)
        rows = await self.database.fetch(*together_statement(different))
        for ticket, decoded in zip(tickets, decode_together(statements, places, rows), strict=True):
            self._answer(ticket, decoded)

    def _answer(self, ticket: Ticket, decoded: Decoded[Any]) -> None:
        if decoded.instead is None:
            ticket.call.results[ticket.position] = decoded.result
            self._refresh(decoded.refreshes)
        else:
            # It may cost more than others want to wait for.
            ticket.call.remaining += 1
            self._equal_reads.add(Ticket(ticket.call, ticket.position, decoded.instead))

    async def _fetch_read(
        self, statement: Statement[Any], sent: Callable[[], None]
    ) -> Sequence[Row]:
        return await self._outlasting_locks(
            lambda: self.database.fetch(statement.sql, statement.arguments, sent=sent)
        )

    async def _run_refreshes(self, tickets: Sequence[Ticket]) -> None:
        refreshes = list({t.operation.item_id: t.operation for t in tickets}.values())
        await self.database.fetch(*refresh_statement(refreshes, self.context), use="refresh")
        self.refreshed += len(refreshes)

    async def _run_alone(self, ticket: Ticket) -> None:
        call = ticket.call
        try:
            if not call.cancelled:
                call.results[ticket.position] = await self._result_of(ticket.operation)
        except asyncio.CancelledError:
            # The caller gave up; nobody will look at this, but the call must still end.
            call.fail(ticket.position, StoreTimeoutError("the operation was cancelled"))
        except Exception as error:
            call.fail(ticket.position, as_ours(error))

    async def _result_of(
        self, operation: Statement[Any] | PutExpected | PutTogether | Query[Any] | Job[Any]
    ) -> Any:
        """Waits for locked items as the lanes do: turn by turn, as long as a command may take."""
        if isinstance(operation, (Query, PutExpected, PutTogether)):
            return await self.index.do(partial(self._by_index, operation))
        return await self._outlasting_locks(lambda: self._attempt(operation))

    async def _outlasting_locks(self, attempt: Callable[[], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.config.pool.command_timeout_s
        while True:
            try:
                return await attempt()
            except ItemLockedError:
                if loop.time() >= deadline:
                    raise

    async def _by_index(
        self, operation: PutExpected | PutTogether | Query[Any], searching: Searching
    ) -> Any:
        if isinstance(operation, Query):
            return await self._read(await searching.statement_of(operation))
        if isinstance(operation, PutTogether):
            await searching.embed_all(operation.puts)
            return await self._result_of(put_together_statement(operation, searching.context))
        await searching.embed(operation.put, self._fetch_shared)
        return await self._result_of(put_expected_statement(operation, searching.context))

    async def _read(self, statement: Statement[Any]) -> Any:
        """The result of a read of which the caller's operation is a part."""
        call = PartOfCall([statement])
        call.remaining = 1
        self._under_way += 1
        self._equal_reads.add(Ticket(call, 0, statement))
        try:
            await call.future
        except asyncio.CancelledError:
            call.cancelled = True
            self._equal_reads.abandon()
            raise
        return call.outcome()[0]

    async def _attempt(self, operation: Statement[Any] | Job[Any]) -> Any:
        if isinstance(operation, Job):
            return await operation.run(self)
        rows = await self.database.fetch(
            operation.sql, operation.arguments, idempotent=operation.idempotent
        )
        decoded = operation.decode(rows)
        if decoded.instead is not None:
            return await self._attempt(decoded.instead)
        self._refresh(decoded.refreshes)
        return decoded.result

    def _refresh(self, refreshes: Sequence[Refresh]) -> None:
        """In the background: the reader has, or is about to get, its answer."""
        if refreshes:
            self.begin(SilentCall(refreshes, "moving the expiry of items that were read"))
            self._refreshes.depart()

    async def _sweep_batch(self, size: int) -> int:
        statement = plan_sweep(size, self.context)
        rows = await self.database.fetch(statement.sql, statement.arguments)
        return statement.decode(rows).result
