"""Faults that were there once, each with the circumstances that showed it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import (
    DatabaseError,
    InternalError,
    InvalidOperationError,
    StoreUnavailableError,
    VersionConflictError,
)
from langgraph_agentstore.runtime.jobs.copy_load import load_job
from langgraph_agentstore.sql.statement import Statement
from langgraph_agentstore.store import views as views_module


@pytest.fixture
async def store(postgres_dsn: str, schema_name: str) -> AsyncIterator[AgentStore]:
    async with AgentStore(postgres_dsn, schema=schema_name) as store:
        yield store


async def test_a_store_closes_though_calls_were_cancelled_before_they_began(
    postgres_dsn: str, schema_name: str
) -> None:
    store = AgentStore(postgres_dsn, schema=schema_name)
    await store.asetup()
    for _ in range(50):
        counting = asyncio.ensure_future(store.acount(filter={"n": 1}))
        await asyncio.sleep(0)
        counting.cancel()
    await asyncio.wait_for(store.aclose(), 10)
    assert store.stats().failed_operations == 0


def test_a_process_that_never_closes_its_bundled_store_ends_without_a_word(tmp_path: Path) -> None:
    program = f"""
from langgraph_agentstore import AgentStore
AgentStore.embedded({str(tmp_path / "data")!r}).put(("a",), "k", {{"n": 1}})
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stderr == ""


async def test_an_update_does_not_take_a_new_item_for_the_old_one(store: AgentStore) -> None:
    await store.aput(("a",), "k", {"n": 1})
    seen: list[Any] = []

    def once_replaced_under_it(value: dict[str, Any] | None) -> dict[str, Any]:
        seen.append(value)
        if len(seen) == 1:  # somebody else deletes the item and puts another in its place
            store.delete(("a",), "k")
            store.put(("a",), "k", {"n": 100})
        return {"n": (value or {"n": 0})["n"] + 1}

    assert store.update(("a",), "k", once_replaced_under_it) == {"n": 101}
    assert seen == [{"n": 1}, {"n": 100}]


async def test_a_walk_through_a_users_items_stays_with_that_user(
    store: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("alice", "bob"):
        await store.aload((("users", user, "n"), f"k{n}", {"of": user}) for n in range(6))
    monkeypatch.setattr(views_module, "running_user", lambda: "alice")
    items = store.per_user().iter_items(page_size=2)
    first = next(items)
    monkeypatch.setattr(views_module, "running_user", lambda: "bob")
    assert {item.value["of"] for item in [first, *items]} == {"alice"}


async def test_a_walk_is_checked_where_it_is_asked_for(store: AgentStore) -> None:
    with pytest.raises(InvalidOperationError, match="page_size"):
        store.iter_items(page_size=0)
    with pytest.raises(InvalidOperationError, match="page_size"):
        store.aiter_items(page_size=2**70)


async def test_the_sweepers_future_can_be_cancelled(store: AgentStore) -> None:
    stopped = await store.astart_ttl_sweeper(60)
    assert stopped.cancel()
    await store.ahealth()  # a round trip through the thread that hears of it
    assert not await store.astop_ttl_sweeper()
    again = await store.astart_ttl_sweeper(60)
    assert await store.astop_ttl_sweeper(timeout=1)
    assert again.result(timeout=5) is None


@pytest.mark.parametrize("interval", [-1, 0, "5"])
async def test_a_sweep_interval_is_a_number_of_minutes(store: AgentStore, interval: Any) -> None:
    with pytest.raises(InvalidOperationError, match="ttl"):
        await store.astart_ttl_sweeper(interval)


async def test_a_batch_that_fails_as_a_whole_raises_what_each_would(postgres_dsn: str) -> None:
    unreachable = AgentStore("postgresql://localhost:1/none")
    with pytest.raises(StoreUnavailableError):
        await unreachable.abatch([PutOp(("a",), f"k{n}", {}) for n in range(400)])
    assert unreachable.stats().failed_operations == 400
    await unreachable.aclose()


async def test_a_load_that_fails_on_the_way_says_how_far_it_came(
    store: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[Any] = []

    def fails_at_the_second(puts: Any) -> Any:
        jobs.append(puts)
        return load_job(puts if len(jobs) == 1 else [*puts, *puts])  # the same item twice

    monkeypatch.setattr("langgraph_agentstore.store.bulk_load.load_job", fails_at_the_second)
    with pytest.raises(Exception, match=r"the first 2 items are written"):
        await store.aload([(("a",), f"k{n}", {}) for n in range(4)], batch_size=2)
    assert await store.acount(("a",)) == 2


async def test_a_version_conflict_says_what_was_expected(store: AgentStore) -> None:
    await store.aput(("a",), "k", {"n": 1})
    with pytest.raises(VersionConflictError) as raised:
        await store.aput(("a",), "k", {"n": 2}, expected_version=7)
    assert raised.value.expected == 7


async def test_a_fault_of_the_package_is_not_told_as_one_of_the_database(
    postgres_dsn: str, schema_name: str
) -> None:
    def faulty(rows: Any) -> Any:
        return {}[rows[0][0]]

    async with AgentStore(postgres_dsn, schema=schema_name) as store:
        with pytest.raises(InternalError, match=r"itself \(KeyError\)") as raised:
            await store.executor.arun(Statement("SELECT 'a secret'", (), faulty))
    assert not isinstance(raised.value, DatabaseError)
    assert isinstance(raised.value.__cause__, KeyError)
    assert "a secret" not in str(raised.value)
