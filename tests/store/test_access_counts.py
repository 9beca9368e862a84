"""Reads are counted exactly, in the background, and never in the way of anything."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from langgraph_agentstore import AgentStore, DataStore, DataStoreRecord, DataStoreService
from langgraph_agentstore.errors import MissingSchemaError
from langgraph_agentstore.runtime.access_log import FLUSH_S
from tests.support.faults import execute, run_script, start_script, wait_until
from tests.support.servers import TestServer


@pytest.fixture
def records(store: AgentStore) -> DataStore:
    return DataStore(store, "ann", "reader")


@pytest.fixture
def elsewhere(postgres_dsn: str, schema_name: str) -> Iterator[DataStore]:
    """The same records as another process sees them: only what has reached the table."""
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        yield DataStore(store, "ann", None)


def record_of(records: DataStore, key: str = "k") -> DataStoreRecord:
    record = records.record(key)
    assert record is not None
    return record


def test_a_write_and_two_reads_count_two(records: DataStore, elsewhere: DataStore) -> None:
    records.set("k", 1)
    records.get("k")
    records.get("k")
    assert record_of(records).access_count == 2
    records.flush()
    assert record_of(records).access_count == record_of(elsewhere).access_count == 2


def test_counts_arrive_by_themselves_in_less_than_a_second(
    records: DataStore, elsewhere: DataStore
) -> None:
    assert FLUSH_S < 1
    records.set("k", 1)
    for _ in range(3):
        records.get("k")
    wait_until(lambda: record_of(elsewhere).access_count == 3)
    records.get("k")
    wait_until(lambda: record_of(elsewhere).access_count == 4)


def test_closing_counts_what_was_read(
    postgres_dsn: str, schema_name: str, elsewhere: DataStore
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        records = DataStore(store, "ann", "reader")
        records.set("k", 1)
        records.get("k")
        records.close()
        assert record_of(elsewhere).access_count == 1
        records.get("k")
    assert record_of(elsewhere).access_count == 2


def test_a_process_that_ends_counts_what_it_read(
    postgres_dsn: str, schema_name: str, elsewhere: DataStore
) -> None:
    run_script(
        "import sys\n"
        "from langgraph_agentstore import AgentStore, DataStore\n"
        "records = DataStore(AgentStore(sys.argv[1], schema=sys.argv[2]), 'ann', 'script')\n"
        "records.set('k', 1)\n"
        "records.get('k')\n",
        postgres_dsn,
        schema_name,
    )
    found = record_of(elsewhere)
    assert (found.access_count, found.last_accessed_by_agent) == (1, "script")


def test_each_record_returned_counts_and_one_asked_for_twice_counts_twice(
    records: DataStore,
) -> None:
    records.set_many({"a": 1, "b": 2})
    records.get_many(["a", "a", "missing"])
    records.get_all()
    records.get("missing")
    assert [record_of(records, key).access_count for key in "ab"] == [3, 1]


def test_looking_around_and_writing_count_nothing(records: DataStore) -> None:
    records.set("k", 1)
    records.list_keys()
    records.list_namespaces()
    records.exists("k")
    records.record("k")
    list(records.items())
    records.search()
    records.increment("k")
    records.compare_and_set("k", 2, 3)
    assert record_of(records).access_count == 0


def test_a_write_stamps_who_and_when(store: AgentStore, records: DataStore) -> None:
    records.set("k", 1)
    DataStore(store, "ann", "second").set("k", 2)
    records.flush()
    found = record_of(records)
    assert (found.created_by_agent, found.last_accessed_by_agent) == ("reader", "second")
    assert found.last_accessed_at is not None
    assert found.last_accessed_at >= found.created_at
    assert found.access_count == 0


def test_a_read_changes_neither_the_record_nor_when_it_was_written(records: DataStore) -> None:
    records.set("k", 1)
    before = record_of(records)
    records.get("k")
    records.flush()
    after = record_of(records)
    assert (after.updated_at, after.version) == (before.updated_at, before.version)
    assert after.last_accessed_at is not None
    assert after.last_accessed_at > before.updated_at


def test_without_an_agent_nothing_is_tracked(store: AgentStore) -> None:
    nobody = DataStore(store, "ann", None)
    nobody.set("k", 1)
    nobody.get("k")
    nobody.flush()
    found = record_of(nobody)
    assert (found.access_count, found.last_accessed_at, found.last_accessed_by_agent) == (
        0,
        None,
        None,
    )


def test_a_read_is_one_statement_and_many_are_counted_by_one(
    store: AgentStore, records: DataStore
) -> None:
    records.set_many({f"k{n}": n for n in range(100)})
    records.flush()
    before = store.stats().statements
    for n in range(100):
        records.get(f"k{n}")
    assert store.stats().statements - before in (100, 101)  # a flush may have come by
    records.flush()
    assert store.stats().statements - before in (101, 102)


def test_a_record_in_the_place_of_one_that_was_removed_begins_at_none(
    store: AgentStore, records: DataStore
) -> None:
    records.set("k", 1)
    records.get("k")
    records.delete("k")
    store.put(("users", "ann", "default"), "k", {"n": 1})  # by one who tells no name
    records.flush()
    assert record_of(records).access_count == 0
    records.get("k")
    records.flush()
    assert record_of(records).access_count == 1


def test_counts_go_with_their_record(
    records: DataStore, postgres_dsn: str, schema_name: str
) -> None:
    records.set_many({"a": 1, "b": 2, "c": 3})
    records.get_all()
    records.flush()
    records.delete("a")
    assert execute(postgres_dsn, "SELECT count(*) FROM {}.item_access", schema_name) == [(2,)]
    records.clear()
    assert execute(postgres_dsn, "SELECT count(*) FROM {}.item_access", schema_name) == [(0,)]


def test_readers_of_many_threads_are_all_counted(records: DataStore, elsewhere: DataStore) -> None:
    records.set("k", 1)
    with ThreadPoolExecutor(16) as pool:
        for _ in pool.map(lambda _: records.get("k"), range(2000)):
            pass
    records.flush()
    assert record_of(elsewhere).access_count == 2000


def test_readers_of_several_processes_are_all_counted(
    postgres_dsn: str, schema_name: str, records: DataStore
) -> None:
    script = (
        "import sys\n"
        "from langgraph_agentstore import AgentStore, DataStore\n"
        "records = DataStore(AgentStore(sys.argv[1], schema=sys.argv[2]), 'ann', 'script')\n"
        "for _ in range(500):\n"
        "    records.get('k')\n"
        "    records.flush()\n"
    )
    records.set("k", 1)
    processes = [start_script(script, postgres_dsn, schema_name) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    assert record_of(records).access_count == 1500


def test_a_flush_that_fails_fails_no_read_and_is_made_good(
    records: DataStore,
    postgres_dsn: str,
    schema_name: str,
    elsewhere: DataStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    records.set("k", 1)
    records.flush()
    execute(postgres_dsn, "ALTER TABLE {}.item_access RENAME TO away", schema_name)
    with caplog.at_level(logging.WARNING, "langgraph_agentstore"):
        assert records.get("k") == 1
        wait_until(lambda: "counting reads failed" in caplog.text)
    assert records.get("k") == 1
    with pytest.raises(MissingSchemaError):
        records.flush()
    execute(postgres_dsn, "ALTER TABLE {}.away RENAME TO item_access", schema_name)
    wait_until(lambda: record_of(elsewhere).access_count == 2)


def test_counting_waits_for_no_writer_and_no_writer_for_it(
    records: DataStore, postgres_dsn: str, schema_name: str, elsewhere: DataStore
) -> None:
    import psycopg

    records.set("k", 1)
    with psycopg.connect(postgres_dsn) as writer:
        writer.execute(f"UPDATE {schema_name}.item SET value = '2'".encode())
        records.get("k")
        records.flush()
        assert record_of(elsewhere).access_count == 1
        writer.rollback()


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL here")
def test_a_kill_loses_counts_of_the_last_second_at_most_and_never_data(
    disposable_server: TestServer,
) -> None:
    script = (
        "import sys\n"
        "from langgraph_agentstore import AgentStore, DataStore\n"
        "records = DataStore(AgentStore(sys.argv[1]), 'ann', 'script')\n"
        "records.set('k', 'data')\n"
        "records.get('k')\n"
        "records.flush()\n"
        "records.get('k')\n"
        "print('read', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    process = start_script(script, disposable_server.dsn)
    assert process.stdout is not None
    assert process.stdout.readline() == "read\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with AgentStore(disposable_server.dsn) as store:
        records = DataStore(store, "ann", None)
        assert records.get("k") == "data"
        assert record_of(records).access_count in (1, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_counts_its_own_reads_alone(
    postgres_dsn: str, schema_name: str, elsewhere: DataStore
) -> None:
    run_script(
        "import os, sys, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from langgraph_agentstore import AgentStore, DataStore\n"
        "records = DataStore(AgentStore(sys.argv[1], schema=sys.argv[2]), 'ann', 'script')\n"
        "records.set('k', 1)\n"
        "records.get('k')\n"
        "child = os.fork()\n"
        "records.get('k')\n"
        "records.flush()\n"
        "if child:\n"
        "    os.waitpid(child, 0)\n"
        "else:\n"
        "    os._exit(0)\n",
        postgres_dsn,
        schema_name,
    )
    assert record_of(elsewhere).access_count == 3


def test_the_service_counts_for_the_agent_it_is_told(store: AgentStore) -> None:
    service = DataStoreService(store)
    service.set("ann", "notes", "k", 1, agent_name="writer")
    first = service.get("ann", "notes", "k", "reader")
    assert first is not None
    assert (first.access_count, first.last_accessed_by_agent) == (0, "writer")
    second = service.get("ann", "notes", "k", "reader")
    assert second is not None
    assert (second.access_count, second.last_accessed_by_agent) == (1, "reader")


def test_reading_while_counts_are_flushed_shows_each_read_once(records: DataStore) -> None:
    records.set("k", 1)
    stop = threading.Event()

    def flush() -> None:
        while not stop.is_set():
            records.flush()

    flusher = threading.Thread(target=flush)
    flusher.start()
    try:
        for n in range(1, 301):
            records.get("k")
            assert record_of(records).access_count == n
    finally:
        stop.set()
        flusher.join()


def test_a_server_that_only_reads_is_read_and_complained_about_once(
    records: DataStore, postgres_dsn: str, schema_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    records.set("k", 1)
    records.flush()
    pool = {"session_settings": {"default_transaction_read_only": "on"}}
    with (
        caplog.at_level(logging.WARNING, "langgraph_agentstore"),
        AgentStore(postgres_dsn, schema=schema_name, pool=pool) as store,
    ):
        replica = DataStore(store, "ann", "reporter")
        before = store.stats().statements
        assert replica.get("k") == 1
        wait_until(lambda: store.stats().statements >= before + 3)  # the read, two tries
    assert caplog.text.count("counting reads failed") == 1
    assert record_of(records).access_count == 0


def test_a_change_that_was_refused_stamps_nobody(store: AgentStore, records: DataStore) -> None:
    records.set("k", "text")
    meddler = DataStore(store, "ann", "meddler")
    for change in (meddler.increment, lambda key: meddler.append(key, 1)):
        with pytest.raises(TypeError):
            change("k")
    records.flush()
    assert record_of(records).last_accessed_by_agent == "reader"
