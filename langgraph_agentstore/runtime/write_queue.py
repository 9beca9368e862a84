"""The queue of writes: embeds puts where an index asks for it, and writes in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

from ..errors import StoreTimeoutError, ValueTooLargeError
from ..model.addresses import RemovedPlace
from ..sql.items.delete import delete_statement
from ..sql.items.put import LARGEST_BATCH_OF_VALUES, put_statement, repeated_put_statement
from ..sql.items.put_indexed import LARGEST_INDEXED_BATCH
from ..sql.statement import Delete, ItemId, Put, Users
from .attribution import SAID, authors_of_batch
from .batch_users import batch_users, check_addresses
from .batching import MOST_OPERATIONS, BatchQueue, Settled
from .caller_requests import PendingOperation
from .driver_errors import as_store_error
from .index_state import CurrentIndex, IndexState, Known
from .observation import working_for
from .statements import Database

WriteKind: TypeAlias = tuple[type, bool, "Users | None", "str | None"]
"""The type of a write, whether it has content to be searched, and in a strict store its users.

Last its user, where items are distributed by user.

One statement takes one kind.
"""


class WriteQueue(BatchQueue):
    """The puts and deletes that wait or are in flight.

    A write is sent only when earlier writes to its item have ended, so that none is overwritten
    by an older one. A put that lacks vectors is embedded first; meanwhile, it holds up only later
    writes to its item.
    """

    def __init__(
        self,
        database: Database,
        index: CurrentIndex,
        known: Known,
        settled: Settled,
        *,
        widest: int,
        deadline_s: float,
        strict: bool,
    ) -> None:
        super().__init__(self._run, settled, widest=widest, deadline_s=deadline_s)
        self._database = database
        self._index = index
        self._known = known
        self._busy: set[ItemId] = set()
        self._strict = strict

    def add(self, entry: PendingOperation) -> None:
        """Queue a write; `dispatch` sends it once it has its vectors."""
        operation = entry.operation
        if self._index.now.context.index is not None and isinstance(operation, Put):
            self._index.now.refit(operation)
        if self._database.guarding is not None:
            if isinstance(operation, Delete):
                operation.pending = True
            else:
                operation.held = operation.passed is None
        # Before its vectors are there, too: later writes to the item must wait for it.
        self.waiting.append(entry)
        if operation.pending:
            task = asyncio.get_running_loop().create_task(self._prepare(entry))
            task.add_done_callback(partial(self._prepared, entry))
            entry.request.keep(task)

    async def _prepare(self, entry: PendingOperation) -> None:
        """Let the guard see a write, then embed what is put."""
        write: Put | Delete = entry.operation
        with working_for([entry]):
            SAID.set(entry.request.said)
            if isinstance(write, Delete):
                await self._database.may_remove([RemovedPlace(*write.item_id)])
                write.pending = False
                return
            if write.held:
                await self._database.passed([write])
                write.held = False
            if write.passed is not False and write.pending:
                await self._index.do(partial(self._embed, write))

    async def _embed(self, put: Put, index_state: IndexState) -> None:
        await index_state.embed(put, self._known)

    def _prepared(self, entry: PendingOperation, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._refuse(entry, StoreTimeoutError("the operation was cancelled"))
        elif (error := task.exception()) is not None:
            self._refuse(entry, as_store_error(error))
        elif getattr(entry.operation, "passed", None) is False:
            self._leave(entry)  # the guard kept it aside
        else:
            self.dispatch()

    def _refuse(self, entry: PendingOperation, error: Exception) -> None:
        entry.request.fail(entry.position, error)
        self._leave(entry)

    def _leave(self, entry: PendingOperation) -> None:
        self.waiting.remove(entry)
        self._settled([entry])
        self.dispatch()

    def _next_batch(self, size: int) -> list[PendingOperation]:
        batch: list[PendingOperation] = []
        held: list[PendingOperation] = []
        kind: WriteKind | None = None
        blocked = set(self._busy)
        for position, entry in enumerate(self.waiting):
            if len(batch) == size:
                held += self.waiting[position:]
                break
            operation = entry.operation
            is_free = not (operation.pending or operation.item_id in blocked)
            if is_free and kind is None:
                kind = self._kind_of_write(entry)
                size = min(size, self._most_of(kind))
            if is_free and self._kind_of_write(entry) == kind:
                batch.append(entry)
                if entry.request.said is not None:
                    # History keeps each write: a later one to the item is not merged with it.
                    blocked.add(operation.item_id)
            else:
                held.append(entry)
                blocked.add(operation.item_id)
        self._busy.update([entry.operation.item_id for entry in batch])
        self.waiting = held
        return batch

    def _most_of(self, kind: WriteKind) -> int:
        if kind[1]:
            return LARGEST_INDEXED_BATCH
        return MOST_OPERATIONS if kind[3] is None else LARGEST_BATCH_OF_VALUES

    def _kind_of_write(self, entry: PendingOperation) -> WriteKind:
        operation = entry.operation
        indexed = isinstance(operation, Put) and operation.content is not None
        user = operation.item_id[0] if self._index.now.context.distributed else None
        return type(operation), indexed, entry.users if self._strict else None, user

    def _groups(self, entries: Sequence[PendingOperation]) -> list[list[PendingOperation]]:
        """Keep all writes to one item together."""
        items: dict[ItemId, list[PendingOperation]] = {}
        for entry in entries:
            items.setdefault(entry.operation.item_id, []).append(entry)
        return list(items.values())

    def _done(self, entries: Sequence[PendingOperation], error: Exception | None = None) -> None:
        self._busy.difference_update([entry.operation.item_id for entry in entries])
        super()._done(entries, error)

    async def _run(self, entries: Sequence[PendingOperation]) -> None:
        # The last of several writes to one item wins.
        last = list({entry.operation.item_id: entry for entry in entries}.values())
        users = batch_users(entries, self._database)
        if users.each is not None:
            check_addresses(entries, users.each)
        try:
            if self._index.now.context.index is None:
                await self._write(last, users.all, self._index.now)
            else:
                await self._index.do(partial(self._write, last, users.all))
        except ValueTooLargeError as error:
            if len(last) > 1:
                raise  # the batch is run again in parts, until the large value is alone
            raise ValueTooLargeError(f"key {last[0].operation.item_id[2]!r}: {error}") from error

    async def _write(
        self,
        entries: Sequence[PendingOperation],
        users: Users | None,
        index_state: IndexState,
    ) -> None:
        context = index_state.context
        operations = [entry.operation for entry in entries]
        said = authors_of_batch(entries)
        if isinstance(operations[0], Delete):
            statement = delete_statement(operations, context)
            await self._database.fetch(
                *statement, kind="delete", users=users, settings=said, use="write"
            )
            return
        if context.index is not None:
            # The index may have been replaced since they were embedded.
            await index_state.embed_all(operations)
        puts = await self._database.sealed(operations)
        await self._database.fetch(
            *put_statement(puts, context),
            kind="put",
            users=users,
            settings=said,
            use="write",
            repeated=partial(repeated_put_statement, puts, context),
        )
