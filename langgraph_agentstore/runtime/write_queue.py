"""The queue of writes: embeds puts where an index asks for it, and writes in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..errors import StoreTimeoutError, ValueTooLargeError
from ..sql.items.delete import delete_statement
from ..sql.items.put import put_statement, repeated_put_statement
from ..sql.items.put_indexed import LARGEST_BATCH as LARGEST_INDEXED_BATCH
from ..sql.statement import Delete, Put
from .batching import LARGEST_BATCH, WIDTH, BatchQueue, Settled
from .driver_errors import as_store_error
from .index_state import CurrentIndex, IndexState, Known
from .requests import PendingOperation
from .statements import Database


class WriteQueue(BatchQueue):
    """The puts and deletes that wait or are in flight.

    No write to an item is bypassed by an older one. A put that lacks vectors is embedded first.
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
    ) -> None:
        super().__init__(
            self._run,
            settled,
            width=min(WIDTH, widest),
            widest=widest,
            deadline_s=deadline_s,
            kind=_kind,
            largest=_largest_batch,
            ordered=True,
        )
        self._database = database
        self._index = index
        self._known = known

    def add(self, entry: PendingOperation) -> None:
        """Queue a write; `dispatch` sends it once it has its vectors."""
        operation = entry.operation
        if self._index.now.context.index is not None and isinstance(operation, Put):
            self._index.now.refit(operation)
        # Before its vectors are there, too: later writes to the item must wait for it.
        self.waiting.append(entry)
        if operation.pending:
            task = asyncio.get_running_loop().create_task(
                self._index.do(partial(self._embed, operation))
            )
            task.add_done_callback(partial(self._embedded, entry))
            entry.request.keep(task)

    async def _embed(self, put: Put, index_state: IndexState) -> None:
        await index_state.embed(put, self._known)

    def _embedded(self, entry: PendingOperation, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self.refuse(entry, StoreTimeoutError("the operation was cancelled"))
        elif (error := task.exception()) is not None:
            self.refuse(entry, as_store_error(error))
        else:
            self.dispatch()

    async def _run(self, entries: Sequence[PendingOperation]) -> None:
        # The last of several writes to one item wins.
        operations = list({entry.operation.item_id: entry.operation for entry in entries}.values())
        try:
            if self._index.now.context.index is None:
                await self._write(operations, self._index.now)
            else:
                await self._index.do(partial(self._write, operations))
        except ValueTooLargeError as error:
            if len(operations) > 1:
                raise  # the batch is run again in parts, until the large value is alone
            raise ValueTooLargeError(f"key {operations[0].item_id[2]!r}: {error}") from error

    async def _write(self, operations: Sequence[Any], index_state: IndexState) -> None:
        context = index_state.context
        if isinstance(operations[0], Delete):
            await self._database.fetch(*delete_statement(operations, context), use="write")
            return
        if context.index is not None:
            # The index may have been replaced since they were embedded.
            await index_state.embed_all(operations)
        await self._database.fetch(
            *put_statement(operations, context),
            use="write",
            repeated=partial(repeated_put_statement, operations, context),
        )


def _kind(operation: Put | Delete) -> tuple[type, bool]:
    return type(operation), isinstance(operation, Put) and operation.content is not None


def _largest_batch(kind: Any) -> int:
    return LARGEST_INDEXED_BATCH if kind[1] else LARGEST_BATCH
