"""Every surface on a store that encrypts: what it reads, and what its rows hold."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.data_store import AsyncDataStore, DataStore
from langgraph_agentstore.errors import DecryptionError
from langgraph_agentstore.files.deep_agents.backend import DeepAgentsBackend
from langgraph_agentstore.memory_agent import MemoryAgent
from langgraph_agentstore.transfer import export, import_
from tests.support.encrypted import Database, Opened

SECRET = "Mozzarella"
NOTES = ("users", "alice", "notes")


async def assert_hidden(database: Database) -> None:
    """No column of an item, a vector or a change holds the secret word."""
    for table in ("item", "change"):
        rows = await database.run(f"SELECT t::text AS row FROM {{schema}}.{table} t")
        assert not [row for (row,) in rows if SECRET.lower() in row.lower()]


async def test_data_store_changes_values_that_the_server_cannot_read(
    opened: Opened, database: Database
) -> None:
    data = DataStore(opened(), "alice", "agent")
    data.set("n", 2)
    assert data.increment("n", 3) == 5
    data.set("list", [SECRET])
    assert data.append("list", 1) == 2
    assert data.compare_and_set("list", [SECRET, 1], SECRET)
    assert not data.compare_and_set("list", [SECRET, 1], "x")
    assert data.update("list", lambda value: [value]) == [SECRET]
    assert data.get_all() == {"n": 5, "list": [SECRET]}
    assert data.set_if_absent("none", None)
    assert data.get("none", 7) is None
    await assert_hidden(database)


async def test_concurrent_increments_of_an_encrypted_number_lose_none(opened: Opened) -> None:
    data = AsyncDataStore(opened(), "alice", "agent")
    await asyncio.gather(*[data.increment("n", 1) for _ in range(40)])
    assert await data.get("n") == 40


async def test_a_watch_tells_the_opened_values(opened: Opened, database: Database) -> None:
    data = AsyncDataStore(opened(), "alice", "agent")
    async with await data.watch(timeout_s=5) as changes:
        await data.set("a", SECRET)
        await data.delete("a")
        found = [await anext(changes) for _ in range(2)]
        await assert_hidden(database)
    assert [(each.op, each.value) for each in found] == [("set", SECRET), ("delete", None)]


async def test_turns_are_read_by_thread_and_time(opened: Opened, database: Database) -> None:
    memory = ConversationMemory(opened(), "alice")
    for thread in ("one", "one_b"):
        for n in range(3):
            memory.save_turn(f"{SECRET} {n}?", f"yes {n}", thread)
    turns = list(memory.turns("one"))
    assert [turn.response for turn in turns] == ["yes 0", "yes 1", "yes 2"]
    assert [len(list(memory.turns())), len(list(memory.turns("one_b")))] == [6, 3]
    one = memory.threads()[1]
    assert (one.thread_id, one.turns) == ("one", 3)
    assert (one.first, one.last) == (turns[0].timestamp, turns[2].timestamp)
    await assert_hidden(database)
    assert memory.forget("one") == 3
    assert [each.thread_id for each in memory.threads()] == ["one_b"]


async def test_turns_are_searched_where_their_words_may_be_stored(opened: Opened) -> None:
    store = opened(index_plaintext=True, store={"index": {"mode": "text"}})
    memory = ConversationMemory(store, "alice")
    memory.save_turn(f"Do you like {SECRET}?", "Very much.", "one")
    memory.save_turn("And the weather?", "It rains.", "one")
    [first, *_] = memory.search("mozzarella")
    assert first.response == "Very much."


async def test_files_are_listed_and_searched_on_opened_text(
    opened: Opened, database: Database
) -> None:
    files = DeepAgentsBackend(opened().for_user("alice"))
    files.write("/notes/cheese.md", f"{SECRET}\nand bread")
    files.write("/notes/deep/er.md", "bread")
    assert [entry["path"] for entry in files.ls("/notes").entries or ()] == [
        "/notes/cheese.md",
        "/notes/deep/",
    ]
    found = files.grep("Mozz", path="/notes").matches or []
    assert [(each["path"], each["line"]) for each in found] == [("/notes/cheese.md", 1)]
    files.edit("/notes/cheese.md", "bread", "wine")
    assert "wine" in str(files.read("/notes/cheese.md"))
    await assert_hidden(database)


async def test_memories_links_and_filters(opened: Opened, database: Database) -> None:
    agent = MemoryAgent(store=opened(), user_id="alice")
    agent.store_memory("a/1", {"text": SECRET, "n": 1})
    agent.store_memory("a/2", {"text": "bread", "n": 2})
    agent.link("a/1", "a/2", "about")
    assert agent.search_memory("a/", {"n": 2}) == [{"text": "bread", "n": 2}]
    assert [one.key for one in agent.related("a/1")] == ["a/2"]
    await assert_hidden(database)


async def test_an_export_is_clear_and_an_import_seals(
    opened: Opened, database: Database, tmp_path: Path
) -> None:
    store = opened()
    store.put(NOTES, "a", {"text": SECRET})
    export(store, tmp_path / "all.jsonl")
    assert SECRET in (tmp_path / "all.jsonl").read_text("utf-8")
    store.delete_user("alice")
    import_(store, tmp_path / "all.jsonl")
    item = store.get(NOTES, "a")
    assert item is not None
    assert item.value == {"text": SECRET}
    await assert_hidden(database)


async def test_a_load_seals(opened: Opened, database: Database) -> None:
    store = opened()
    assert store.load((NOTES, str(n), {"text": SECRET}) for n in range(20)) == 20
    await assert_hidden(database)
    assert {item.value["text"] for item in store.iter_items()} == {SECRET}


@pytest.mark.parametrize("mode", ["text"])
async def test_words_of_encrypted_fields_are_not_stored(
    opened: Opened, database: Database, mode: Any
) -> None:
    store = opened(fields=["text"], store={"index": {"mode": mode}})
    store.put(NOTES, "a", {"text": SECRET, "title": "about cheese"})
    store.put(NOTES, "b", {"text": SECRET}, index=["text"])
    assert [item.key for item in store.search(NOTES, query="cheese")] == ["a"]
    assert store.search(NOTES, query=SECRET) == []
    await assert_hidden(database)
    store.reindex(progress=False)
    await assert_hidden(database)
    assert [item.key for item in store.search(NOTES, query="cheese")] == ["a"]


async def test_words_are_stored_if_asked_for(opened: Opened) -> None:
    store = opened(index_plaintext=True, store={"index": {"mode": "text"}})
    store.put(NOTES, "a", {"text": SECRET})
    assert [item.value for item in store.search(NOTES, query=SECRET)] == [{"text": SECRET}]


async def test_update_and_expected_versions(opened: Opened, database: Database) -> None:
    store = opened()
    store.put(NOTES, "a", {"text": SECRET}, expected_version=0)
    store.update(NOTES, "a", lambda value: {**(value or {}), "n": 1})
    record = store.get_record(NOTES, "a")
    assert record is not None
    assert (record.value, record.version) == ({"text": SECRET, "n": 1}, 2)
    await assert_hidden(database)


async def test_a_value_moved_from_the_table_of_changes_opens_nowhere_else(
    opened: Opened, database: Database
) -> None:
    data = AsyncDataStore(opened(), "alice", "agent")
    async with await data.watch():
        await data.set("a", SECRET)
        await data.set("b", "other")
        await database.run(
            "UPDATE {schema}.item i SET value = c.value FROM {schema}.change c WHERE c.key <> i.key"
        )
    with pytest.raises(DecryptionError):
        await data.get("b")
