"""Changing the model, the fields or the language of a store that is in use."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.errors import (
    EmbeddingError,
    IndexMismatchError,
    InvalidOperationError,
    SchemaError,
)
from langgraph_agentstore.runtime.jobs import reindex
from tests.support.embedders import CountingEmbedder
from tests.support.faults import start_script

NS = ("users", "ann", "notes")
OLD: dict[str, Any] = {"dims": 8, "embed": CountingEmbedder(8), "fields": ["text"], "model": "old"}


def new_index(**changes: Any) -> dict[str, Any]:
    return {"dims": 16, "embed": CountingEmbedder(16), "fields": ["text"], "model": "new"} | changes


@pytest.fixture
def open_store(postgres_dsn: str, schema_name: str) -> Iterator[Callable[..., AgentStore]]:
    stores: list[AgentStore] = []

    def open_one(index: dict[str, Any] | None) -> AgentStore:
        stores.append(AgentStore(postgres_dsn, schema=schema_name, index=index))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


def fill(store: AgentStore, count: int) -> None:
    store.load((NS, f"k{n}", {"text": f"note {n}"}) for n in range(count))


def nearest(store: AgentStore, query: str) -> str:
    return store.search(NS, query=query, limit=1)[0].key


def tables(dsn: str, schema: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename LIKE 'item_v%%'",
            (schema,),
        ).fetchall()
    return {row[0] for row in rows}


def test_another_model_is_refused_and_the_message_has_the_cure(
    open_store: Callable[..., AgentStore],
) -> None:
    fill(open_store(OLD), 3)
    store = open_store(new_index())
    with pytest.raises(IndexMismatchError, match=r"dims=8.*reindex\(\)"):
        store.setup()
    with pytest.raises(IndexMismatchError):
        store.search(NS, query="note 1")
    with pytest.raises(IndexMismatchError):
        store.put(NS, "new", {"text": "note"})
    assert store.get(NS, "new") is None
    assert store.count(NS) == 3


def test_another_model_of_the_same_length_is_refused_too(
    open_store: Callable[..., AgentStore],
) -> None:
    fill(open_store(OLD), 1)
    with pytest.raises(IndexMismatchError, match="'old'"):
        open_store({**OLD, "model": "other"}).setup()


def test_the_same_model_under_no_name_is_accepted(open_store: Callable[..., AgentStore]) -> None:
    fill(open_store(OLD), 1)
    unnamed = {key: value for key, value in OLD.items() if key != "model"}
    unnamed["embed"] = CountingEmbedder(8).__call__
    assert nearest(open_store(unnamed), "note 0") == "k0"


def test_reindexing_puts_the_new_model_to_use_and_the_old_vectors_away(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    fill(open_store(OLD), 450)
    store = open_store(new_index())
    seen: list[int] = []
    assert store.reindex(progress=seen.append) == 450
    assert seen == sorted(seen)
    assert seen[-1] == 450
    assert nearest(store, "note 317") == "k317"
    assert tables(postgres_dsn, schema_name) == {"item_vector_2"}
    store.put(NS, "later", {"text": "quite another thing"})
    assert nearest(store, "quite another thing") == "later"
    assert nearest(open_store(new_index()), "note 12") == "k12"


def test_the_old_store_can_change_its_own_index(open_store: Callable[..., AgentStore]) -> None:
    store = open_store(OLD)
    fill(store, 5)
    view = store.for_user("ann")
    changed = new_index()
    store.reindex(changed)
    assert store.index_config is changed
    assert nearest(store, "note 3") == "k3"
    view.put(("notes",), "viewed", {"text": "seen from a view"})
    assert nearest(store, "seen from a view") == "viewed"


def test_versions_and_times_of_items_stay_as_they_were(
    open_store: Callable[..., AgentStore],
) -> None:
    store = open_store({**OLD, "mode": "hybrid"})
    fill(store, 3)
    before = [store.get_record(NS, f"k{n}") for n in range(3)]
    store.reindex(new_index(mode="hybrid", language="simple"))
    assert [store.get_record(NS, f"k{n}") for n in range(3)] == before


def test_what_a_put_chose_to_be_found_by_is_kept(open_store: Callable[..., AgentStore]) -> None:
    store = open_store({**OLD, "mode": "hybrid"})
    store.put(NS, "hidden", {"text": "secret"}, index=False)
    store.put(NS, "titled", {"text": "a", "title": "secret"}, index=["title"])
    store.reindex(new_index(mode="hybrid"))
    for mode in ("vector", "text"):
        found = store.search(NS, query="secret", mode=mode)
        assert [item.key for item in found] == ["titled"]


def test_items_from_before_there_was_an_index_become_searchable(
    open_store: Callable[..., AgentStore],
) -> None:
    with open_store(None) as plain:
        fill(plain, 10)
    store = open_store({"fields": ["text"]})
    assert store.search(NS, query="note") == []
    assert store.reindex() == 10
    assert len(store.search(NS, query="note", limit=20)) == 10
    both = open_store(new_index(mode="hybrid"))
    assert both.search(NS, query="note 4", mode="vector") == []
    both.reindex()
    assert nearest(both, "note 4") == "k4"


def test_a_change_of_language_makes_the_words_anew(open_store: Callable[..., AgentStore]) -> None:
    store = open_store({"fields": ["text"], "language": "english"})
    store.put(NS, "k", {"text": "the running dogs"})
    assert [item.key for item in store.search(NS, query="run dog")] == ["k"]
    store.reindex({"fields": ["text"], "language": "simple"})
    assert store.search(NS, query="run dog") == []
    assert [item.key for item in store.search(NS, query="dogs")] == ["k"]


async def test_reads_and_writes_go_on_meanwhile_and_nothing_written_is_missed(
    open_store: Callable[..., AgentStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that several passes are needed, and the last one has something to do.
    monkeypatch.setattr(reindex, "FEW", 40)
    old, changing = open_store(OLD), open_store(new_index())
    await old.aload((NS, f"k{n}", {"text": f"note {n}"}) for n in range(1500))
    over, written = asyncio.Event(), 0

    async def write() -> None:
        nonlocal written
        while not over.is_set():
            try:
                await old.aput(NS, f"k{written % 1500}", {"text": f"rewritten {written}"})
            except IndexMismatchError:
                return  # switched
            written += 1
            assert len(await old.asearch(NS, query="note 7", limit=5)) == 5

    writer = asyncio.create_task(write())
    try:
        await changing.areindex(progress=False)
    finally:
        over.set()
        await writer
    assert written > 10
    assert len(await changing.asearch(NS, query="note", limit=2000)) == 1500
    last = written - 1
    found = await changing.asearch(NS, query=f"rewritten {last}", limit=1)
    assert (found[0].key, found[0].value["text"]) == (f"k{last % 1500}", f"rewritten {last}")


async def test_no_operation_of_the_store_itself_fails_meanwhile(
    open_store: Callable[..., AgentStore],
) -> None:
    store, over, done = open_store(OLD), asyncio.Event(), 0
    await store.aload((NS, f"k{n}", {"text": f"note {n}"}) for n in range(800))

    def one_more(old: dict[str, Any] | None) -> dict[str, Any]:
        return {"text": "shared", "n": (old or {"n": 0})["n"] + 1}

    async def use(worker: int) -> None:
        nonlocal done
        while not over.is_set():
            await store.aput(NS, f"k{worker}", {"text": f"worker {worker} at {done}"})
            await store.aupdate(
                NS, "shared", lambda old: {"text": "x", "n": (old or {"n": 0})["n"] + 1}
            )
            assert len(await store.asearch(NS, query="note 7", limit=5)) == 5
            done += 1

    workers = [asyncio.create_task(use(worker)) for worker in range(8)]
    for _ in range(2):
        await store.areindex(new_index(), progress=False)
        await store.areindex(OLD, progress=False)
    over.set()
    await asyncio.gather(*workers)
    shared = await store.aget(NS, "shared")
    assert shared is not None
    assert shared.value["n"] == done
    assert (await store.asearch(NS, query="worker 3", limit=1))[0].key.startswith("k")
    assert len(await store.asearch(NS, query="note", limit=2000)) == 801


@pytest.mark.parametrize("former", [None, OLD], ids=["first index", "another index"])
def test_a_write_that_waits_while_the_index_is_switched_is_found_by_the_new_one(
    open_store: Callable[..., AgentStore], former: dict[str, Any] | None
) -> None:
    store = open_store(former)
    store.put(NS, "early", {"text": "early"})
    writes: list[Callable[[], object]] = [
        lambda: store.put(NS, "plain", {"text": "plain"}),
        lambda: store.put(NS, "conditional", {"text": "conditional"}, expected_version=0),
        lambda: store.update(NS, "updated", lambda _: {"text": "updated"}),
        lambda: DataStore(store, "ann", None, "notes").set_many({"many": {"text": "many"}}),
        lambda: store.load([(NS, "loaded", {"text": "loaded"})]),
    ]
    running = [threading.Thread(target=write) for write in writes]

    class Interrupted(CountingEmbedder):
        def __call__(self, texts: Sequence[str]) -> list[list[float]]:
            if texts == ["early"]:
                store.put(NS, "left", {"text": "left"})  # for the last page
            elif texts == ["left"]:  # while the table is locked
                for thread in running:
                    thread.start()
                time.sleep(0.5)
            return super().__call__(texts)

    store.reindex(new_index(embed=Interrupted(16), mode="hybrid"), progress=False)
    for thread in running:
        thread.join()
    found = store.search(NS, query="late", mode="vector", limit=20)
    assert {item.key for item in found} == {item.key for item in store.search(NS, limit=20)}
    assert len(found) == 7


def test_the_old_model_is_told_that_its_vectors_are_gone(
    open_store: Callable[..., AgentStore],
) -> None:
    old = open_store(OLD)
    fill(old, 2)
    open_store(new_index()).reindex()
    with pytest.raises(IndexMismatchError, match="another process reindexed"):
        old.search(NS, query="note")
    with pytest.raises(IndexMismatchError, match="another process reindexed"):
        old.put(NS, "k9", {"text": "note"})
    assert old.get(NS, "k9") is None


def test_a_failing_embedder_changes_nothing_and_the_next_goes_on(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    old = open_store(OLD)
    fill(old, 1000)
    good = CountingEmbedder(16)

    def fails_half_way(texts: list[str]) -> list[list[float]]:
        if len(good.texts) >= 500:
            raise ConnectionError("the model is down")
        return good(texts)

    with pytest.raises(EmbeddingError, match="the model is down"):
        open_store(new_index(embed=fails_half_way)).reindex()
    assert nearest(old, "note 3") == "k3"
    done = len(good.texts)
    assert open_store(new_index(embed=good)).reindex() < 1000
    assert len(good.texts) < done + 1000
    assert tables(postgres_dsn, schema_name) == {"item_vector_2"}


_REINDEXES = """
import sys, time
from langgraph_agentstore import AgentStore, DataStore
sys.path.insert(0, sys.argv[3])
from tests.support.embedders import CountingEmbedder
embed = CountingEmbedder(16)
def slowly(texts):
    time.sleep(0.05)
    return embed(texts)
store = AgentStore(sys.argv[1], schema=sys.argv[2],
                   index={"dims": 16, "embed": slowly, "fields": ["text"], "model": "new"})
store.reindex(progress=lambda done: print(done, flush=True))
"""


def test_a_killed_reindexing_is_taken_up_again(
    open_store: Callable[..., AgentStore],
    postgres_dsn: str,
    schema_name: str,
    pytestconfig: pytest.Config,
) -> None:
    old = open_store(OLD)
    fill(old, 2000)
    root = str(pytestconfig.rootpath)
    with start_script(_REINDEXES, postgres_dsn, schema_name, root) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 600:
            pass
        process.send_signal(signal.SIGKILL)
    assert nearest(old, "note 1999") == "k1999"

    again = CountingEmbedder(16)
    store = open_store(new_index(embed=again))
    done = _reindexed_once_the_other_is_gone(store)
    assert done <= 2000 - 600
    assert nearest(store, "note 5") == "k5"
    assert nearest(store, "note 1999") == "k1999"


def _reindexed_once_the_other_is_gone(store: AgentStore) -> int:
    """A killed client's backend notices after a moment."""
    for _ in range(200):
        try:
            return store.reindex()
        except SchemaError:
            continue
    raise AssertionError("the lock was never given up")


def test_what_another_index_left_unfinished_is_not_taken_up(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    old = open_store(OLD)
    old.load((NS, f"k{n}", {"text": f"note {n}", "title": f"title {n}"}) for n in range(500))
    seen: list[str] = []

    def fails_after_a_while(texts: list[str]) -> list[list[float]]:
        if len(seen) >= 300:
            raise ConnectionError("the model is down")
        seen.extend(texts)
        return CountingEmbedder(16)(texts)

    with pytest.raises(EmbeddingError, match=r"key 'k.*nothing of it was written"):
        open_store(new_index(embed=fails_after_a_while, fields=["text", "title"])).reindex()
    again = CountingEmbedder(16)
    assert open_store(new_index(embed=again)).reindex() == 500
    assert len(again.texts) == 500
    assert tables(postgres_dsn, schema_name) == {"item_vector_2"}


def test_items_that_a_new_index_does_not_find_are_told_of(
    open_store: Callable[..., AgentStore], caplog: pytest.LogCaptureFixture
) -> None:
    with open_store({"fields": ["text"]}) as store:
        fill(store, 2)
    with open_store({"fields": ["text"]}):
        assert caplog.messages == []
    with open_store({"fields": ["text"], "language": "simple"}):
        assert "until reindex() is called" in caplog.messages[-1]
    caplog.clear()
    with open_store(OLD):
        assert "until reindex() is called" in caplog.messages[-1]


def test_two_at_once_are_refused(open_store: Callable[..., AgentStore]) -> None:
    fill(open_store(OLD), 300)
    other = open_store(new_index())
    refused: list[str] = []

    def meanwhile(_done: int) -> None:
        if not refused:
            with pytest.raises(SchemaError) as raised:
                other.reindex()
            refused.append(str(raised.value))

    open_store(new_index()).reindex(progress=meanwhile)
    assert refused == ["another process is reindexing; wait for it"]


def test_a_store_without_an_index_says_what_is_missing(
    open_store: Callable[..., AgentStore],
) -> None:
    with pytest.raises(InvalidOperationError, match="pass the one"):
        open_store(None).reindex()
