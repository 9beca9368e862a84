"""The way of a write: embedded if it must be, then into a queue, where writes travel together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..errors import AgentStoreError, StoreTimeoutError, ValueTooLargeError
from ..sql.items.delete import delete_statement
from ..sql.items.put import put_statement, repeated_put_statement
from ..sql.items.put_indexed import LARGEST_BATCH as LARGEST_INDEXED_BATCH
from ..sql.statement import Delete, Put
from .batching import LARGEST_BATCH, WIDTH, BatchQueue
from .driver_errors import executing
from .index_state import CurrentIndex, IndexState, Known
from .requests import PendingOperation, Request
from .statements import Database


class WriteQueue:
    """Puts and deletes under way; no write to an item is overtaken by an older one."""

    def __init__(
        self,
        database: Database,
        index: CurrentIndex,
        known: Known,
        settled: Callable[[Sequence[PendingOperation]], None],
        *,
        widest: int,
        deadline_s: float,
    ) -> None:
        self._database = database
        self._index = index
        self._known = known
        self._queue = BatchQueue(
            self._run,
            settled,
            width=min(WIDTH, widest),
            widest=widest,
            deadline_s=deadline_s,
            kind=_kind,
            largest=_largest_batch,
            ordered=True,
        )

    @property
    def waiting(self) -> int:
        """Writes queued, not sent."""
        return self._queue.waiting

    def begin(self, request: Request, entry: PendingOperation) -> None:
        """Queues a write; `dispatch` then lets it go, if it has its vectors."""
        operation = entry.operation
        if isinstance(operation, Put):
            self._index.now.refit(operation)
        # Also while its vectors are still to come: what is written to its item later waits.
        self._queue.add(entry)
        if operation.pending:
            task = asyncio.get_running_loop().create_task(
                self._index.do(partial(self._embed, operation))
            )
            task.add_done_callback(partial(self._embedded, entry))
            request.tasks = [] if request.tasks is None else request.tasks
            request.tasks.append(task)

    def dispatch(self) -> None:
        """Sends what waits, as far as there is room."""
        self._queue.dispatch()

    async def _embed(self, put: Put, index_state: IndexState) -> None:
        await index_state.embed(put, self._known)

    def _embedded(self, entry: PendingOperation, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._queue.refuse(entry, StoreTimeoutError("the operation was cancelled"))
        elif (error := task.exception()) is not None:
            self._queue.refuse(entry, as_ours(error))
        else:
            self._queue.dispatch()

    async def _run(self, entries: Sequence[PendingOperation]) -> None:
        # Of several writes to one item the last wins.
        operations = list({t.operation.item_id: t.operation for t in entries}.values())
        try:
            await self._index.do(partial(self._write, operations))
        except ValueTooLargeError as error:
            if len(operations) > 1:
                raise  # run again in parts, until the culprit is alone
            raise ValueTooLargeError(f"key {operations[0].item_id[2]!r}: {error}") from error

    async def _write(self, operations: Sequence[Any], index_state: IndexState) -> None:
        context = index_state.context
        if isinstance(operations[0], Put):
            # The index may be another since they were embedded.
            await index_state.embed_all(operations)
        if isinstance(operations[0], Delete):
            await self._database.fetch(*delete_statement(operations, context), use="write")
        else:
            await self._database.fetch(
                *put_statement(operations, context),
                use="write",
                repeated=partial(repeated_put_statement, operations, context),
            )


def as_ours(error: BaseException) -> AgentStoreError:
    """The error itself, or what the driver's means."""
    if isinstance(error, AgentStoreError):
        return error
    failure = executing(error)
    failure.__cause__ = error
    return failure


def _kind(operation: Put | Delete) -> tuple[type, bool]:
    return type(operation), isinstance(operation, Put) and operation.content is not None


def _largest_batch(kind: Any) -> int:
    return LARGEST_INDEXED_BATCH if kind[1] else LARGEST_BATCH
