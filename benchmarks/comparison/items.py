"""Rows about writing items, and finding them by what they hold."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from langgraph.store.base import PutOp

from .row import found, outcome
from .sides import Side

NOTES = ("notes",)


def numbers_in_order(side: Side) -> str:
    """2, 9, 10 and 100 as values."""
    return _filtered(side, [{"n": n} for n in (2, 9, 10, 100)], {"n": {"$gt": 9}})


def nested_object(side: Side) -> str:
    """An object within an object."""
    return _filtered(side, [{"n": 1, "a": {"b": 1}}, {"n": 2, "a": {"b": 2}}], {"a": {"b": 1}})


def one_of_several(side: Side) -> str:
    """`$in`"""
    return _filtered(side, [{"n": n} for n in (1, 2, 3)], {"n": {"$in": [1, 3]}})


def both_of_two(side: Side) -> str:
    """`$and`"""
    return _filtered(
        side, [{"n": n} for n in (1, 2, 3)], {"$and": [{"n": {"$gt": 1}}, {"n": {"$lt": 3}}]}
    )


def unequal(side: Side) -> str:
    """Where one item lacks the field, and one has the value."""
    return _filtered(
        side, [{"n": 1, "score": 9}, {"n": 2, "score": 8}, {"n": 3}], {"score": {"$ne": 9}}
    )


def _filtered(side: Side, values: list[dict[str, Any]], filter: dict[str, Any]) -> str:
    with side.open() as store:
        for value in values:
            store.put(NOTES, str(value["n"]), value)
        return outcome(lambda: found(item.key for item in store.search(NOTES, filter=filter)))


def expired(side: Side) -> str:
    """Read after its time, before anybody swept."""
    with side.open() as store:
        store.put(NOTES, "a", {"n": 1}, ttl=0.002)
        time.sleep(0.3)
        return "returned" if store.get(NOTES, "a", refresh_ttl=False) else "gone"


def key_that_is_a_number(side: Side) -> str:
    """Awaited."""

    async def tried() -> str:
        async with side.aopen() as store:
            key: Any = 7
            await store.aput(NOTES, key, {"n": 1})
            return "the item" if await store.aget(NOTES, key) else "None"

    return asyncio.run(tried())


def a_large_batch(side: Side) -> str:
    """In one call."""
    with side.open() as store:
        puts = [PutOp(NOTES, str(n), {"n": n}) for n in range(17_000)]
        said = outcome(lambda: store.batch(puts))
    with side.open() as store:
        return f"{said}; {'written' if store.get(NOTES, '0') else 'nothing is written'}"
