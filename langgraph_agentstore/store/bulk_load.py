"""Bulk loads: checked and planned batch by batch, written by COPY."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from typing import Any, TypeAlias

from langgraph.store.base import Item, PutOp

from .._support.progress import Progress, telling_progress
from ..errors import AgentStoreError, InvalidOperationError, NotPermittedError, ValueTypeError
from ..model.namespaces import Labels, check_labels
from ..runtime.jobs.copy_load import AFTER_LARGE_LOAD, BEFORE_LARGE_LOAD, load_job
from ..sql.planner import Planner
from ..sql.search.vector_codec import vector_bytes
from ..sql.shared_items import OfView
from ..sql.statement import Decoded, ItemId, Operation, Put, Queue, Statement
from .base import StoreBase
from .items import check_size
from .step_driver import On, Steps, arun, run
from .ttl_defaults import default_ttl

ToLoad: TypeAlias = (
    "tuple[Labels, str, Mapping[str, Any]] | tuple[Labels, str, Mapping[str, Any], Any] "
    "| Item | PutOp"
)

LoadBatch: TypeAlias = "tuple[list[Put], list[Operation[None]]]"
"""Puts, and operations that fail if the puts would be hidden from their writer."""

LOAD_BATCH_SIZE = 10_000


class BulkLoad(StoreBase):
    """Methods that load any number of items by COPY."""

    def load(
        self,
        items: Iterable[ToLoad],
        *,
        batch_size: int = LOAD_BATCH_SIZE,
        progress: Progress | bool | None = None,
    ) -> int:
        """Write any number of items by COPY, in constant memory; return their number.

        On a store with an index, items without given vectors are embedded batch by batch. If the
        table has no vectors yet, the approximate index is built at the end.

        Args:
            items: an iterable of `(namespace, key, value)`; of `(namespace, key, value, vectors)`
                with the item's vector, (dims,) numbers, or one vector for each of its texts; of
                items of any store; or of `PutOp`, which can have its own TTL.
            batch_size: the number of items in a transaction. Each batch is written completely or
                not at all.
            progress: called with the number of items written so far, after each batch. True shows
                a bar on a terminal and in a notebook.

        Raises:
            AgentStoreError: an item is invalid, or the server failed. The message names the item
                and the number of written items. These are all the items before it.
        """
        return run(self._loading(items, batch_size, progress), self.executor)

    async def aload(
        self,
        items: Iterable[ToLoad],
        *,
        batch_size: int = LOAD_BATCH_SIZE,
        progress: Progress | bool | None = None,
    ) -> int:
        """Async form of `load`."""
        return await arun(self._loading(items, batch_size, progress), self.executor)

    def _loading(
        self, items: Iterable[ToLoad], batch_size: int, progress: Progress | bool | None
    ) -> Steps[int]:
        written, large = 0, False
        try:
            with telling_progress(progress, "loading", _length(items)) as tell:
                for puts, elsewhere in self._load_batches(items, batch_size):
                    yield On(self.executor, elsewhere)
                    if not written and len(puts) == batch_size:
                        large = True
                        yield BEFORE_LARGE_LOAD
                    with telling(f"the first {written} items are written"):
                        written += yield load_job(puts)
                    tell(written)
        finally:
            if large:
                yield AFTER_LARGE_LOAD
        return written

    def _load_batches(self, items: Iterable[ToLoad], size: int) -> Iterator[LoadBatch]:
        check_size("batch_size", size)
        return load_batches(items, size, self.planner, default_ttl(self))


def _length(items: Iterable[ToLoad]) -> int | None:
    return len(items) if isinstance(items, Sized) else None


def load_batches(
    items: Iterable[ToLoad], size: int, planner: Planner, default_ttl: float | None
) -> Iterator[LoadBatch]:
    """Yield batches of at most `size` puts; the last of several values for one item wins.

    Raises:
        AgentStoreError: an item is invalid. The message names it, and how many before it were
            yielded already.
    """
    batch: dict[ItemId, Put] = {}
    elsewhere: dict[Labels, Operation[None]] = {}
    given_out = 0
    for number, given in enumerate(items):
        try:
            put = _planned(given, planner, default_ttl, elsewhere)
        except AgentStoreError as error:
            raise type(error)(
                f"item {number}: {error} (the first {given_out} items are written)"
            ) from error
        batch[put.item_id] = put
        if len(batch) == size:
            yield list(batch.values()), list(elsewhere.values())
            given_out = number + 1
            batch.clear()
            elsewhere.clear()
    if batch:
        yield list(batch.values()), list(elsewhere.values())


def _only_own(labels: Labels, planner: Planner) -> Operation[None]:
    """Return an operation that fails while another user shares this namespace with the view's.

    COPY writes the view's own items, which are hidden there meanwhile.
    """
    owner = planner.address_of(labels).user_id

    def plan(planner: Planner) -> Operation[None]:
        if planner.address_of(labels).user_id != owner:
            raise NotPermittedError(
                f"load writes a view's own items, and {labels!r} is what another user shares: put "
                "the items instead"
            )
        return Statement(
            "SELECT", (), lambda _: Decoded(None), queue=Queue.EQUAL_READS, kind="check_load"
        )

    return planner.at(labels, plan)


@contextmanager
def telling(done: str) -> Iterator[None]:
    """Add to an error what was done before it."""
    try:
        yield
    except AgentStoreError as error:
        error.args = (f"{error} ({done})",)
        raise


def _planned(
    given: ToLoad,
    planner: Planner,
    default_ttl: float | None,
    elsewhere: dict[Labels, Operation[None]],
) -> Put:
    """Return the put of an item; note the namespaces `elsewhere` that name another user."""
    vectors: Any = None
    if isinstance(given, tuple) and not isinstance(given, PutOp) and len(given) == 4:
        vectors = given[3]
        given = given[:3]
    op = _put_op(given, default_ttl)
    put = planner.put(op)
    if isinstance(put, OfView):
        put = put.own
        labels = check_labels(op.namespace)
        elsewhere.setdefault(labels, _only_own(labels, planner))
    if not isinstance(put, Put):
        raise ValueTypeError("load writes values, and None is not one")
    if vectors is not None:
        put.vectors = _given_vectors(vectors, put, planner)
    return put


def _given_vectors(vectors: Any, put: Put, planner: Planner) -> list[bytes]:
    """Return one vector for each text of the item, in the wire format of `vector`."""
    index = planner.context.index
    if index is None or index.vectors is None or put.content is None:
        raise InvalidOperationError("vectors were given, but this store has no index for them")
    many = len(vectors) == 0 or hasattr(vectors[0], "__len__")
    each = list(vectors) if many else [vectors]
    if len(each) != len(put.content.parts):
        raise InvalidOperationError(
            f"{len(each)} vectors were given, and the item's fields and chunks make "
            f"{len(put.content.parts)} texts to embed: give one vector for each"
        )
    return [vector_bytes(vector, index.vectors) for vector in each]


def _put_op(given: ToLoad, default_ttl: float | None) -> PutOp:
    if isinstance(given, PutOp):
        return given
    if isinstance(given, Item):
        return PutOp(given.namespace, given.key, given.value, ttl=default_ttl)
    if not isinstance(given, tuple) or len(given) != 3:  # type: ignore[redundant-expr]
        raise ValueTypeError(
            "load takes (namespace, key, value), the same with vectors, Item or PutOp, got "
            f"{type(given).__name__}"
        )
    return PutOp(*given, ttl=default_ttl)
