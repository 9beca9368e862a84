"""Reads on the caller's own loop, in a store that was opened by `async with`."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import StoreClosedError
from tests.runtime.near_callers import LONG, NAMESPACE, busy_io_thread, locked_items
from tests.support.faults import backends, execute, run_script, terminate_backends, until
from tests.support.proxy import Proxy


async def reads_near(store: AgentStore) -> bool:
    """Whether a get is answered without the I/O thread."""
    with busy_io_thread(store):
        try:
            await asyncio.wait_for(store.aget(NAMESPACE, "k"), 0.5)
        except asyncio.TimeoutError:
            return False
    return True


async def until_near(store: AgentStore) -> None:
    """Reads one after the other until one is near."""

    async def read() -> None:
        while not await reads_near(store):
            for _ in range(20):
                await store.aget(NAMESPACE, "k")
            await asyncio.sleep(0.05)

    await asyncio.wait_for(read(), 20)


@pytest.fixture
async def store(postgres_dsn: str, schema_name: str) -> AsyncIterator[AgentStore]:
    async with AgentStore(postgres_dsn, schema=schema_name) as store:
        await store.aput(NAMESPACE, "k", {"n": 1})
        await until_near(store)
        yield store


async def test_gets_and_searches_need_no_other_thread(store: AgentStore) -> None:
    with busy_io_thread(store):
        item = await store.aget(NAMESPACE, "k")
        assert item is not None
        assert item.value == {"n": 1}
        assert await store.aget(NAMESPACE, "missing") is None
        assert [found.key for found in await store.asearch(NAMESPACE)] == ["k"]
        view = store.for_user("ann")
        assert (await view.aget(("notes",), "k")) == item.__class__(
            value={"n": 1},
            key="k",
            namespace=("notes",),
            created_at=item.created_at,
            updated_at=item.updated_at,
        )


async def test_a_read_sees_the_write_before_it(store: AgentStore) -> None:
    for n in range(50):
        await store.aput(NAMESPACE, "k", {"n": n})
        item = await store.aget(NAMESPACE, "k")
        assert item is not None
        assert item.value == {"n": n}


async def test_a_large_value_is_read_as_any_other(store: AgentStore) -> None:
    await store.aput(NAMESPACE, "large", {"text": LONG})
    for _ in range(20):
        item = await store.aget(NAMESPACE, "large")
        assert item is not None
        assert item.value == {"text": LONG}
    assert (await store.asearch(NAMESPACE))[0].value == {"text": LONG}


async def test_a_read_extends_the_expiry(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await store.aput(NAMESPACE, "brief", {"n": 1}, ttl=10)
    sooner = "UPDATE {}.item SET expires_at = now() + interval '1 minute' WHERE key = 'brief'"
    execute(postgres_dsn, sooner, schema_name)
    before = await store.aget_record(NAMESPACE, "brief")
    await store.aget(NAMESPACE, "brief")
    assert before is not None

    def was_extended() -> bool:
        now = store.get_record(NAMESPACE, "brief")
        assert now is not None
        assert now.expires_at is not None
        assert before.expires_at is not None
        return now.expires_at > before.expires_at

    await until(was_extended)


async def test_a_prefix_with_namespaces_below_is_searched_as_a_whole(store: AgentStore) -> None:
    await store.aput((*NAMESPACE, "below"), "deep", {"n": 2})
    for _ in range(20):
        assert {found.key for found in await store.asearch(NAMESPACE)} == {"k", "deep"}


async def test_reads_at_once_share_statements_all_the_same(store: AgentStore) -> None:
    before = store.stats()
    await asyncio.gather(*[store.aget(NAMESPACE, f"k{n}") for n in range(200)])
    after = store.stats()
    assert after.operations - before.operations == 200
    assert after.statements - before.statements < 20


async def test_reads_are_counted(store: AgentStore) -> None:
    before = store.stats()
    for _ in range(20):
        await store.aget(NAMESPACE, "k")
    after = store.stats()
    assert after.operations - before.operations == 20
    assert after.statements - before.statements == 20
    assert after.kinds["get"].operations - before.kinds["get"].operations == 20


async def test_other_loops_and_threads_go_through_the_store_s_own(store: AgentStore) -> None:
    def elsewhere() -> None:
        assert store.get(NAMESPACE, "k") is not None
        assert asyncio.run(store.aget(NAMESPACE, "k")) is not None

    await asyncio.gather(*[asyncio.to_thread(elsewhere) for _ in range(4)])
    assert store.get(NAMESPACE, "k") is not None  # on the thread of this running loop
    assert await reads_near(store)


async def test_a_read_whose_connection_was_lost_is_answered(fresh_database: str) -> None:
    async with AgentStore(fresh_database) as store:
        await store.aput(NAMESPACE, "k", {"n": 1})
        await until_near(store)
        for _ in range(3):
            terminate_backends(fresh_database)
            assert await store.aget(NAMESPACE, "k") is not None
        await asyncio.sleep(1)  # the pause before another connection
        await until_near(store)


async def test_a_read_without_an_answer_is_left_to_the_session(fresh_database: str) -> None:
    with Proxy(fresh_database) as proxy:
        async with AgentStore(proxy.dsn) as store:
            await store.aput(NAMESPACE, "k", {"n": 1})
            await until_near(store)
            lost = store.stats().connections_lost
            proxy.stall()
            reading = asyncio.ensure_future(store.aget(NAMESPACE, "k"))
            await until(lambda: store.stats().connections_lost > lost)
            proxy.resume()
            assert (await asyncio.wait_for(reading, 20)) is not None


async def test_a_read_that_is_cancelled_leaves_the_next_ones_right(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    with locked_items(postgres_dsn, schema_name) as other:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(store.aget(NAMESPACE, "k"), 0.05)
        waiting = asyncio.ensure_future(store.aget(NAMESPACE, "k"))
        await asyncio.sleep(0)
        other.rollback()
    assert (await waiting) is not None
    assert await store.aget(NAMESPACE, "missing") is None


async def test_a_locked_table_delays_a_read_until_it_is_free(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    with locked_items(postgres_dsn, schema_name) as other:
        reading = asyncio.ensure_future(store.aget(NAMESPACE, "k"))
        done, _ = await asyncio.wait([reading], timeout=0.5)
        assert not done
        other.rollback()
    assert (await asyncio.wait_for(reading, 20)) is not None


async def test_connections_stay_below_the_pool_s_limit(fresh_database: str) -> None:
    async with AgentStore(fresh_database, pool={"max_size": 4}) as store:
        await until_near(store)
        searches = [store.asearch(NAMESPACE, filter={"n": n}) for n in range(200)]
        await asyncio.gather(*searches, *[store.aput(NAMESPACE, f"{n}", {}) for n in range(200)])
        assert store.stats().pool_size <= 4
        assert len(backends(fresh_database)) <= 4


async def test_a_small_pool_keeps_its_connections(fresh_database: str) -> None:
    async with AgentStore(fresh_database, pool={"max_size": 2}) as store:
        for _ in range(30):
            await store.aget(NAMESPACE, "k")
        assert not await reads_near(store)


async def test_the_connection_is_closed_when_nobody_reads(fresh_database: str) -> None:
    async with AgentStore(fresh_database, pool={"max_idle_s": 0.5}) as store:
        await until_near(store)
        await until(lambda: not backends(fresh_database))
        assert await store.aget(NAMESPACE, "k") is None


async def test_the_end_of_the_block_closes_the_connection(fresh_database: str) -> None:
    async with AgentStore(fresh_database) as store:
        await until_near(store)
    await until(lambda: not backends(fresh_database))
    with pytest.raises(StoreClosedError):
        await store.aget(NAMESPACE, "k")


async def test_closing_on_another_thread_closes_the_connection(fresh_database: str) -> None:
    store = await AgentStore(fresh_database).__aenter__()
    await until_near(store)
    await asyncio.to_thread(store.close)
    await until(lambda: not backends(fresh_database))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_store_outlives_the_loop_that_opened_it(fresh_database: str) -> None:
    _use_on_several_loops(AgentStore(fresh_database))
    gc.collect()  # the connection of a loop that ended within the block, as the driver warns


def _use_on_several_loops(store: AgentStore) -> None:
    async def first() -> None:
        await store.__aenter__()
        await store.aput(NAMESPACE, "k", {"n": 1})
        await until_near(store)

    async def second() -> None:
        assert await store.aget(NAMESPACE, "k") is not None

    asyncio.run(first())
    asyncio.run(second())
    assert store.get(NAMESPACE, "k") is not None
    asyncio.run(store.aclose())


async def test_cancelling_every_task_of_the_loop_harms_no_later_read(fresh_database: str) -> None:
    async with AgentStore(fresh_database) as store:
        for n in range(200):
            reading = asyncio.ensure_future(store.aget(NAMESPACE, f"k{n}"))
            await asyncio.sleep(0)
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            if n % 3 == 0:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            else:
                assert await reading is None
        assert await asyncio.wait_for(store.aget(NAMESPACE, "k"), 10) is None


_FORKS = """
import asyncio, os, sys
from langgraph_agentstore import AgentStore

NAMESPACE = ("users", "ann", "notes")

async def main():
    async with AgentStore(sys.argv[1]) as store:
        await store.aput(NAMESPACE, "k", {"n": 1})
        for n in range(200):
            await store.aget(NAMESPACE, "k")
            await asyncio.sleep(.001)
        child = os.fork()
        if not child:  # the parent's loop is not for the child, as everywhere in asyncio
            assert store.get(NAMESPACE, "k").value == {"n": 1}
            assert asyncio.run(store.aget(NAMESPACE, "k")).value == {"n": 1}
            store.close()
            os._exit(0)
        for n in range(50):
            assert (await store.aget(NAMESPACE, "k")).value == {"n": 1}
        assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0
        assert (await store.aget(NAMESPACE, "k")).value == {"n": 1}
    print("both went on")

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_after_a_fork_in_a_coroutine_both_processes_read(fresh_database: str) -> None:
    assert "both went on" in run_script(_FORKS, fresh_database)


_NEVER_CLOSED = """
import asyncio, sys, warnings
from langgraph_agentstore import AgentStore

async def main():
    store = await AgentStore(sys.argv[1]).__aenter__()
    for n in range(200):
        await store.aget(("users", "ann", "notes"), "k")
        await asyncio.sleep(.001)
    return store

store = asyncio.run(main())
print("ended")
"""


def test_a_process_ends_that_never_left_the_block(fresh_database: str) -> None:
    assert run_script(_NEVER_CLOSED, fresh_database).strip() == "ended"
