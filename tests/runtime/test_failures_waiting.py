"""Slow statements and a full pool: who waits, for how long, and who does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial

import pytest
from typing_extensions import LiteralString

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import StoreTimeoutError
from langgraph_agentstore.runtime.near_reads import SMALLEST_POOL
from tests.support.faults import (
    active_statements,
    backends,
    execute,
    locked_rows,
    reading_role,
    slow_writes,
    until,
    versions,
)

NAMESPACE = ("users", "ann", "notes")
SLOW = ("users", "ann", "slow")

_DAWDLE: LiteralString = "IF key LIKE 'slow%' THEN PERFORM pg_sleep(10); END IF"


@pytest.fixture
def slow_dsn(fresh_database: str) -> Iterator[str]:
    """Reading a key that starts with `slow` takes ten seconds, and writing it too."""
    with AgentStore(fresh_database) as store:
        store.put(SLOW, "slow", {"n": 1})
        store.put(NAMESPACE, "k", {"n": 1})
    slow_writes(fresh_database, "agentstore")
    with reading_role(fresh_database, "agentstore", _DAWDLE) as dsn:
        yield dsn


async def cancelled(*tasks: asyncio.Future[object]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def tasks() -> AsyncIterator[list[asyncio.Future[object]]]:
    """What is put in here is given up after the test."""
    tasks: list[asyncio.Future[object]] = []
    yield tasks
    await cancelled(*tasks)


@pytest.mark.parametrize("connections", [3, 8])
async def test_gets_find_a_connection_whatever_slow_searches_and_writes_do(
    slow_dsn: str, fresh_database: str, connections: int, tasks: list[asyncio.Future[object]]
) -> None:
    async with AgentStore(slow_dsn, pool={"max_size": connections}) as store:
        # One of many connections is on this loop, for reads that come alone.
        shared = connections if connections < SMALLEST_POOL else connections - 1
        for n in range(shared // 2):
            tasks.append(asyncio.ensure_future(store.aput(NAMESPACE, f"slow-{n}", {"n": n})))
            await until(partial(_are_active, fresh_database, n + 1))
        for n in range(12):  # with filters that differ none shares its statement with another
            differs = {"n": {"$gte": -n}}
            tasks.append(asyncio.ensure_future(store.asearch(SLOW, filter=differs)))
        await until(partial(_are_active, fresh_database, shared - 1))
        for _ in range(10):
            item = await asyncio.wait_for(store.aget(NAMESPACE, "k"), 1)
            assert item is not None
        await cancelled(*tasks)
        _stop_statements(fresh_database)


@pytest.mark.parametrize("connections", [1, 2, 8])
async def test_gets_find_a_connection_whatever_is_locked(
    fresh_database: str, connections: int, tasks: list[asyncio.Future[object]]
) -> None:
    async with AgentStore(fresh_database, pool={"max_size": connections}) as store:
        keys = [f"locked-{n}" for n in range(12)]
        await asyncio.gather(*[store.aput(NAMESPACE, key, {"n": 1}) for key in keys])
        with locked_rows(fresh_database, "agentstore", *keys):
            for key in keys:
                tasks.append(asyncio.ensure_future(store.aput(NAMESPACE, key, {"n": 2})))
            for _ in range(10):
                assert await asyncio.wait_for(store.aget(NAMESPACE, keys[0]), 2) is not None
        await asyncio.gather(*tasks)


def _are_active(dsn: str, count: int) -> bool:
    return active_statements(dsn) >= count


async def test_a_full_pool_is_an_error_with_advice_at_the_acquire_timeout(
    slow_dsn: str, fresh_database: str, tasks: list[asyncio.Future[object]]
) -> None:
    pool = {"max_size": 1, "acquire_timeout_s": 0.3}
    async with AgentStore(slow_dsn, pool=pool) as store:
        tasks.append(asyncio.ensure_future(store.asearch(SLOW)))
        await until(lambda: active_statements(fresh_database) == 1)
        started = time.monotonic()
        with pytest.raises(StoreTimeoutError, match=r"all 1 connections stayed busy") as caught:
            await store.aget(NAMESPACE, "k")
        assert 0.2 < time.monotonic() - started < 2
        assert "max_size" in str(caught.value)
        assert caught.value.written is False
        with pytest.raises(StoreTimeoutError, match="nothing was sent"):
            await store.aput(NAMESPACE, "new", {"n": 1})
        await cancelled(*tasks)
        assert await store.aget(NAMESPACE, "k") is not None
    assert "new" not in versions(fresh_database, "agentstore")


LATE: dict[str, Callable[[AgentStore], Awaitable[object]]] = {
    "search": lambda store: store.asearch(SLOW),
    "put": lambda store: store.aput(NAMESPACE, "slow-new", {"n": 1}),
    "get": lambda store: store.aget(SLOW, "slow"),
}


@pytest.mark.parametrize("operation", LATE)
async def test_a_statement_past_its_deadline_is_stopped_and_its_connection_used_again(
    slow_dsn: str, fresh_database: str, operation: str
) -> None:
    pool = {"max_size": 1, "command_timeout_s": 0.3}
    async with AgentStore(slow_dsn, pool=pool) as store:
        await store.asetup()
        before = backends(fresh_database)
        started = time.monotonic()
        with pytest.raises(StoreTimeoutError, match="nothing of it was written") as caught:
            await LATE[operation](store)
        assert time.monotonic() - started < 2
        assert caught.value.written is False
        assert "command_timeout_s" in str(caught.value)
        assert await store.aget(NAMESPACE, "k") is not None
        assert backends(fresh_database) == before
        assert store.stats().retries == 0
    assert "slow-new" not in versions(fresh_database, "agentstore")


async def test_a_slow_write_is_overtaken_by_writes_of_other_items(
    slow_dsn: str, fresh_database: str, tasks: list[asyncio.Future[object]]
) -> None:
    async with AgentStore(slow_dsn) as store:
        tasks.append(asyncio.ensure_future(store.aput(NAMESPACE, "slow-new", {"n": 1})))
        await until(lambda: active_statements(fresh_database) == 1)
        for n in range(5):
            await asyncio.wait_for(store.aput(NAMESPACE, f"quick-{n}", {"n": n}), 1)
        await cancelled(*tasks)
        # Closing would wait for what was sent.
        _stop_statements(fresh_database)


async def test_many_slow_searches_leave_room_for_a_quick_one_when_they_are_given_up(
    slow_dsn: str, fresh_database: str
) -> None:
    async with AgentStore(slow_dsn, pool={"max_size": 3}) as store:
        searches = [asyncio.ensure_future(store.asearch(SLOW)) for _ in range(30)]
        await until(lambda: active_statements(fresh_database) > 0)
        await cancelled(*searches)  # type: ignore[arg-type]
        found = await asyncio.wait_for(store.asearch(NAMESPACE), 3)
        assert [item.key for item in found] == ["k"]
        assert store.stats().waiting == 0


def _stop_statements(dsn: str) -> None:
    execute(
        dsn,
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE state = 'active'"
        " AND datname = current_database() AND pid <> pg_backend_pid()",
    )
