"""The server goes away and comes back, under load; and what is known of each write then."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import (
    DatabaseError,
    InternalError,
    MissingSchemaError,
    StoreUnavailableError,
)
from langgraph_agentstore.sql.statement import Statement
from tests.runtime.load import NAMESPACE, Account, writing
from tests.support.faults import backends, execute, kill, terminate_backends, until, versions
from tests.support.servers import TestServer


def check(account: Account, store: AgentStore, dsn: str) -> None:
    """Each put's outcome against what the table holds."""
    found = versions(dsn, "agentstore")
    assert not account.strangers
    assert set(account.acknowledged) <= set(found), "an acknowledged put was lost"
    assert not set(account.unwritten) & set(found), "a put was made that was said not to be"
    assert store.stats().failed_operations == len(account.errors)
    asked = len(account.acknowledged) + len(account.failed)
    assert set(found) <= set(account.acknowledged) | set(account.unknown)
    assert store.stats().operations >= asked
    # A put whose answer was lost on the way was sent once more, and counts once.
    assert set(found.values()) <= {1}


async def test_a_store_recovers_by_itself_when_all_its_connections_are_terminated(
    fresh_database: str,
) -> None:
    async with AgentStore(fresh_database) as store, writing(store) as account:
        for _ in range(5):
            assert terminate_backends(fresh_database) > 0
            await account.grows()
    # The server said itself that it did nothing, so all were sent again.
    assert account.errors == []
    check(account, store, fresh_database)
    assert set(versions(fresh_database, "agentstore").values()) == {1}


async def test_idle_connections_that_were_terminated_are_replaced_without_an_error(
    fresh_database: str,
) -> None:
    async with AgentStore(fresh_database, pool={"min_size": 4}) as store:
        await asyncio.gather(*[store.aput(NAMESPACE, f"k{n}", {"n": n}) for n in range(50)])
        doomed = set(backends(fresh_database))
        assert terminate_backends(fresh_database) >= 4
        await until(lambda: not doomed & set(backends(fresh_database)))
        assert all(await asyncio.gather(*[store.aget(NAMESPACE, f"k{n}") for n in range(50)]))
        await store.aput(NAMESPACE, "k0", {"n": 0}, expected_version=1)  # never sent twice


async def test_nothing_acknowledged_is_lost_when_a_backend_is_killed(
    disposable_server: TestServer,
) -> None:
    """The kernel kills one; the server then throws out all others and recovers from its log."""
    async with AgentStore(disposable_server.dsn) as store, writing(store) as account:
        for _ in range(2):
            await kill_a_backend(disposable_server.dsn)
            await account.grows(50)
    check(account, store, disposable_server.dsn)


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed_and_restarted(
    disposable_server: TestServer,
) -> None:
    pool = {"failover_wait_s": 0}
    async with AgentStore(disposable_server.dsn, pool=pool) as store, writing(store) as account:
        for _ in range(2):
            await asyncio.to_thread(disposable_server.kill)
            await account.fails()
            await asyncio.to_thread(disposable_server.restart)
            await account.grows()
    assert account.errors
    check(account, store, disposable_server.dsn)


async def test_a_planned_restart_costs_errors_only_while_the_server_is_down(
    disposable_server: TestServer,
) -> None:
    async with AgentStore(disposable_server.dsn) as store, writing(store) as account:
        os.kill(disposable_server.pid, signal.SIGINT)  # a fast shutdown
        await until(lambda: not disposable_server.is_running())
        await asyncio.to_thread(disposable_server.restart)
        await account.grows()
        seen = len(account.errors)
        await account.grows()
        assert len(account.errors) == seen
    check(account, store, disposable_server.dsn)
    assert account.unknown == []


async def test_a_compare_and_set_is_never_made_twice(disposable_server: TestServer) -> None:
    """Eight writers count up one item, each over the version it read, while backends die."""
    done = 0

    async def count_up(store: AgentStore, over: asyncio.Event) -> None:
        nonlocal done
        while not over.is_set():
            try:
                await store.aupdate(NAMESPACE, "n", lambda old: {"n": (old or {"n": 0})["n"] + 1})
                done += 1
            except StoreUnavailableError as error:
                unknown.append(error.written)
                await asyncio.sleep(0.01)

    def reached(goal: int) -> bool:
        return done >= goal

    unknown: list[bool | None] = []
    async with AgentStore(disposable_server.dsn) as store:
        over = asyncio.Event()
        writers = [asyncio.create_task(count_up(store, over)) for _ in range(8)]
        for goal in (30, 60):
            await until(partial(reached, goal))
            await kill_a_backend(disposable_server.dsn)
        await until(partial(reached, 90))
        over.set()
        await asyncio.gather(*writers)
        record = await store.aget_record(NAMESPACE, "n")
    assert record is not None
    assert record.value == {"n": record.version}  # one write, one version
    assert done <= record.version <= done + unknown.count(None)


async def test_a_store_made_while_the_server_is_down_says_so_at_once_and_works_later(
    disposable_server: TestServer,
) -> None:
    disposable_server.kill()
    store = AgentStore(disposable_server.dsn)
    started = asyncio.get_running_loop().time()
    with pytest.raises(StoreUnavailableError, match="cannot connect to postgresql://") as caught:
        await store.aput(NAMESPACE, "k", {"n": 1})
    with pytest.raises(StoreUnavailableError, match="start the server"):
        await store.asetup()
    assert asyncio.get_running_loop().time() - started < 1
    assert caught.value.written is False

    disposable_server.restart()
    await store.aput(NAMESPACE, "k", {"n": 1})
    assert versions(disposable_server.dsn, "agentstore") == {"k": 1}
    await store.aclose()


async def test_a_store_waits_for_a_server_that_is_recovering(
    disposable_server: TestServer,
) -> None:
    """While it replays its log after a crash a server refuses connections and says why."""
    dsn = disposable_server.dsn
    async with AgentStore(dsn) as store:
        await store.aput(NAMESPACE, "k", {"n": 1})
        # The postmaster lives on and starts recovery; the next connections meet it on the way.
        for _ in range(3):
            await kill_a_backend(dsn)
            await until(lambda: store.stats().pool_size == 0 or not backends_or_none(dsn))
            assert await store.aget(NAMESPACE, "k") is not None


def backends_or_none(dsn: str) -> list[int]:
    import psycopg

    try:
        return backends(dsn)
    except psycopg.OperationalError:
        return []


async def kill_a_backend(dsn: str) -> None:
    """Kill one that serves the store, as soon as the server has recovered from the one before."""
    serving: list[int] = []

    def serves() -> bool:
        serving[:] = backends_or_none(dsn)
        return bool(serving)

    await until(serves)
    kill(serving[0])


async def test_tables_that_were_dropped_are_made_again_by_setup(
    postgres_dsn: str, schema_name: str
) -> None:
    async with AgentStore(postgres_dsn, schema=schema_name) as store:
        await store.aput(NAMESPACE, "k", {"n": 1})
        execute(postgres_dsn, "DROP SCHEMA {} CASCADE", schema_name)
        with pytest.raises(MissingSchemaError, match=r"call setup\(\)"):
            await store.aput(NAMESPACE, "k", {"n": 2})
        await store.asetup()
        await store.aput(NAMESPACE, "k", {"n": 3})
        assert versions(postgres_dsn, schema_name) == {"k": 1}


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
