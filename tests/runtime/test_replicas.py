"""Reads from a standby: what it has is read there, and all else from the primary."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore, transfer
from langgraph_agentstore.data_store import DataStore
from langgraph_agentstore.errors import ConfigurationError
from tests.runtime.pairs import Pair, streaming_pair
from tests.support.embedders import CountingEmbedder
from tests.support.faults import execute, wait_until
from tests.support.proxy import Proxy

ANN, BOB = ("users", "ann", "notes"), ("users", "bob", "notes")
INDEX = {"dims": 4, "embed": CountingEmbedder(4), "fields": ["text"]}


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with streaming_pair() as pair:
        # A paused standby must not hold up writes.
        execute(pair.primary.dsn, "ALTER SYSTEM SET synchronous_standby_names = ''")
        execute(pair.primary.dsn, "SELECT pg_reload_conf()")
        yield pair


@pytest.fixture
def store(pair: Pair) -> Iterator[AgentStore]:
    with AgentStore(pair.primary.dsn, read_dsn=pair.standby.dsn, index=INDEX) as store:
        store.put(ANN, "k", {"text": "tea"})
        store.put(BOB, "k", {"text": "tea"})
        wait_until(lambda: reads_there(store, lambda: store.get(BOB, "k")))
        wait_until(lambda: reads_there(store, lambda: store.get(ANN, "k")))
        yield store


def reads_there(store: AgentStore, read: Any) -> bool:
    """Whether the standby answers this read."""
    session = store._engine._session
    assert session is not None
    assert session.replicas is not None
    before = session.replicas.served
    read()
    return session.replicas.served > before


@contextmanager
def paused(pair: Pair) -> Iterator[None]:
    execute(pair.standby.dsn, "SELECT pg_wal_replay_pause()")
    is_paused = "SELECT pg_get_wal_replay_pause_state()"
    wait_until(lambda: execute(pair.standby.dsn, is_paused) == [("paused",)])
    try:
        yield
    finally:
        execute(pair.standby.dsn, "SELECT pg_wal_replay_resume()")


def test_every_kind_of_read_is_answered_by_the_standby(store: AgentStore) -> None:
    data = DataStore(store, "ann", None, default_namespace="notes")
    view = store.for_user("ann")
    for read in (
        lambda: store.get(ANN, "k"),
        lambda: store.search(ANN),
        lambda: store.search(ANN, query="tea"),
        lambda: store.count(ANN),
        store.list_namespaces,
        lambda: store.get_record(ANN, "k"),
        lambda: list(store.iter_items(ANN)),
        lambda: view.get(("notes",), "k"),
        lambda: data.get("k"),
        data.list_keys,
    ):
        assert reads_there(store, read)
    assert [found.key for found in store.search(ANN, query="tea")] == ["k"]


def test_a_read_within_a_change_and_one_that_asks_for_it_go_to_the_primary(
    store: AgentStore,
) -> None:
    with store.consistency("primary"):
        assert not reads_there(store, lambda: store.get(ANN, "k"))
    assert not reads_there(store, lambda: store.update(ANN, "k", lambda v: {**(v or {}), "n": 1}))


def test_an_export_and_a_copy_read_from_the_primary(store: AgentStore, tmp_path: Path) -> None:
    assert not reads_there(store, lambda: transfer.export(store, tmp_path / "items.jsonl"))
    assert not reads_there(store, lambda: transfer.copy(store, InMemoryStore()))


def test_own_writes_are_seen_while_the_standby_stands_still(pair: Pair, store: AgentStore) -> None:
    with paused(pair):
        for n in range(30):
            store.put(ANN, "own", {"n": n})
            item = store.get(ANN, "own")
            assert item is not None
            assert item.value == {"n": n}
            assert len(store.search(ANN, filter={"n": n})) == 1
        assert store.delete_user("ann")
        assert store.get(ANN, "own") is None
        # Others wait for nothing of hers.
        assert reads_there(store, lambda: store.get(BOB, "k"))
    store.put(ANN, "k", {"text": "tea"})
    wait_until(lambda: reads_there(store, lambda: store.get(ANN, "k")))


async def test_own_writes_are_seen_in_a_crowd(pair: Pair) -> None:
    async with AgentStore(pair.primary.dsn, read_dsn=pair.standby.dsn) as store:

        async def work(name: str) -> None:
            namespace = ("users", name, "n")
            for n in range(60):
                await store.aput(namespace, "k", {"n": n})
                await asyncio.sleep(0.003 * (n % 7))
                for found in (await store.aget(namespace, "k"), *await store.asearch(namespace)):
                    assert found is not None
                    assert found.value == {"n": n}

        await asyncio.gather(*[work(f"u{n}") for n in range(20)])
        session = store._engine._session
        assert session is not None
        assert session.replicas is not None


def test_a_standby_that_lags_too_much_is_not_read_from(pair: Pair) -> None:
    dsn, read_dsn = pair.primary.dsn, pair.standby.dsn
    with AgentStore(dsn, read_dsn=read_dsn, max_replica_lag_s=0.5) as store:
        wait_until(lambda: reads_there(store, lambda: store.get(BOB, "k")))
        with paused(pair), AgentStore(dsn) as other:
            other.put(BOB, "k", {"n": 7})
            wait_until(lambda: not reads_there(store, lambda: store.get(BOB, "k")))
            item = store.get(BOB, "k")
            assert item is not None
            assert item.value == {"n": 7}
        wait_until(lambda: reads_there(store, lambda: store.get(BOB, "k")))


def test_a_standby_that_is_killed_or_hangs_fails_no_read_and_is_used_again(
    pair: Pair, store: AgentStore
) -> None:
    pair.standby.kill()
    for _ in range(20):
        assert store.get(ANN, "k") is not None
    pair.standby.restart()
    wait_until(lambda: reads_there(store, lambda: store.get(ANN, "k")))
    pair.standby.freeze()
    try:
        assert store.get(ANN, "k") is not None
        assert store.search(ANN, query="tea")
    finally:
        pair.standby.thaw()
    wait_until(lambda: reads_there(store, lambda: store.get(ANN, "k")))


@pytest.mark.parametrize("asked_meanwhile", [False, True])
def test_a_standby_that_comes_back_with_less_than_it_had_is_not_read_from(
    pair: Pair, store: AgentStore, asked_meanwhile: bool
) -> None:
    """After a crash it begins at its last restartpoint, and answers long before the end."""
    execute(pair.primary.dsn, "CHECKPOINT")
    execute(pair.standby.dsn, "CHECKPOINT")
    store.put(ANN, "k", {"text": "coffee"})
    wait_until(lambda: reads_there(store, lambda: store.get(ANN, "k")))
    pair.standby.kill()
    with slow_to_apply(pair):
        if asked_meanwhile:
            assert store.get(ANN, "k") is not None
        pair.standby.restart()
        for _ in range(30):
            item = store.get(ANN, "k")
            assert item is not None
            assert item.value == {"text": "coffee"}
            time.sleep(0.05)
    wait_until(lambda: reads_there(store, lambda: store.get(ANN, "k")))


@contextmanager
def slow_to_apply(pair: Pair) -> Iterator[None]:
    """Let the standby, which is not up, apply nothing new from its next start on."""
    settings = pair.standby.data / "postgresql.auto.conf"
    before = settings.read_text("utf-8")
    settings.write_text(f"{before}recovery_min_apply_delay = '1h'\n", "utf-8")
    try:
        yield
    finally:
        settings.write_text(before, "utf-8")
        execute(pair.standby.dsn, "SELECT pg_reload_conf()")


def test_a_standby_that_said_its_last_word_is_left_and_used_again(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that goes down says so, and its connections close a moment later."""
    last_word = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
    with (
        Proxy(pair.standby.dsn) as proxy,
        AgentStore(pair.primary.dsn, read_dsn=proxy.dsn) as store,
    ):
        wait_until(lambda: reads_there(store, lambda: store.get(BOB, "k")))
        proxy.say(b"E" + (4 + len(last_word)).to_bytes(4, "big") + last_word)
        wait_until(lambda: store.get(BOB, "k") is not None and "do not go" in caplog.text)
        wait_until(lambda: reads_there(store, lambda: store.get(BOB, "k")))
    gc.collect()
    assert [record.name for record in caplog.records if record.name == "asyncio"] == []


def test_a_primary_among_the_replicas_is_passed_over(pair: Pair) -> None:
    with AgentStore(pair.dsn, read_dsn=pair.dsn) as store:
        store.put(ANN, "k", {"n": 1})
        wait_until(lambda: reads_there(store, lambda: store.get(ANN, "k")))


def test_the_environment_names_replicas_of_its_own_primary(monkeypatch: Any) -> None:
    monkeypatch.setenv("AGENTSTORE_READ_DSN", "postgresql://replica/d")
    monkeypatch.setenv("AGENTSTORE_DSN", "postgresql://primary/d")
    found = AgentStore()._config.replicas
    assert found is not None
    assert "replica" in found.source.shown
    assert AgentStore("postgresql://other/d")._config.replicas is None


def test_standbys_of_the_bundled_postgres_are_refused(monkeypatch: Any) -> None:
    monkeypatch.delenv("AGENTSTORE_DSN", raising=False)
    with pytest.raises(ConfigurationError, match="bundled Postgres has none"):
        AgentStore(read_dsn="postgresql://r/d")
    with pytest.raises(ConfigurationError, match="bundled Postgres has none"):
        AgentStore.embedded(read_dsn="postgresql://r/d")  # type: ignore[arg-type]
    monkeypatch.setenv("AGENTSTORE_READ_DSN", "postgresql://r/d")
    assert AgentStore.embedded()._config.replicas is None
    with pytest.raises(ConfigurationError, match="give the dsn of their primary"):
        AgentStore()


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="max_replica_lag_s=0"):
        AgentStore("postgresql://h/d", read_dsn="postgresql://r/d", max_replica_lag_s=0)
    with pytest.raises(ConfigurationError, match="consistency='all'"):
        AgentStore("postgresql://h/d", read_dsn="postgresql://r/d", consistency="all")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="nonsense"):
        AgentStore("postgresql://h/d", read_dsn="postgresql://r/d?nonsense=1")
