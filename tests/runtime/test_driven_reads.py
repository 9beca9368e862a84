"""Blocking reads on a connection near the caller, in a store that was opened by `with`."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import StoreClosedError
from langgraph_agentstore.runtime.connections.connector import Connection
from langgraph_agentstore.runtime.driven_reads import DrivenReads
from tests.runtime.near_callers import LONG, NAMESPACE, busy_io_thread, locked_items
from tests.support.faults import backends, execute, run_script, terminate_backends, wait_until
from tests.support.proxy import Proxy


def reads_near(store: AgentStore) -> bool:
    """Whether a get is answered without the I/O thread."""
    with busy_io_thread(store):
        reading = threading.Thread(target=store.get, args=(NAMESPACE, "k"), daemon=True)
        reading.start()
        reading.join(0.5)
        is_near = not reading.is_alive()
    reading.join(20)
    return is_near


def until_near(store: AgentStore) -> None:
    """Reads one after the other until one is near."""

    def read() -> bool:
        for _ in range(20):
            store.get(NAMESPACE, "k")
        return reads_near(store)

    wait_until(read)


@pytest.fixture
def store(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        store.put(NAMESPACE, "k", {"n": 1})
        until_near(store)
        yield store


def test_gets_and_searches_need_no_other_thread(store: AgentStore) -> None:
    with busy_io_thread(store):
        item = store.get(NAMESPACE, "k")
        assert item is not None
        assert item.value == {"n": 1}
        assert store.get(NAMESPACE, "missing") is None
        assert [found.key for found in store.search(NAMESPACE)] == ["k"]
        own = store.for_user("ann").get(("notes",), "k")
        assert own is not None
        assert (own.namespace, own.value) == (("notes",), {"n": 1})


def test_a_read_sees_the_write_before_it(store: AgentStore) -> None:
    for n in range(50):
        store.put(NAMESPACE, "k", {"n": n})
        item = store.get(NAMESPACE, "k")
        assert item is not None
        assert item.value == {"n": n}


def test_a_large_value_is_read_as_any_other(store: AgentStore) -> None:
    store.put(NAMESPACE, "large", {"text": LONG})
    for _ in range(20):
        item = store.get(NAMESPACE, "large")
        assert item is not None
        assert item.value == {"text": LONG}


def test_reads_are_counted(store: AgentStore) -> None:
    before = store.stats()
    for _ in range(20):
        store.get(NAMESPACE, "k")
    after = store.stats()
    assert after.operations - before.operations == 20
    assert after.statements - before.statements == 20
    assert after.kinds["get"].operations - before.kinds["get"].operations == 20


def test_threads_at_once_get_their_own_answers(store: AgentStore) -> None:
    for n in range(8):
        store.put(NAMESPACE, f"k{n}", {"n": n})

    def read(n: int) -> None:
        for _ in range(200):
            item = store.get(NAMESPACE, f"k{n}")
            assert item is not None
            assert item.value == {"n": n}

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(read, range(8)))
    until_near(store)


async def test_on_the_thread_of_a_running_loop_the_session_reads(
    postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        store.put(NAMESPACE, "k", {"n": 1})
        for _ in range(30):
            assert store.get(NAMESPACE, "k") is not None
            assert await store.aget(NAMESPACE, "k") is not None
        await asyncio.to_thread(until_near, store)
        assert store.get(NAMESPACE, "k") is not None


def test_a_read_whose_connection_was_lost_is_answered(fresh_database: str) -> None:
    with AgentStore(fresh_database) as store:
        store.put(NAMESPACE, "k", {"n": 1})
        until_near(store)
        for _ in range(3):
            terminate_backends(fresh_database)
            assert store.get(NAMESPACE, "k") is not None
        time.sleep(1)  # the pause before another connection
        until_near(store)


def test_a_read_without_an_answer_is_left_to_the_session(fresh_database: str) -> None:
    with Proxy(fresh_database) as proxy, AgentStore(proxy.dsn) as store:
        store.put(NAMESPACE, "k", {"n": 1})
        until_near(store)
        lost = store.stats().connections_lost
        proxy.stall()
        with ThreadPoolExecutor(1) as thread:
            reading = thread.submit(store.get, NAMESPACE, "k")
            wait_until(lambda: store.stats().connections_lost > lost)
            proxy.resume()
            assert reading.result(20) is not None


def test_a_locked_table_delays_a_read_until_it_is_free(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    with ThreadPoolExecutor(1) as thread, locked_items(postgres_dsn, schema_name) as other:
        reading = thread.submit(store.get, NAMESPACE, "k")
        time.sleep(0.5)
        assert not reading.done()
        other.rollback()
        assert reading.result(20) is not None


_INTERRUPTED = """
import os, signal, sys, threading
import psycopg
from langgraph_agentstore import AgentStore

NAMESPACE = ("users", "ann", "notes")

with AgentStore(sys.argv[1]) as store:
    store.put(NAMESPACE, "k", {"n": 1})
    near = store._engine._near
    while not near.reads:
        store.get(NAMESPACE, "k")
    for n in range(3):
        with psycopg.connect(sys.argv[1]) as other:
            other.execute("LOCK TABLE agentstore.item IN ACCESS EXCLUSIVE MODE")
            threading.Timer(.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                store.get(NAMESPACE, "k")
            except KeyboardInterrupt:
                print("interrupted")
        assert store.get(NAMESPACE, "missing") is None
        assert store.get(NAMESPACE, "k").value == {"n": 1}
"""


@pytest.mark.skipif(os.name == "nt", reason="this platform has no SIGINT for a process of its own")
def test_ctrl_c_in_the_midst_of_a_read_leaves_the_next_ones_right(fresh_database: str) -> None:
    assert run_script(_INTERRUPTED, fresh_database).split() == ["interrupted"] * 3


def test_connections_stay_below_the_pool_s_limit(fresh_database: str) -> None:
    with AgentStore(fresh_database, pool={"max_size": 4}) as store:
        until_near(store)
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda n: store.search(NAMESPACE, filter={"n": n}), range(200)))
            list(threads.map(lambda n: store.put(NAMESPACE, f"{n}", {}), range(200)))
        assert store.stats().pool_size <= 4
        assert len(backends(fresh_database)) <= 4


def test_a_small_pool_keeps_its_connections(fresh_database: str) -> None:
    with AgentStore(fresh_database, pool={"max_size": 2}) as store:
        for _ in range(30):
            store.get(NAMESPACE, "k")
        assert not reads_near(store)


def test_the_connection_is_closed_when_nobody_reads(fresh_database: str) -> None:
    with AgentStore(fresh_database, pool={"max_idle_s": 0.5}) as store:
        until_near(store)
        wait_until(lambda: not backends(fresh_database))
        assert store.get(NAMESPACE, "k") is None


def test_the_end_of_the_block_closes_the_connection(fresh_database: str) -> None:
    threads = set(threading.enumerate())
    with AgentStore(fresh_database) as store:
        until_near(store)
    # The thread that read the connection string is told to end, and not waited for.
    wait_until(lambda: set(threading.enumerate()) <= threads)
    wait_until(lambda: not backends(fresh_database))
    with pytest.raises(StoreClosedError):
        store.get(NAMESPACE, "k")


def test_closing_while_a_read_is_under_way_ends_it(fresh_database: str) -> None:
    with AgentStore(fresh_database) as store, ThreadPoolExecutor(1) as thread:
        store.put(NAMESPACE, "k", {"n": 1})
        until_near(store)
        with locked_items(fresh_database, "agentstore") as other:
            reading = thread.submit(store.get, NAMESPACE, "k")
            time.sleep(0.2)
            closing = threading.Thread(target=store.close)
            closing.start()
            time.sleep(0.2)
            other.rollback()
            closing.join(20)
            assert not closing.is_alive()
        assert reading.result(20) is not None
    wait_until(lambda: not backends(fresh_database))


def test_a_store_that_nobody_closes_leaves_no_connection(fresh_database: str) -> None:
    def use() -> None:
        store = AgentStore(fresh_database).__enter__()
        until_near(store)

    use()
    gc.collect()
    wait_until(lambda: not backends(fresh_database))


_FORKS = """
import os, sys
from langgraph_agentstore import AgentStore

NAMESPACE = ("users", "ann", "notes")

with AgentStore(sys.argv[1]) as store:
    store.put(NAMESPACE, "k", {"n": 1})
    while not store._engine._near.reads:
        store.get(NAMESPACE, "k")
    child = os.fork()
    for n in range(50):
        assert store.get(NAMESPACE, "k").value == {"n": 1}
    if not child:
        store.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert store.get(NAMESPACE, "k").value == {"n": 1}
print("both went on")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_after_a_fork_both_processes_read(fresh_database: str) -> None:
    assert "both went on" in run_script(_FORKS, fresh_database)


_NEVER_CLOSED = """
import sys
from langgraph_agentstore import AgentStore

store = AgentStore(sys.argv[1]).__enter__()
while not store._engine._near.reads:
    store.get(("users", "ann", "notes"), "k")
print("ended")
"""


def test_a_process_ends_that_never_left_the_block(fresh_database: str) -> None:
    assert run_script(_NEVER_CLOSED, fresh_database).strip() == "ended"


def test_a_takeover_by_another_server_is_noticed(fresh_database: str) -> None:
    """Stands in for one: the pool replaces its connections, and so does the near one."""
    with AgentStore(fresh_database) as store:
        until_near(store)
        made = store.stats().connections_made
        assert store._engine._session is not None
        store._engine._session.database.connections.renew()
        wait_until(lambda: store.get(NAMESPACE, "k") is None and reads_near(store))
        assert store.stats().connections_made > made
        assert execute(fresh_database, "SELECT 1") == [(1,)]


def test_a_store_that_closes_while_the_connection_is_made_leaves_none(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends right after the connection was kept, before the thread that made it goes on."""
    kept = DrivenReads._expire_later

    def end_at_once(near: DrivenReads, connection: Connection, seconds: float) -> None:
        kept(near, connection, seconds)
        near.end()

    monkeypatch.setattr(DrivenReads, "_expire_later", end_at_once)
    with AgentStore(fresh_database) as store:
        near = store._engine._near
        assert isinstance(near, DrivenReads)
        while not near.made:
            store.get(NAMESPACE, "k")
        wait_until(lambda: near.size == 0)
    wait_until(lambda: not backends(fresh_database))
