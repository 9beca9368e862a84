"""Any loop, any thread, any time: from construction to the end of the process."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import StoreClosedError, StoreUnavailableError
from tests.support.faults import backends, locked_rows, until, versions, wait_until
from tests.support.servers import TestServer

NAMESPACE = ("users", "ann", "notes")
IO_THREAD = "agentstore-io"


@pytest.fixture
def store(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    store = AgentStore(postgres_dsn, schema=schema_name)
    yield store
    store.close()


def io_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == IO_THREAD]


async def put_and_get(store: AgentStore, key: str) -> None:
    await store.aput(NAMESPACE, key, {"key": key})
    item = await store.aget(NAMESPACE, key)
    assert item is not None
    assert item.value == {"key": key}


def test_nothing_happens_before_the_first_operation() -> None:
    before = io_threads()
    store = AgentStore("postgresql://nobody@127.0.0.1:1/nowhere")
    store.for_user("ann")
    store.per_user()
    assert repr(store)
    assert store.stats().operations == 0
    assert io_threads() == before
    store.close()
    store.close()


def test_one_object_serves_one_event_loop_after_another(store: AgentStore) -> None:
    for n in range(3):
        asyncio.run(put_and_get(store, f"k{n}"))
        store.put(NAMESPACE, f"sync-{n}", {"n": n})
    assert len(store.search(NAMESPACE)) == 6


def test_one_object_serves_several_event_loops_and_blocking_threads_at_once(
    store: AgentStore,
) -> None:
    async def loop(name: str) -> None:
        await asyncio.gather(*[put_and_get(store, f"{name}-{n}") for n in range(50)])

    def blocking(name: str) -> None:
        for n in range(50):
            store.put(NAMESPACE, f"{name}-{n}", {"n": n})
            assert store.get(NAMESPACE, f"{name}-{n}") is not None

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(asyncio.run, loop(f"loop-{n}")) for n in range(3)]
        jobs += [pool.submit(blocking, f"thread-{n}") for n in range(3)]
        for job in jobs:
            job.result(60)
    assert store.count() == 300


async def test_blocking_calls_work_on_the_thread_of_a_running_loop(store: AgentStore) -> None:
    store.put(NAMESPACE, "k", {"n": 1})
    assert store.get(NAMESPACE, "k") is not None
    await put_and_get(store, "other")
    assert len(store.search(NAMESPACE)) == 2


async def test_twelve_concurrent_setups_of_one_store_all_succeed(store: AgentStore) -> None:
    await asyncio.gather(
        *[store.asetup() for _ in range(6)],
        *[asyncio.to_thread(store.setup) for _ in range(6)],
    )
    assert store.ready().ready


async def test_a_hundred_concurrent_first_operations_open_the_store_once(
    store: AgentStore,
) -> None:
    before = len(io_threads())
    await asyncio.gather(*[put_and_get(store, f"k{n}") for n in range(100)])
    assert len(io_threads()) == before + 1


def test_a_closed_store_says_so_and_closing_again_is_no_error(store: AgentStore) -> None:
    store.put(NAMESPACE, "k", {"n": 1})
    store.close()
    store.close()
    asyncio.run(store.aclose())
    with pytest.raises(StoreClosedError):
        store.get(NAMESPACE, "k")
    with pytest.raises(StoreClosedError):
        asyncio.run(store.aget(NAMESPACE, "k"))
    assert store.stats().operations == 1


async def test_close_finishes_what_was_accepted(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await put_and_get(store, "locked")
    with locked_rows(postgres_dsn, schema_name, "locked"):
        locked = asyncio.ensure_future(store.aput(NAMESPACE, "locked", {"n": 2}))
        others = [
            asyncio.ensure_future(store.aput(NAMESPACE, f"k{n}", {"n": n})) for n in range(500)
        ]
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(store.aclose())
        await asyncio.gather(*others)
        assert not closing.done()
    await asyncio.gather(closing, locked)
    assert len(versions(postgres_dsn, schema_name)) == 501
    assert versions(postgres_dsn, schema_name)["locked"] == 2


def test_threads_that_race_with_close_are_either_served_or_refused(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    store.setup()
    served: list[str] = []

    def put_until_refused(name: str) -> None:
        for n in range(100_000):
            try:
                store.put(NAMESPACE, f"{name}-{n}", {"n": n})
            except StoreClosedError:
                return
            served.append(f"{name}-{n}")

    threads = [threading.Thread(target=put_until_refused, args=(f"t{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(served) > 200)
    store.close()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert set(served) == set(versions(postgres_dsn, schema_name))


def test_a_collected_store_ends_its_thread_and_its_connections(fresh_database: str) -> None:
    before = set(io_threads())
    store = AgentStore(fresh_database)
    store.put(NAMESPACE, "k", {"n": 1})
    (thread,) = set(io_threads()) - before
    assert backends(fresh_database)
    del store
    gc.collect()
    wait_until(lambda: not backends(fresh_database))
    thread.join(10)
    assert not thread.is_alive()


def test_a_view_keeps_its_store_alive(fresh_database: str) -> None:
    view = AgentStore(fresh_database).for_user("ann")
    gc.collect()
    view.put(("notes",), "k", {"n": 1})
    gc.collect()
    assert view.get(("notes",), "k") is not None


def test_many_stores_that_were_never_closed_leave_nothing_behind(fresh_database: str) -> None:
    before = set(io_threads())
    for n in range(10):
        AgentStore(fresh_database).put(NAMESPACE, f"k{n}", {"n": n})
    gc.collect()
    wait_until(lambda: not backends(fresh_database))
    wait_until(lambda: set(io_threads()) <= before)


async def test_a_loop_that_is_closed_while_it_waits_disturbs_nobody(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await put_and_get(store, "locked")

    def abandon() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(store.aput(NAMESPACE, "locked", {"n": 2}))
        loop.run_until_complete(asyncio.sleep(0.01))
        assert not task.done()
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()

    with locked_rows(postgres_dsn, schema_name, "locked"):
        await asyncio.to_thread(abandon)
    await until(lambda: versions(postgres_dsn, schema_name)["locked"] == 2)
    await put_and_get(store, "other")


def test_an_unreachable_server_leaves_a_store_that_can_be_closed() -> None:
    store = AgentStore("postgresql://nobody@127.0.0.1:1/nowhere?sslmode=disable")
    with pytest.raises(StoreUnavailableError):
        store.setup()
    started = time.monotonic()
    store.close()
    assert time.monotonic() - started < 1


async def test_a_server_that_is_gone_does_not_keep_close_from_ending(
    disposable_server: TestServer,
) -> None:
    store = AgentStore(disposable_server.dsn, pool={"command_timeout_s": 1.0})
    await put_and_get(store, "k")
    disposable_server.freeze()
    try:
        started = time.monotonic()
        await store.aclose()
        assert time.monotonic() - started < 5
    finally:
        disposable_server.thaw()


async def test_a_batch_that_fails_as_a_whole_raises_what_each_would(postgres_dsn: str) -> None:
    unreachable = AgentStore("postgresql://localhost:1/none")
    with pytest.raises(StoreUnavailableError):
        await unreachable.abatch([PutOp(("a",), f"k{n}", {}) for n in range(400)])
    assert unreachable.stats().failed_operations == 400
    await unreachable.aclose()
