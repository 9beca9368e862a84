"""The listing of large namespaces in the background, without a server."""

from __future__ import annotations

import asyncio

from langgraph_agentstore.errors import DatabaseError
from langgraph_agentstore.runtime.lister import MANY_BATCHES, Lister
from langgraph_agentstore.sql.items.newest import ListedUpTo


class Batches:
    """Stands in for the statements: each namespace takes as many as are left for it."""

    def __init__(self, **left: int) -> None:
        self.left = left
        self.done: list[tuple[str, ListedUpTo | None]] = []
        self.going_on = asyncio.Event()
        self.analyzed = 0

    async def run(self, user_id: str, place: str, after: ListedUpTo | None) -> ListedUpTo | None:
        await self.going_on.wait()
        self.done.append((place, after))
        if place not in self.left:
            raise DatabaseError("refused")
        self.left[place] -= 1
        return (place, str(self.left[place])) if self.left[place] else None

    async def analyze(self) -> None:
        self.analyzed += 1
        raise DatabaseError("refused")


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_each_namespace_is_listed_to_its_end_and_once_however_often_it_is_named() -> None:
    batches = Batches(a=3, b=1)
    lister = Lister(batches.run, batches.analyze)
    for _ in range(5):
        lister.list_soon([("ann", "a")])
    lister.list_soon([("ann", "b")])
    batches.going_on.set()
    await settled()
    assert batches.done == [("a", None), ("a", ("a", "2")), ("a", ("a", "1")), ("b", None)]
    batches.left["a"] = 1
    lister.list_soon([("ann", "a")])  # it has grown again
    await settled()
    assert batches.done[4:] == [("a", None)]


async def test_a_namespace_that_cannot_be_listed_is_tried_once() -> None:
    batches = Batches(b=1)
    batches.going_on.set()
    lister = Lister(batches.run, batches.analyze)
    lister.list_soon([("ann", "a"), ("ann", "b")])
    await settled()
    lister.list_soon([("ann", "a")])
    await settled()
    assert sorted(batches.done) == [("a", None), ("b", None)]


async def test_a_store_that_closes_does_not_wait_for_a_listing() -> None:
    batches = Batches(a=1000)
    lister = Lister(batches.run, batches.analyze)
    lister.list_soon([("ann", "a")])
    await lister.stop()
    lister.list_soon([("ann", "a")])
    batches.going_on.set()
    await settled()
    assert batches.done == []


async def test_many_batches_are_followed_by_new_statistics() -> None:
    batches = Batches(few=MANY_BATCHES - 1, many=MANY_BATCHES)
    batches.going_on.set()
    lister = Lister(batches.run, batches.analyze)
    lister.list_soon([("ann", "few")])
    await settled()
    assert batches.analyzed == 0
    lister.list_soon([("ann", "many")])
    await settled()
    assert batches.analyzed == 1
    batches.left["many"] = 1
    lister.list_soon([("ann", "many")])  # that they were refused is no reason to list no more
    await settled()
    assert batches.left["many"] == 0
