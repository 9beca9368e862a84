"""`watch`: every change once, in order for each key, across processes and restarts."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore
from langgraph_agentstore.data_store import Change, change_feed
from langgraph_agentstore.errors import NotPermittedError, WatchLapsedError
from tests.support.faults import execute, start_script, terminate_backends, until, wait_until
from tests.support.matrices import few
from tests.support.proxy import Proxy
from tests.support.servers import TestServer

SOON_S = 20.0
"""A watch that hears nothing for so long has missed something."""

_WRITER = """
import json, sys, time
from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.errors import AgentStoreError
records = DataStore(AgentStore(sys.argv[1]), "ann", "writer", "jobs")
for n in range(int(sys.argv[2])):
    key = f"k{n % 7}"
    try:
        if n % 11 == 10:
            records.delete(key)
        else:
            records.set(key, n)
    except AgentStoreError:
        print(json.dumps(["doubt", n]), flush=True)
        time.sleep(0.01)  # there is more to write when the server is back
    else:
        print(json.dumps(["done", n]), flush=True)
while True:
    try:
        records.set("end", 0)
        break
    except AgentStoreError:
        time.sleep(0.01)
"""


@pytest.fixture
def jobs(store: AgentStore) -> DataStore:
    return DataStore(store, "ann", "tester", "jobs")


def told(changes: Iterator[Change], count: int) -> list[tuple[str, str, Any]]:
    return [(c.op, c.key, c.value) for _, c in zip(range(count), changes, strict=False)]


def test_changes_come_in_order_with_their_values(jobs: DataStore) -> None:
    with jobs.watch(timeout_s=SOON_S) as changes:
        jobs.set("a", 1)
        jobs.set("a", None)
        jobs.delete("a")
        jobs.set("a", [1])
        assert told(changes, 4) == [
            ("set", "a", 1), ("set", "a", None), ("delete", "a", None), ("set", "a", [1]),
        ]  # fmt: skip


def test_a_change_tells_version_namespace_and_time(jobs: DataStore) -> None:
    with jobs.watch(timeout_s=SOON_S) as changes:
        jobs.set("a", 1)
        jobs.set("a", 2)
        first, second = next(changes), next(changes)
    assert (first.namespace, first.version, second.version) == ("jobs", 1, 2)
    assert first.at <= second.at
    assert first.at.utcoffset() is not None


def test_whoever_writes_is_heard(store: AgentStore, jobs: DataStore) -> None:
    ann = ("users", "ann", "jobs")
    store.put(ann, "old", {}, ttl=0.000001)
    with jobs.watch(timeout_s=SOON_S) as changes:
        store.sweep_ttl()
        store.put(ann, "put", {"n": 1})
        store.put(ann, "put", {"n": 2}, expected_version=1)
        store.load([(ann, "loaded", {})])
        store.update(ann, "updated", lambda _: {})
        jobs.set_many({"many": 1})
        jobs.increment("n")
        jobs.append("l", 1)
        jobs.compare_and_set("n", 1, 5)
        jobs.set_if_absent("new", 1)
        store.delete(ann, "put")
        store.delete_namespace(ann)
        heard = [(c.op, c.key) for c in changes_until(changes, lambda c: c.key == "updated"
                                                      and c.op == "delete")]  # fmt: skip
    assert heard[:11] == [
        ("delete", "old"), ("set", "put"), ("set", "put"), ("set", "loaded"), ("set", "updated"),
        ("set", "many"), ("set", "n"), ("set", "l"), ("set", "n"), ("set", "new"),
        ("delete", "put"),
    ]  # fmt: skip


def changes_until(changes: Iterator[Change], last: Any) -> Iterator[Change]:
    for change in changes:
        yield change
        if last(change):
            return


def test_what_is_written_with_an_index_is_heard(postgres_dsn: str, schema_name: str) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        jobs = DataStore(store, "ann", "tester", "jobs")
        with jobs.watch(timeout_s=SOON_S) as changes:
            jobs.set("a", {"text": "tea"})
            jobs.increment("n")
            store.load([(("users", "ann", "jobs"), "b", {"text": "milk"})])
            assert [c.key for _, c in zip(range(3), changes, strict=False)] == ["a", "n", "b"]


def test_only_exactly_this_namespace_prefix_and_user_are_heard(
    store: AgentStore, jobs: DataStore
) -> None:
    with jobs.watch("a%", timeout_s=SOON_S) as changes:
        jobs.use_namespace("jobs:below").set("a%1", 1)
        DataStore(store, "bob", "tester", "jobs").set("a%1", 1)
        jobs.set("ab", 1)
        jobs.set("a%2", 1)
        assert told(changes, 1) == [("set", "a%2", 1)]


def test_it_ends_when_nothing_comes_in_time(jobs: DataStore) -> None:
    with jobs.watch(timeout_s=0.01) as changes:
        assert list(changes) == []


def test_it_ends_when_it_is_closed_by_another_thread(jobs: DataStore) -> None:
    changes = jobs.watch()
    heard: list[Change] = []
    reader = threading.Thread(target=lambda: heard.extend(changes))
    reader.start()
    jobs.set("a", 1)
    wait_until(lambda: heard != [])
    changes.close()
    reader.join(SOON_S)
    assert not reader.is_alive()


def test_it_ends_with_the_store(jobs: DataStore, store: AgentStore) -> None:
    changes = jobs.watch()
    threading.Timer(0.05, store.close).start()
    assert list(changes) == []


def test_nothing_is_kept_once_nobody_watches(
    jobs: DataStore, postgres_dsn: str, schema_name: str
) -> None:
    with jobs.watch():
        jobs.set("a", 1)
        assert kept(postgres_dsn, schema_name) == (1, 1)
    assert kept(postgres_dsn, schema_name) == (0, 0)
    jobs.set("a", 2)
    assert kept(postgres_dsn, schema_name) == (0, 0)


def test_a_watch_that_is_dropped_ends(jobs: DataStore, postgres_dsn: str, schema_name: str) -> None:
    changes = jobs.watch()
    del changes
    gc.collect()
    wait_until(lambda: kept(postgres_dsn, schema_name) == (0, 0))


def kept(dsn: str, schema: str) -> tuple[int, int]:
    [(watches,)] = execute(dsn, "SELECT count(*) FROM {}.watch", schema)
    [(changes,)] = execute(dsn, "SELECT count(*) FROM {}.change", schema)
    return watches, changes


def test_a_change_that_commits_late_is_not_missed(
    jobs: DataStore, postgres_dsn: str, schema_name: str
) -> None:
    tell = f"SELECT {schema_name}.tell_change('ann', 'jobs', 'late', 1, true)"
    with jobs.watch(timeout_s=SOON_S) as changes, psycopg.connect(postgres_dsn) as writer:
        writer.execute(tell.encode())
        jobs.set("early", 1)
        assert next(changes).key == "early"
        writer.commit()
        assert next(changes).key == "late"
        jobs.set("last", 1)
        assert next(changes).key == "last"


def test_a_watch_that_did_not_look_for_too_long_says_so(
    jobs: DataStore, postgres_dsn: str, schema_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_feed, "RENEW_S", 0.0)
    changes = jobs.watch(timeout_s=SOON_S)
    jobs.set("a", 1)
    assert next(changes).key == "a"
    execute(postgres_dsn, "UPDATE {}.watch SET expires_at = now()", schema_name)
    with pytest.raises(WatchLapsedError, match="did not look for 1:00:00"):
        next(changes)


def test_a_watch_that_lapsed_costs_writers_no_rows(
    jobs: DataStore, postgres_dsn: str, schema_name: str
) -> None:
    with jobs.watch():
        execute(postgres_dsn, "UPDATE {}.watch SET expires_at = now()", schema_name)
        jobs.set("a", 1)
        assert kept(postgres_dsn, schema_name) == (0, 0)


def test_a_write_only_proxy_may_not_watch(store: AgentStore) -> None:
    with pytest.raises(NotPermittedError):
        DataStore(store, "ann", "tester", access="write").watch()


def test_it_hears_again_after_its_connections_were_lost(jobs: DataStore, postgres_dsn: str) -> None:
    with jobs.watch(timeout_s=SOON_S) as changes:
        jobs.set("a", 1)
        assert next(changes).key == "a"
        terminate_backends(postgres_dsn)
        jobs.set("b", 1)
        assert next(changes).key == "b"


def test_it_listens_anew_though_it_was_not_told_of_the_loss(
    store: AgentStore, jobs: DataStore, postgres_dsn: str
) -> None:
    """As when the connection ends while the answer to its LISTEN is being taken."""
    with jobs.watch(timeout_s=SOON_S) as changes:
        assert store._engine._session is not None
        listener = store._engine._session.listener
        lost = listener._connection
        assert lost is not None
        lost.remove_termination_listener(listener._on_loss)
        terminate_backends(postgres_dsn)
        for key in ("a", "b"):
            jobs.set(key, 1)
            assert next(changes).key == key
        assert listener._connection is not lost


def test_it_hears_though_the_server_never_answers_who_wants_to_listen(
    postgres_dsn: str, schema_name: str
) -> None:
    pool = {"command_timeout_s": 0.1}
    with (
        Proxy(postgres_dsn) as proxy,
        AgentStore(proxy.dsn, schema=schema_name, pool=pool) as store,
    ):
        jobs = DataStore(store, "ann", "tester", "jobs")
        proxy.lose(b"LISTEN")
        with jobs.watch(timeout_s=SOON_S) as changes:
            jobs.set("a", 1)
            assert next(changes).key == "a"


async def test_a_watch_cancelled_while_it_wants_to_listen_leaves_no_connection(
    fresh_database: str,
) -> None:
    def connections() -> int:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        [(count,)] = execute(fresh_database, f"{sql} AND pid <> pg_backend_pid()")
        return int(count)

    with Proxy(fresh_database) as proxy:
        async with AgentStore(proxy.dsn) as store:
            before = connections()
            proxy.lose(b"LISTEN")
            records = AsyncDataStore(store, "ann", "tester", "jobs")
            watching = asyncio.ensure_future(records.watch(timeout_s=SOON_S))
            await until(lambda: connections() > before)
            watching.cancel()
            with pytest.raises(asyncio.CancelledError):
                await watching
            await until(lambda: connections() == before)


async def test_a_cancelled_wait_loses_nothing(jobs: DataStore, store: AgentStore) -> None:
    records = AsyncDataStore(store, "ann", "tester", "jobs")
    async with await records.watch(timeout_s=SOON_S) as changes:
        for n in range(30):
            wait = asyncio.ensure_future(anext_of(changes))
            writing = asyncio.ensure_future(records.set("a", n))
            await asyncio.sleep(0.0005 * (n % 5))
            if wait.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await wait
                await writing
                heard = await anext_of(changes)
            else:
                await writing
                heard = wait.result()
            assert heard.value == n


async def anext_of(changes: Any) -> Change:
    change: Change = await changes.__anext__()
    return change


async def test_awaited_watches_of_several_tasks_each_hear_everything(store: AgentStore) -> None:
    records = AsyncDataStore(store, "ann", "tester", "jobs")

    async def hear(watch: Any) -> list[Any]:
        async with watch:
            return [(await anext_of(watch)).value for _ in range(20)]

    watches = [await records.watch(timeout_s=SOON_S) for _ in range(5)]
    hearing = [asyncio.ensure_future(hear(watch)) for watch in watches]
    for n in range(20):
        await records.set("a", n)
    assert await asyncio.gather(*hearing) == [list(range(20))] * 5


@few(1)
@pytest.mark.parametrize("crash", [True, False])
def test_no_change_of_another_process_is_missed_or_told_twice_across_a_restart(
    disposable_server: TestServer, crash: bool
) -> None:
    server = disposable_server
    count = 600
    with AgentStore(server.dsn) as store:
        jobs = DataStore(store, "ann", "tester", "jobs")
        with jobs.watch(timeout_s=SOON_S) as changes:
            writer = start_script(_WRITER, server.dsn, str(count))
            heard: list[Change] = []
            for change in changes_until(changes, lambda c: c.key == "end"):
                heard.append(change)
                if len(heard) == count // 3:
                    restart(server, crash=crash)
                    jobs.set("after", 0)
            lines, _ = writer.communicate(timeout=60)
    check_heard([json.loads(line) for line in lines.splitlines()], heard)


def restart(server: TestServer, *, crash: bool) -> None:
    if crash:
        server.kill()
    else:
        server.stop()
    server.restart()


def check_heard(outcomes: list[Any], heard: list[Change]) -> None:
    """Each acknowledged write once; one in doubt at most once; in order for each key."""
    assert heard[-1].key == "end"
    done = {n for outcome, n in outcomes if outcome == "done" and n % 11 != 10}
    doubt = {n for outcome, n in outcomes if outcome == "doubt"}
    values = [c.value for c in heard if c.op == "set" and c.key.startswith("k")]
    assert len(values) == len(set(values)), "a change was told twice"
    assert done <= set(values), "a change was missed"
    assert set(values) <= done | doubt
    by_key: defaultdict[str, list[int]] = defaultdict(list)
    for change in heard:
        if change.op == "set" and change.key.startswith("k"):
            by_key[change.key].append(change.value)
    assert all(found == sorted(found) for found in by_key.values())
    # What a removal finds depends on those before it: the first of each key removes something.
    first = {n % 7: n for outcome, n in reversed(outcomes) if outcome == "done" and n % 11 == 10}
    assert {f"k{key}" for key in first} <= {c.key for c in heard if c.op == "delete"}
