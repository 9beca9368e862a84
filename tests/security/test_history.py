"""History: each write and delete keeps what it replaced, and who made it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime
from langgraph.store.base import GetOp, PutOp, TTLConfig

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory, remember_conversation
from langgraph_agentstore.errors import HistoryNotKeptError, InvalidOperationError
from langgraph_agentstore.memory_tools import memory_tools
from langgraph_agentstore.security import History, HistoryEntry, Provenance, ValueChange, provenance
from tests.support.encrypted import Database, Opened

NOTES = ("users", "ann", "notes")


@pytest.fixture
def kept(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name, history=True) as store:
        yield store


def operations(entries: list[HistoryEntry]) -> list[tuple[str, int | None, object]]:
    return [(entry.operation, entry.version, entry.value) for entry in entries]


def chained(newest_first: list[HistoryEntry]) -> bool:
    """Whether each entry replaced just what the one before it left."""
    entries = newest_first[::-1]
    left = [None, *[(e.version, e.value) if e.version else None for e in entries]]
    found = [(e.replaced.version, e.replaced.value) if e.replaced else None for e in entries]
    return found == left[:-1]


def test_each_write_and_delete_is_an_entry(kept: AgentStore) -> None:
    kept.put(NOTES, "a", {"n": 1})
    kept.put(NOTES, "a", {"n": 2})
    kept.delete(NOTES, "a")
    kept.put(NOTES, "a", {"n": 3})
    entries = kept.history(NOTES, "a")
    assert operations(entries) == [
        ("put", 1, {"n": 3}),
        ("delete", None, None),
        ("put", 2, {"n": 2}),
        ("put", 1, {"n": 1}),
    ]
    assert chained(entries)
    assert [entry.namespace for entry in entries] == [NOTES] * 4
    assert [e.number for e in entries] == sorted((e.number for e in entries), reverse=True)


def test_a_view_shows_the_history_of_its_own_user(kept: AgentStore) -> None:
    kept.put(NOTES, "a", {"n": 1})
    kept.put(("users", "ben", "notes"), "a", {"n": 2})
    [entry] = kept.for_user("ben").find_changes()
    assert (entry.namespace, entry.value) == (("notes",), {"n": 2})
    [entry] = kept.for_user("ann").history(("notes",), "a")
    assert entry.value == {"n": 1}


def test_pages_of_history_follow_each_other(kept: AgentStore) -> None:
    for n in range(5):
        kept.put(NOTES, "a", {"n": n})
    first = kept.history(NOTES, "a", limit=2)
    second = kept.history(NOTES, "a", limit=2, before=first[-1].changed_at)
    assert [e.value["n"] for e in [*first, *second]] == [4, 3, 2, 1]


def test_an_item_as_of_each_moment(kept: AgentStore) -> None:
    kept.put(NOTES, "a", {"n": 1})
    kept.put(NOTES, "a", {"n": 2})
    kept.delete(NOTES, "a")
    deleted, second, first = kept.history(NOTES, "a")
    assert kept.get_as_of(NOTES, "a", first.before) is None
    assert _value(kept, first.changed_at) == {"n": 1}
    assert _value(kept, second.before) == {"n": 1}
    assert _value(kept, second.changed_at) == {"n": 2}
    assert kept.get_as_of(NOTES, "a", deleted.changed_at) is None
    record = kept.get_as_of(NOTES, "a", second.changed_at)
    assert record is not None
    assert (record.namespace, record.key, record.version) == (NOTES, "a", 2)


def test_an_item_from_before_history_is_known_from_then_on(
    postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as plain:
        plain.put(NOTES, "a", {"n": 1})
        with AgentStore(postgres_dsn, schema=schema_name, history=True) as kept:
            began = datetime.now(timezone.utc)
            plain.put(NOTES, "a", {"n": 2})  # a store without the option obeys too
            assert _value(kept, began) == {"n": 1}
            with pytest.raises(HistoryNotKeptError, match="goes back to"):
                kept.get_as_of(NOTES, "a", began - timedelta(days=1))


def test_without_history_nothing_is_told_of_earlier_moments(store: AgentStore) -> None:
    store.put(NOTES, "a", {"n": 1})
    assert store.history(NOTES, "a") == []
    with pytest.raises(HistoryNotKeptError, match="history=True"):
        store.get_as_of(NOTES, "a", datetime.now(timezone.utc))


def test_a_moment_needs_a_time_zone(kept: AgentStore) -> None:
    with pytest.raises(InvalidOperationError, match="time zone"):
        kept.get_as_of(NOTES, "a", datetime(2026, 1, 1))  # noqa: DTZ001


def test_only_the_namespaces_asked_for_are_kept(postgres_dsn: str, schema_name: str) -> None:
    history = History(namespaces=[("notes",), ("a:b", "c")])
    with AgentStore(postgres_dsn, schema=schema_name, history=history) as store:
        view = store.for_user("ann")
        for namespace in (("notes",), ("notes", "x"), ("notesx",), ("a:b", "c"), ("a", "b", "c")):
            view.put(namespace, "k", {})
        entries = view.find_changes()
        assert {e.namespace for e in entries} == {("notes",), ("notes", "x"), ("a:b", "c")}
        with pytest.raises(HistoryNotKeptError):
            view.get_as_of(("notesx",), "k", datetime.now(timezone.utc))


def test_a_write_tells_who_makes_it_and_why(kept: AgentStore) -> None:
    with provenance(agent="planner", reason="asked to"), provenance(tool="web"):
        kept.put(NOTES, "a", {"n": 1})
        kept.delete(NOTES, "a")
    kept.put(NOTES, "a", {"n": 2})
    said = [entry.provenance for entry in kept.history(NOTES, "a")]
    assert said == [Provenance()] + [Provenance("planner", "web", reason="asked to")] * 2


def test_each_write_of_a_batch_keeps_its_own_provenance(kept: AgentStore) -> None:
    def write(n: int) -> None:
        with provenance(agent=f"agent {n % 7}"):
            kept.put(("users", f"u{n % 3}", "a:b"), f"k{n}", {"n": n})

    before = kept.stats().statements
    with ThreadPoolExecutor(64) as threads:
        list(threads.map(write, range(640)))
    assert kept.stats().statements - before < 640
    entries = kept.find_changes(("users",), limit=1000)
    assert len(entries) == 640
    assert all(e.provenance.agent == f"agent {e.value['n'] % 7}" for e in entries)


def test_no_write_of_a_batch_is_merged_with_a_later_one(kept: AgentStore) -> None:
    async def write_all() -> None:
        await asyncio.gather(*[kept.aput(NOTES, "a", {"n": n}) for n in range(50)])

    asyncio.run(write_all())
    entries = kept.history(NOTES, "a")
    assert [entry.version for entry in entries] == list(range(50, 0, -1))
    assert chained(entries)


def test_writers_of_several_stores_make_a_chain_without_gaps(
    kept: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    def work(store: AgentStore) -> None:
        for n in range(40):
            if n % 10 == 9:
                store.delete(NOTES, "a")
            else:
                store.put(NOTES, "a", {"n": n})

    stores = [AgentStore(postgres_dsn, schema=schema_name) for _ in range(3)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, [kept, *stores]))
    for store in stores:
        store.close()
    entries = kept.history(NOTES, "a", limit=1000)
    assert len(entries) > 100
    assert chained(entries)
    assert sorted(e.changed_at for e in entries) == [e.changed_at for e in entries[::-1]]


def test_reads_and_touches_are_no_entries(postgres_dsn: str, schema_name: str) -> None:
    ttl: TTLConfig = {"default_ttl": 60, "refresh_on_read": True}
    with AgentStore(postgres_dsn, schema=schema_name, history=True, ttl=ttl) as store:
        store.put(NOTES, "a", {"n": 1})
        store.get(NOTES, "a")
        store.search(NOTES)
        assert len(store.history(NOTES, "a")) == 1


def test_expired_items_are_entries_when_they_are_swept(kept: AgentStore) -> None:
    kept.put(NOTES, "a", {"n": 1}, ttl=0.005)
    put = kept.history(NOTES, "a")[0]
    while not kept.sweep_ttl():
        pass
    assert operations(kept.history(NOTES, "a")) == [("expire", None, None), ("put", 1, {"n": 1})]
    assert _value(kept, put.changed_at) == {"n": 1}
    assert kept.get_as_of(NOTES, "a", put.changed_at + timedelta(seconds=0.4)) is None


def test_what_has_expired_is_absent_as_of_then_even_before_it_is_swept(kept: AgentStore) -> None:
    kept.put(NOTES, "a", {"n": 1}, ttl=0.005)
    put = kept.history(NOTES, "a")[0]
    later = put.changed_at + timedelta(seconds=0.4)
    assert kept.get_as_of(NOTES, "a", later) is None
    while not kept.sweep_ttl():
        pass
    assert kept.get_as_of(NOTES, "a", later) is None
    assert _value(kept, put.changed_at) == {"n": 1}


Write = Callable[[AgentStore], object]

WRITES: dict[str, tuple[Write, set[tuple[str, str]]]] = {
    "put": (lambda s: s.put(NOTES, "new", {}), {("new", "put")}),
    "put over a version": (
        lambda s: s.put(NOTES, "a", {}, expected_version=1),
        {("a", "put")},
    ),
    "put if absent": (lambda s: s.put(NOTES, "n", {}, expected_version=0), {("n", "put")}),
    "update": (lambda s: s.update(NOTES, "a", lambda _: {}), {("a", "put")}),
    "delete": (lambda s: s.delete(NOTES, "a"), {("a", "delete")}),
    "delete_namespace": (
        lambda s: s.delete_namespace(NOTES),
        {("a", "delete"), ("list", "delete"), ("n1", "delete")},
    ),
    "delete_namespace of all users": (
        lambda s: s.delete_namespace(("users",)),
        {("a", "delete"), ("list", "delete"), ("n1", "delete")},
    ),
    "delete_user": (
        lambda s: s.delete_user("ann"),
        {("a", "delete"), ("list", "delete"), ("n1", "delete")},
    ),
    "batch": (
        lambda s: s.batch([PutOp(NOTES, "a", None), PutOp(NOTES, "b", {}), GetOp(NOTES, "a")]),
        {("a", "delete"), ("b", "put")},
    ),
    "load": (
        lambda s: s.load([(NOTES, "a", {}), (NOTES, "b", {})]),
        {("a", "put"), ("b", "put")},
    ),
    "set": (lambda s: _records(s).set("a", 1), {("a", "put")}),
    "set_many": (lambda s: _records(s).set_many({"a": 1, "b": 2}), {("a", "put"), ("b", "put")}),
    "set_if_absent": (lambda s: _records(s).set_if_absent("b", 1), {("b", "put")}),
    "increment": (lambda s: _records(s).increment("n1"), {("n1", "put")}),
    "append": (lambda s: _records(s).append("list", 1), {("list", "put")}),
    "compare_and_set": (lambda s: _records(s).compare_and_set("n1", 5, 6), {("n1", "put")}),
    "delete of a record": (lambda s: _records(s).delete("a"), {("a", "delete")}),
    "clear": (
        lambda s: _records(s).clear(),
        {("a", "delete"), ("list", "delete"), ("n1", "delete")},
    ),
}


def _records(store: AgentStore) -> DataStore:
    return DataStore(store, "ann", "clerk", "notes")


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("index", [None, {"mode": "text"}], ids=["plain", "indexed"])
def test_every_kind_of_write_is_kept_with_its_provenance(
    name: str, index: dict[str, str] | None, postgres_dsn: str, schema_name: str
) -> None:
    write, expected = WRITES[name]
    with AgentStore(postgres_dsn, schema=schema_name, history=True, index=index) as store:
        store.put(NOTES, "a", {"n": 1})
        _records(store).set_many({"n1": 5, "list": []})
        began = datetime.now(timezone.utc)
        with provenance(run_id="r-1", tool="web"):
            write(store)
        entries = store.find_changes(("users",), since=began)
        assert {(entry.key, entry.operation) for entry in entries} == expected
        said = {(entry.provenance.run_id, entry.provenance.tool) for entry in entries}
        assert said == {("r-1", "web")}
        assert store.find_changes(NOTES, said=Provenance(run_id="r-1")) == entries
        assert store.find_changes(NOTES, said=Provenance(run_id="r-2")) == []


def test_a_data_store_tells_its_agent(kept: AgentStore) -> None:
    records = _records(kept)
    records.set("a", 1)
    records.increment("a")
    with provenance(agent="planner"):
        records.delete("a")
    said = [entry.provenance.agent for entry in kept.history(NOTES, "a")]
    assert said == ["planner", "clerk", "clerk"]


def test_turns_saved_in_the_background_tell_who_saved_them(kept: AgentStore) -> None:
    remember = remember_conversation(ConversationMemory(kept, "ann"))
    for n in range(4):
        messages = [HumanMessage(f"question {n}"), AIMessage("so")]
        config: Any = {"configurable": {"thread_id": f"t{n}"}}
        with provenance(agent=f"agent {n % 2}"):
            remember({"messages": messages}, config, Runtime())
    remember.close()
    entries = kept.find_changes(("users", "ann"))
    said = {(e.value["query"], e.provenance.agent) for e in entries}
    assert said == {(f"question {n}", f"agent {n % 2}") for n in range(4)}


def test_what_a_model_corrects_by_the_memory_tools_is_kept(kept: AgentStore) -> None:
    saving, _, updating, _ = memory_tools(kept, user_id="ann")
    config: Any = {"configurable": {"thread_id": "t", "user_id": "ann"}}
    saving.invoke({"content": "Ann likes tea."}, config)
    [item] = kept.search(("users", "ann"))
    updating.invoke({"key": item.key, "content": "Ann likes coffee."}, config)
    after, before = kept.find_changes(("users", "ann"))
    assert "coffee" in str(after.value)
    assert after.replaced is not None
    assert "tea" in str(after.replaced.value)
    assert (before.provenance.tool, after.provenance.tool) == ("save_memory", "update_memory")
    assert after.provenance.thread_id == "t"


def test_values_that_are_no_objects_come_back_as_the_store_shows_them(kept: AgentStore) -> None:
    _records(kept).set("a", [1, None])
    [entry] = kept.history(NOTES, "a")
    item = kept.get(NOTES, "a")
    assert item is not None
    assert entry.value == item.value


def test_the_history_of_encrypted_values_is_encrypted_and_read_by_the_store(
    opened: Opened, database: Database
) -> None:
    store = opened(store={"history": True})
    for n in range(2):
        store.put(NOTES, "a", {"secret": f"word {n}"})
    entries = store.history(NOTES, "a")
    assert operations(entries) == [
        ("put", 2, {"secret": "word 1"}),
        ("put", 1, {"secret": "word 0"}),
    ]
    assert chained(entries)
    assert _value(store, entries[1].changed_at) == {"secret": "word 0"}
    rows = asyncio.run(database.run("SELECT h::text FROM {schema}.item_history h"))
    assert len(rows) == 2
    assert not any("word" in row[0] for row in rows)


def test_the_awaited_forms(postgres_dsn: str, schema_name: str) -> None:
    async def use() -> None:
        async with AgentStore(postgres_dsn, schema=schema_name, history=True) as store:
            with provenance(agent="task"):
                await store.aput(NOTES, "a", {"n": 1})
            [entry] = await store.ahistory(NOTES, "a")
            assert entry.provenance.agent == "task"
            assert await store.afind_changes(NOTES, said=Provenance(agent="task")) == [entry]
            record = await store.aget_as_of(NOTES, "a", entry.changed_at)
            assert record is not None
            assert record.value == {"n": 1}

    asyncio.run(use())


def _value(store: AgentStore, when: datetime) -> object:
    record = store.get_as_of(NOTES, "a", when)
    return None if record is None else record.value


def test_an_item_is_compared_at_two_moments(kept: AgentStore) -> None:
    kept.put(NOTES, "a", {"n": 1, "same": 0})
    kept.put(NOTES, "a", {"n": 2, "same": 0})
    kept.delete(NOTES, "a")
    deleted, second, first = kept.history(NOTES, "a")
    diff = kept.diff(NOTES, "a", first.changed_at, second.changed_at)
    assert diff.changes == (ValueChange(("n",), "changed", 1, 2),)
    assert diff.before == deleted.replaced or diff.after == deleted.replaced
    assert kept.diff(NOTES, "a", first.before, first.changed_at).changes == (
        ValueChange((), "added", after={"n": 1, "same": 0}),
    )
    gone = kept.diff(NOTES, "a", second.changed_at)
    assert (gone.after, [c.kind for c in gone.changes]) == (None, ["removed"])
    assert asyncio.run(kept.adiff(NOTES, "a", deleted.changed_at)).changes == ()
