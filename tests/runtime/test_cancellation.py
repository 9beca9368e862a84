"""Callers that give up: what was not sent is not done, what was sent keeps its place."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from langgraph.store.base import GetOp, Op, PutOp
from typing_extensions import LiteralString

from langgraph_agentstore import AgentStore
from tests.support.faults import active_statements, locked_rows, reading_role, until, versions

NAMESPACE = ("users", "ann", "notes")
_DAWDLE: LiteralString = "IF key LIKE 'slow%' THEN PERFORM pg_sleep(10); END IF"


@pytest.fixture
def store(fresh_database: str) -> Iterator[AgentStore]:
    with AgentStore(fresh_database) as store:
        store.put(NAMESPACE, "k", {"n": 0})
        yield store


@pytest.fixture
def slow_reader(store: AgentStore, fresh_database: str) -> Iterator[AgentStore]:
    """One connection, on which reading the key `slow` takes ten seconds."""
    store.put(NAMESPACE, "slow", {"n": 0})
    with (
        reading_role(fresh_database, "agentstore", _DAWDLE) as dsn,
        AgentStore(dsn, pool={"max_size": 1}) as reader,
    ):
        yield reader


async def test_a_cancelled_search_frees_its_connection(
    slow_reader: AgentStore, fresh_database: str
) -> None:
    search = asyncio.ensure_future(slow_reader.asearch(NAMESPACE))
    await until(lambda: active_statements(fresh_database) == 1)
    search.cancel()
    with pytest.raises(asyncio.CancelledError):
        await search
    assert await asyncio.wait_for(slow_reader.aget(NAMESPACE, "k"), 3) is not None
    assert active_statements(fresh_database) == 0


async def test_a_search_past_the_callers_time_limit_frees_its_connection(
    slow_reader: AgentStore,
) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(slow_reader.asearch(NAMESPACE), 0.1)
    assert await asyncio.wait_for(slow_reader.aget(NAMESPACE, "k"), 3) is not None


async def test_a_cancelled_get_does_not_disturb_those_it_travels_with(store: AgentStore) -> None:
    for _ in range(20):
        gets = [asyncio.ensure_future(store.aget(NAMESPACE, "k")) for _ in range(20)]
        await asyncio.sleep(0)
        gets[7].cancel()
        items = await asyncio.gather(*gets, return_exceptions=True)
        assert sum(isinstance(item, asyncio.CancelledError) for item in items) <= 1
        assert sum(getattr(item, "key", None) == "k" for item in items) >= 19


async def test_a_cancelled_put_that_was_not_sent_is_not_made(
    store: AgentStore, fresh_database: str
) -> None:
    with locked_rows(fresh_database, "agentstore", "k"):
        first = asyncio.ensure_future(store.aput(NAMESPACE, "k", {"n": 1}))
        await until(lambda: active_statements(fresh_database) > 0)
        # It waits behind the first: one write to an item at a time.
        second = asyncio.ensure_future(store.aput(NAMESPACE, "k", {"n": 2}))
        await until(lambda: store.stats().waiting == 1)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
    await first
    item = await store.aget(NAMESPACE, "k")
    assert item is not None
    assert item.value == {"n": 1}
    assert versions(fresh_database, "agentstore") == {"k": 2}


async def test_a_cancelled_put_that_waits_for_a_lock_is_given_up(
    store: AgentStore, fresh_database: str
) -> None:
    with locked_rows(fresh_database, "agentstore", "k"):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(store.aput(NAMESPACE, "k", {"n": 1}), 0.1)
        await until(lambda: active_statements(fresh_database) == 0)
    assert versions(fresh_database, "agentstore") == {"k": 1}


async def test_a_put_cancelled_in_flight_does_not_overwrite_a_later_one(
    store: AgentStore, fresh_database: str
) -> None:
    for round_ in range(1, 6):
        with locked_rows(fresh_database, "agentstore", "k"):
            older = asyncio.ensure_future(store.aput(NAMESPACE, "k", {"n": "older"}))
            await until(lambda: active_statements(fresh_database) > 0)
            older.cancel()
            newer = asyncio.ensure_future(store.aput(NAMESPACE, "k", {"n": round_}))
        await newer
        item = await store.aget(NAMESPACE, "k")
        assert item is not None
        assert item.value == {"n": round_}
    # What was in flight ends before what follows it is sent, so nothing is still to come.
    await store.adelete(NAMESPACE, "k")
    assert await store.aget(NAMESPACE, "k") is None


async def test_writes_of_one_item_are_made_in_the_order_they_were_asked_for(
    store: AgentStore, fresh_database: str
) -> None:
    """Also when batches overtake each other because a locked item holds one of them up."""
    with locked_rows(fresh_database, "agentstore", "k"):
        writes = [asyncio.ensure_future(store.aput(NAMESPACE, "k", {"n": -1}))]
        for n in range(200):
            key = f"key-{n % 5}"
            put = store.aput(NAMESPACE, key, {"n": n})
            writes.append(asyncio.ensure_future(put if n % 7 else store.adelete(NAMESPACE, key)))
            writes.append(asyncio.ensure_future(store.aput(NAMESPACE, key, {"n": n})))
            if n % 10 == 0:
                await asyncio.sleep(0.005)  # into several batches
            if not n % 7:
                put.close()
        await asyncio.gather(*writes[1:])
        for n in range(195, 200):
            item = await store.aget(NAMESPACE, f"key-{n % 5}")
            assert item is not None
            assert item.value == {"n": n}
        assert not writes[0].done()
    await writes[0]


async def test_a_cancelled_batch_that_still_reads_does_not_write(
    slow_reader: AgentStore, fresh_database: str
) -> None:
    ops: list[Op] = [GetOp(NAMESPACE, "slow"), PutOp(NAMESPACE, "new", {"n": 1})]
    batch = asyncio.ensure_future(slow_reader.abatch(ops))
    await until(lambda: active_statements(fresh_database) == 1)
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    await slow_reader.aclose()
    assert "new" not in versions(fresh_database, "agentstore")


async def test_a_call_cancelled_while_the_store_opens_is_dropped(fresh_database: str) -> None:
    store = AgentStore(fresh_database)
    put = asyncio.ensure_future(store.aput(NAMESPACE, "early", {"n": 1}))
    await asyncio.sleep(0)
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    assert await store.aget(NAMESPACE, "early") is None
    await store.aclose()
