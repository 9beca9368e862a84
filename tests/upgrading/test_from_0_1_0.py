"""A database that 0.1.0 filled by every API, opened by this version as its users would.

`filled_by_0_1_0.sql` is a dump (`pg_dump --inserts`) of what that release wrote.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.data_store import DataStore
from langgraph_agentstore.files import StoreBackend
from langgraph_agentstore.memory_agent import MemoryAgent
from langgraph_agentstore.transfer import copy
from tests.support.servers import create_database, drop_database

FILLED = Path(__file__).with_name("filled_by_0_1_0.sql")
KEY = base64.urlsafe_b64encode(b"a key that only tests may know..")


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [[*(float(t.lower().count(w)) for w in ("cat", "dog", "tea")), 0.1] for t in texts]


INDEX: dict[str, Any] = {"dims": 4, "embed": embed, "mode": "hybrid", "model": "counts"}


@pytest.fixture
def dsn(embedded_server: Any) -> Iterator[str]:
    """A database as 0.1.0 left it."""
    made = create_database(embedded_server.dsn)
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute(FILLED.read_bytes())
    yield made
    drop_database(embedded_server.dsn, made)


@pytest.fixture
def store(dsn: str) -> Iterator[AgentStore]:
    with AgentStore(dsn, index=INDEX) as opened:
        yield opened


def test_items_are_read_found_and_written(store: AgentStore) -> None:
    facts = ("users", "ada", "facts")

    assert value(store, facts, "cat") == {"text": "My cat is called Turing."}
    assert value(store, (*facts, "old"), "n") == {"n": [1, 2.5, None, "é\u2028"]}
    assert value(store, ("shared", "team"), "note") == {"text": "Train leaves at nine."}
    assert [i.key for i in store.search(facts, query="a cat", limit=1)] == ["cat"]
    assert [i.key for i in store.search(facts, filter={"kind": "taste"})] == ["tea"]
    assert store.search(("users", "bob"), query="cat")[0].key == "dog"
    assert ("users", "ada", "facts", "old") in store.list_namespaces()

    store.put(facts, "cat", {"text": "My cat is called Ada."})
    assert store.search(facts, query="cat", limit=1)[0].value == {"text": "My cat is called Ada."}
    store.delete(facts, "tea")
    assert store.get(facts, "tea") is None


def test_records_have_their_metadata_and_counts(store: AgentStore) -> None:
    settings = DataStore(store, "ada", "planner", "settings")
    theme = settings.record("theme")

    assert theme is not None
    assert settings.get_all() == {"a": 1, "b": [1, 2, 3], "theme": "light", "visits": 3}
    assert (theme.metadata, theme.version, theme.created_by_agent) == (
        {"source": "form"},
        2,
        "planner",
    )
    assert theme.access_count == 2
    assert settings.increment("visits") == 4
    with settings.lock("theme"):
        assert settings.append("b", 4) == 4


def test_turns_are_found_before_and_after_reindexing(store: AgentStore) -> None:
    memory = ConversationMemory(store, "ada")

    assert [t.thread_id for t in memory.threads()] == ["friday", "monday"]
    assert [t.query for t in memory.turns("monday")] == ["Where does the train go?", "And the tea?"]
    [said] = memory.turns("friday")
    assert [type(m) for m in said.messages] == [HumanMessage, AIMessage]
    for _ in range(2):
        assert memory.search("Which train?", limit=1)[0].response == "To Paris."
        store.reindex()


def test_files_and_memories_are_there(store: AgentStore) -> None:
    files = StoreBackend(store, ("users", "ada", "filesystem"))
    memories = MemoryAgent(store=store, user_id="ada", namespace="memories")
    sealed = MemoryAgent(store=store, user_id="ada", namespace="sealed", encryption_key=KEY)

    assert [info["path"] for info in files.ls_info("/notes")] == ["/notes/plan.md"]
    assert files.download_files(["/bin.dat"])[0].content == b"plain"
    assert files.edit("/notes/plan.md", "tea", "milk").error is None
    assert memories.search_memory("talk", {"timestamp": {"$gte": "2024-01-01"}})[0]["text"] == (
        "My cat is called Turing."
    )
    assert sealed.search_memory("pin", {})[0]["text"] == "The safe opens with tea."


def test_the_controls_may_be_switched_on(dsn: str) -> None:
    facts = ("users", "ada", "facts")
    with AgentStore(dsn, index=INDEX, history=True) as store:
        store.put(facts, "cat", {"text": "changed"})
        store.delete(facts, "tea")
        [gone] = store.history(facts, "tea")
        assert gone.replaced is not None
        assert gone.replaced.value == {"kind": "taste", "text": "I drink green tea."}
        receipt = store.erase_user("ada")
    with AgentStore(dsn, index=INDEX) as store:
        assert store.search(("users", "ada")) == []
        assert receipt.removed["item"] > 10


def test_all_of_it_moves_to_another_schema(dsn: str, store: AgentStore) -> None:
    with AgentStore(dsn, schema="new", index=INDEX) as target:
        copy(store, target)
        assert store.count() == target.count() == sum(1 for _ in target.iter_items())


def value(store: AgentStore, namespace: tuple[str, ...], key: str) -> Any:
    item = store.get(namespace, key)
    return item and item.value
