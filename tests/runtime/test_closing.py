"""Whoever opens something closes it, and nobody else does."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore, PoolConfig
from langgraph_agentstore.conversations import PostgresStoreRepository, remember_conversation
from langgraph_agentstore.errors import ConfigurationError, StoreClosedError
from langgraph_agentstore.files import StoreBackend, create_store_backend
from langgraph_agentstore.memory_agent import FileStore, MemoryAgent
from tests.support.faults import execute

GIVEN: dict[str, Callable[[AgentStore], Any]] = {
    "data_store": lambda store: DataStore(store, "ann", "scout"),
    "repository": lambda store: PostgresStoreRepository(store=store),
    "saving node": remember_conversation,
    "files": StoreBackend,
    "files made": create_store_backend,
    "memories": lambda store: MemoryAgent(store=store),
}


@pytest.mark.parametrize("make", GIVEN.values(), ids=GIVEN)
def test_a_store_that_is_given_stays_open(store: AgentStore, make: Callable[..., Any]) -> None:
    with make(store) as facade:
        pass
    facade.close()
    assert store.count() == 0


@pytest.mark.parametrize("name", ["repository", "saving node", "files", "memories"])
async def test_the_awaited_end_of_a_block_is_the_same(store: AgentStore, name: str) -> None:
    async with GIVEN[name](store) as facade:
        pass
    await facade.aclose()
    assert await store.acount() == 0


def counts(postgres_dsn: str, schema_name: str) -> list[Any]:
    return execute(postgres_dsn, "SELECT access_count FROM {}.item_access", schema_name)


def test_a_data_store_counts_its_reads_at_the_end(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    with DataStore(store, "ann", "scout") as records:
        records.set("a", 1)
        records.get_many(["a"] * 5)
    assert counts(postgres_dsn, schema_name) == [(5,)]


async def test_an_awaited_data_store_counts_its_reads_at_the_end(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    async with AsyncDataStore(store, "ann", "scout") as records:
        await records.set("a", 1)
        async with await records.watch(timeout_s=0.1) as changes:
            await records.get("a")
    assert [change async for change in changes] == []
    assert counts(postgres_dsn, schema_name) == [(1,)]


def test_a_store_that_a_facade_opened_is_closed_with_it(
    postgres_dsn: str, schema_name: str
) -> None:
    with PostgresStoreRepository(dsn=postgres_dsn, schema=schema_name) as repository:
        repository.put(("a",), "k", {})
    with MemoryAgent("postgresql", dsn=postgres_dsn, user_id=schema_name) as agent:
        assert agent.list_memories() == []
    for store in (repository.store, agent.store):
        with pytest.raises(StoreClosedError):
            store.get(("a",), "k")


def test_files_in_sqlite_are_closed_with_the_backend_that_opened_them(tmp_path: Path) -> None:
    with create_store_backend(db_path=str(tmp_path / "agent.db")) as backend:
        backend.write("/a", "x")
    backend.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        backend.read("/a")


def test_a_store_in_a_file_closes_at_the_end_of_a_block(tmp_path: Path) -> None:
    with FileStore(tmp_path / "m.json", "json") as store:
        store.put(("a",), "k", {"n": 1})
    assert FileStore(tmp_path / "m.json", "json").get(("a",), "k") is not None


def test_a_format_of_files_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="known: json, csv, yaml, pickle"):
        FileStore(tmp_path / "m.xml", "xml")


def test_options_of_the_pool_are_refused_the_same_however_they_are_given() -> None:
    for make in (lambda: PoolConfig(max_size=0), lambda: AgentStore(pool={"max_size": 0})):
        with pytest.raises(ConfigurationError, match="pool: max_size"):
            make()


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


def test_a_thread_with_the_number_of_the_ended_io_thread_is_told_that_the_store_is_closed(
    postgres_dsn: str, schema_name: str
) -> None:
    """The system gives the number of an ended thread to a later one."""
    others = {thread.ident for thread in threading.enumerate()}
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        started = [t for t in threading.enumerate() if t.ident not in others]
        [number] = [thread.ident for thread in started if thread.name == "agentstore-io"]
    said: dict[int | None, type[BaseException]] = {}

    def use() -> None:
        with pytest.raises(Exception) as raised:  # noqa: PT011 # its type is what is tested
            store.get(("users", "ann"), "k")
        said[threading.get_ident()] = raised.type

    for _ in range(20):
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        if number in said:
            break
    assert set(said.values()) == {StoreClosedError}
