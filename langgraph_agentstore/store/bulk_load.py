"""What `load` is given, in batches that can be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from langgraph.store.base import Item, PutOp

from ..errors import AgentStoreError, InvalidOperationError, ValueTypeError
from ..model.namespaces import Labels
from ..sql.planner import Planner
from ..sql.search.vector_codec import vector_bytes
from ..sql.statement import ItemId, Put

ToLoad: TypeAlias = (
    "tuple[Labels, str, Mapping[str, Any]] | tuple[Labels, str, Mapping[str, Any], Any] "
    "| Item | PutOp"
)

LARGEST_BATCH = 1_000_000


def load_batches(
    items: Iterable[ToLoad], size: int, planner: Planner, default_ttl: float | None
) -> Iterator[list[Put]]:
    """Batches of at most `size` puts; of several values for one item in a batch the last stays.

    Raises:
        AgentStoreError: an item is bad; the message says which, and how many before it were given
            out already.
    """
    batch: dict[ItemId, Put] = {}
    given_out = 0
    for number, given in enumerate(items):
        try:
            put = _planned(given, planner, default_ttl)
        except AgentStoreError as error:
            raise type(error)(
                f"item {number}: {error} (the first {given_out} items are written)"
            ) from error
        batch[put.item_id] = put
        if len(batch) == size:
            yield list(batch.values())
            given_out = number + 1
            batch.clear()
    if batch:
        yield list(batch.values())


@contextmanager
def telling(written: int) -> Iterator[None]:
    """Adds to an error how many items were written before it."""
    try:
        yield
    except AgentStoreError as error:
        error.args = (f"{error} (the first {written} items are written)",)
        raise


def check_size(name: str, size: int) -> None:
    """Raises InvalidOperationError unless `size` can be that of a batch or a page."""
    if type(size) is not int or not 1 <= size <= LARGEST_BATCH:
        raise InvalidOperationError(
            f"{name} is a whole number from 1 to {LARGEST_BATCH}, got {size!r}"
        )


def _planned(given: ToLoad, planner: Planner, default_ttl: float | None) -> Put:
    vectors: Any = None
    if isinstance(given, tuple) and not isinstance(given, PutOp) and len(given) == 4:
        vectors = given[3]
        given = given[:3]
    put = planner.plan(_put_op(given, default_ttl))
    if not isinstance(put, Put):
        raise ValueTypeError("load writes values, and None is not one")
    if vectors is not None:
        put.vectors = _given_vectors(vectors, put, planner)
    return put


def _given_vectors(vectors: Any, put: Put, planner: Planner) -> list[bytes]:
    """One vector, or a list of one for each part of the item."""
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
