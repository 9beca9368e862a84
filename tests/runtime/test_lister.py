"""The listing of large namespaces in the background."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import DatabaseError
from langgraph_agentstore.runtime import lister as lister_module
from langgraph_agentstore.runtime.lister import MANY_BATCHES, TRIES, Lister
from langgraph_agentstore.sql.items.newest import ListedUpTo
from tests.support.faults import execute, until


class Batches:
    """Stands in for the statements: each namespace takes as many as are left for it."""

    def __init__(self, **left: int) -> None:
        self.left = left
        self.done: list[tuple[str, ListedUpTo | None]] = []
        self.going_on = asyncio.Event()
        self.analyzed = 0
        self.refusals = 0

    async def run(self, user_id: str, place: str, after: ListedUpTo | None) -> ListedUpTo | None:
        await self.going_on.wait()
        self.done.append((place, after))
        if place not in self.left:
            raise DatabaseError("refused")
        self.left[place] -= 1
        return (place, str(self.left[place])) if self.left[place] else None

    async def analyze(self) -> None:
        self.analyzed += 1
        if self.refusals:
            self.refusals -= 1
            raise DatabaseError("refused")


async def settled() -> None:
    for _ in range(60):
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


async def test_statistics_that_were_refused_are_asked_for_some_more_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lister_module, "PAUSE_S", 0.0)
    batches = Batches(many=MANY_BATCHES)
    batches.refusals = TRIES - 1
    batches.going_on.set()
    lister = Lister(batches.run, batches.analyze)
    lister.list_soon([("ann", "many")])
    await settled()
    assert batches.analyzed == TRIES

    batches.refusals = 2 * TRIES
    batches.left["many"] = MANY_BATCHES
    lister.list_soon([("ann", "many")])
    await settled()
    assert batches.analyzed == 2 * TRIES
    batches.left["many"] = 1
    lister.list_soon([("ann", "many")])  # it is no reason to list no more
    await settled()
    assert batches.left["many"] == 0


async def test_a_table_that_somebody_works_on_gets_its_statistics_afterwards(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the old ones, a search went through the whole table: a second for a million items."""
    monkeypatch.setattr(lister_module, "PAUSE_S", 0.1)
    monkeypatch.setattr(lister_module, "_LOCK_TIMEOUT", "200ms")
    namespace = ("users", "ann", "notes")
    async with AgentStore(fresh_database) as store:
        await store.aload((namespace, f"k{n}", {"n": n}) for n in range(MANY_BATCHES * 1000 + 1))
        before = analyzed_at(fresh_database)
        with psycopg.connect(fresh_database) as other:
            # As VACUUM does, autovacuum's too.
            other.execute("LOCK TABLE agentstore.item IN SHARE UPDATE EXCLUSIVE MODE")
            await store.asearch(namespace, limit=1)
            await until(lambda: unlisted(fresh_database) == 0)
            await asyncio.sleep(0.5)
            assert analyzed_at(fresh_database) == before
        await until(lambda: analyzed_at(fresh_database) != before)


def unlisted(dsn: str) -> int:
    [[count]] = execute(dsn, "SELECT count(*) FROM agentstore.item WHERE newest_at IS NULL")
    return int(count)


def analyzed_at(dsn: str) -> Any:
    [[moment]] = execute(
        dsn,
        "SELECT last_analyze FROM pg_stat_user_tables WHERE relid = 'agentstore.item'::regclass",
    )
    return moment
