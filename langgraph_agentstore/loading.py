"""What `load` is given, in batches that can be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from langgraph.store.base import Item, PutOp

from .errors import AgentStoreError, InvalidOperationError, ValueTypeError
from .namespaces import Labels
from .plan import Planner
from .plan.model import Put, Triple

ToLoad: TypeAlias = "tuple[Labels, str, Mapping[str, Any]] | Item | PutOp"

LARGEST_BATCH = 1_000_000


def load_batches(
    items: Iterable[ToLoad], size: int, planner: Planner, default_ttl: float | None
) -> Iterator[list[Put]]:
    """Batches of at most `size` puts; of several values for one item in a batch the last stays.

    Raises:
        AgentStoreError: an item is bad; the message says which, and how many before it were given
            out already.
    """
    batch: dict[Triple, Put] = {}
    given_out = 0
    for number, given in enumerate(items):
        try:
            put = planner.plan(_put_op(given, default_ttl))
            if not isinstance(put, Put):
                raise ValueTypeError("load writes values, and None is not one")
        except AgentStoreError as error:
            raise type(error)(
                f"item {number}: {error} (the first {given_out} items are written)"
            ) from error
        batch[put.triple] = put
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


def _put_op(given: ToLoad, default_ttl: float | None) -> PutOp:
    if isinstance(given, PutOp):
        return given
    if isinstance(given, Item):
        return PutOp(given.namespace, given.key, given.value, ttl=default_ttl)
    if not isinstance(given, tuple) or len(given) != 3:  # type: ignore[redundant-expr]
        raise ValueTypeError(
            f"load takes (namespace, key, value), Item or PutOp, got {type(given).__name__}"
        )
    return PutOp(*given, ttl=default_ttl)
