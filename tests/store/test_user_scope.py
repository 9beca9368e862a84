"""One user's part of any store: what one facade wrote, every other reads, wherever it is moved."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langchain_core.messages import HumanMessage
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.store.postgres import PostgresStore
from langgraph.store.sqlite import SqliteStore

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import (
    BaseStoreRepository,
    ConversationMemory,
    StoreChatMessageHistory,
    export_items,
)
from langgraph_agentstore.errors import (
    InvalidOperationError,
    InvalidValueError,
    MissingUserError,
    TransferError,
)
from langgraph_agentstore.memory_agent import MemoryAgent
from langgraph_agentstore.memory_agent.file_store import FileStore
from langgraph_agentstore.store.user_views import PerUserStore, UserStore
from langgraph_agentstore.transfer import acopy, copy, export, import_, verify

pytest.importorskip("deepagents")

from langgraph.graph import START, StateGraph

from langgraph_agentstore.files import DeepAgentsBackend
from tests.support.matrices import one_in
from tests.support.row_security import items_of_all

IDS = [
    "ada@example.com",
    "a.b",
    "ü",
    "100%",
    "a:b",
    "%2E",
    "a%2Eb",
    "👩‍👩‍👧 x/y\\z",
    "_",
    "langgraph",
]
KINDS = ["AgentStore", "InMemoryStore", "SqliteStore", "file", "official PostgresStore"]
PAIRED_IDS = ["ada@example.com", "100%", "a%2Eb", "👩‍👩‍👧 x/y\\z"]
MOVES = [("AgentStore", kind) for kind in KINDS] + [(kind, "AgentStore") for kind in KINDS[1:]]
VIEWS = ["for_user", "per_user"]


class Repository(BaseStoreRepository):
    """A repository over whichever store."""

    def __init__(self, store: BaseStore) -> None:
        self._store = store

    @property
    def store(self) -> BaseStore:
        return self._store


class Stores:
    """Empty stores of every kind, several of each; closed and emptied at the end."""

    def __init__(self, folder: Path, dsn: str, agents: list[str]) -> None:
        self._folder = folder
        self._dsn = dsn
        self._agents = iter(agents)
        self._officials = iter(["", "other_"])
        self._files = iter(range(9))
        self._closing = ExitStack()

    def open(self, kind: str, user_id: str = "") -> Any:
        if kind == "InMemoryStore":
            return InMemoryStore()
        if kind == "SqliteStore":
            connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
            self._closing.callback(connection.close)
            store = SqliteStore(connection)
            store.setup()
            return store
        if kind == "file":
            file = FileStore(self._folder / f"{next(self._files)}.json", "json")
            self._closing.callback(file.close)
            return file
        if kind == "official PostgresStore":
            return self._official()
        agent = self._closing.enter_context(AgentStore(self._dsn, schema=next(self._agents)))
        if kind == "for_user":
            return agent.for_user(user_id)
        return agent.per_user() if kind == "per_user" else agent

    def _official(self) -> PostgresStore:
        schema = f"official_{next(self._officials)}x"
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
            # With `--row-security` the store's role is not the one that connects here.
            connection.execute(f"GRANT ALL ON SCHEMA {schema} TO PUBLIC")
        self._closing.callback(self._drop, schema)
        options = f"options=-csearch_path%3D{schema}"
        store = self._closing.enter_context(
            PostgresStore.from_conn_string(
                f"{self._dsn}{'&' if '?' in self._dsn else '?'}{options}"
            )
        )
        store.setup()
        return store

    def _drop(self, schema: str) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")

    def close(self) -> None:
        self._closing.close()


SCHEMAS = ["scope_a", "scope_b", "scope_c"]


@pytest.fixture
def stores(tmp_path: Path, postgres_dsn: str) -> Iterator[Stores]:
    stores = Stores(tmp_path, postgres_dsn, SCHEMAS)
    yield stores
    stores.close()
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for schema in SCHEMAS:
            if connection.execute("SELECT to_regclass(%s)", [f"{schema}.item"]).fetchone() != (
                None,
            ):
                connection.execute(f"TRUNCATE {schema}.item CASCADE")


def in_graph(store: BaseStore, user_id: str, work: Callable[[], Any]) -> Any:
    """What `work` gives within a graph that runs for a user, compiled with the store."""
    found: list[Any] = []

    def node(_: Any) -> dict[str, Any]:
        found.append(work())
        return {}

    builder: Any = StateGraph(dict)
    builder.add_node("work", node)
    builder.add_edge(START, "work")
    graph = builder.compile(store=store)
    graph.invoke({}, {"configurable": {"user_id": user_id}})
    return found[0]


def write(store: Any, user_id: str) -> None:
    """By every facade."""
    ConversationMemory(store, user_id).save_turn("What is tea?", "A leaf.", "t1")
    StoreChatMessageHistory(store, "t2", user_id).add_messages([HumanMessage("Hello")])
    with MemoryAgent(store=store, user_id=user_id) as agent:
        agent.store_memory("drinks/tea", {"hot": True})
        agent.store_memory("drinks/water", [1, 2])
        agent.link("drinks/tea", "drinks/water", "made of")
    Repository(store).put(("users", user_id, "notes"), "n", {"text": "a note"})
    written = in_graph(store, user_id, lambda: DeepAgentsBackend(store).write("/a.md", "one\ntwo"))
    assert written.error is None


COUNT = 7


def check(store: Any, user_id: str) -> None:
    """Every facade reads what each of them wrote."""
    conversations = ConversationMemory(store, user_id)
    assert [turn.query for turn in conversations.turns()] == ["What is tea?", "Hello"]
    assert [thread.thread_id for thread in conversations.threads()] == ["t2", "t1"]
    assert StoreChatMessageHistory(store, "t2", user_id).messages[0].text == "Hello"
    keys = [turn.key for turn in conversations.turns()]
    with MemoryAgent(store=store, user_id=user_id) as agent:
        assert agent.list_memories("drinks/") == ["drinks/tea", "drinks/water"]
        assert agent.related("drinks/tea") == [("made of", "drinks/water")]
    for namespace, found in [
        ("conversations", sorted(keys)),
        ("notes", ["n"]),
        ("filesystem", ["/a.md"]),
    ]:
        with MemoryAgent(store=store, user_id=user_id, namespace=namespace) as agent:
            assert agent.list_memories() == found
    read: Callable[..., Any] = Repository(store).get
    assert read(("users", user_id, "memories"), "drinks/tea") == {"hot": True}
    assert read(("users", user_id, "notes"), "n") == {"text": "a note"}
    assert read(("users", user_id, "filesystem"), "/a.md")["content"] == "one\ntwo"
    assert read(("users", user_id, "conversations"), keys[0])["query"] == "What is tea?"
    if isinstance(store, AgentStore):
        assert DataStore(store, user_id, None, "notes").get("n") == {"text": "a note"}
        assert DataStore(store, user_id, None, "memories").list_keys("drinks/") == [
            "drinks/tea",
            "drinks/water",
        ]
    found = in_graph(store, user_id, lambda: DeepAgentsBackend(store).read("/a.md"))
    assert found.file_data["content"] == "one\ntwo"
    if not isinstance(store, (UserStore, PerUserStore)) and ("." in user_id or "%" not in user_id):
        named: Any = DeepAgentsBackend(store, namespace=("users", user_id, "filesystem"))
        assert named.read("/a.md").file_data["content"] == "one\ntwo"


@pytest.mark.parametrize(("kind", "user_id"), one_in(3, [*KINDS, *VIEWS], IDS))
def test_what_one_facade_wrote_every_other_reads(
    stores: Stores, kind: str, user_id: str, tmp_path: Path
) -> None:
    store = stores.open(kind, user_id)
    write(store, user_id)
    if kind not in VIEWS:
        for other in IDS:
            if other != user_id:
                Repository(store).put(("users", other, "notes"), "n", {"text": f"of {other}"})
    check(store, user_id)
    assert export_items(store, tmp_path / "rows.csv", user_id=user_id) == COUNT
    manifest = export(store, tmp_path / "user.jsonl", user_id=user_id)
    assert (manifest.records, manifest.user_id) == (COUNT, user_id)


@pytest.mark.parametrize(("source", "target", "user_id"), one_in(4, KINDS, KINDS, PAIRED_IDS))
def test_a_users_part_arrives_in_another_store(
    stores: Stores, source: str, target: str, user_id: str, tmp_path: Path
) -> None:
    store, other = stores.open(source), stores.open(target)
    write(store, user_id)
    Repository(store).put(("users", "somebody", "notes"), "n", {"text": "of somebody"})
    assert copy(store, other, user_id=user_id) == COUNT
    check(other, user_id)
    assert Repository(other).get(("users", "somebody", "notes"), "n") is None
    back = stores.open("InMemoryStore")
    export(other, tmp_path / "all.jsonl")
    assert import_(back, tmp_path / "all.jsonl") == COUNT
    check(back, user_id)


@pytest.mark.parametrize(("move", "user_id"), one_in(4, MOVES, PAIRED_IDS))
def test_a_whole_store_arrives_in_another(
    stores: Stores, move: tuple[str, str], user_id: str, tmp_path: Path
) -> None:
    source, target = move
    store, other = stores.open(source), stores.open(target)
    write(store, user_id)
    assert copy(store, other) == COUNT
    check(other, user_id)
    exported = stores.open("AgentStore" if target != "AgentStore" else "InMemoryStore")
    export(store, tmp_path / "all.jsonl.gz")
    assert import_(exported, tmp_path / "all.jsonl.gz") == COUNT
    check(exported, user_id)


@pytest.mark.parametrize(("kind", "user_id"), one_in(3, KINDS, IDS))
def test_a_users_file_goes_into_that_users_view(
    stores: Stores, kind: str, user_id: str, tmp_path: Path
) -> None:
    store = stores.open(kind)
    write(store, user_id)
    export(store, tmp_path / "user.jsonl", user_id=user_id)
    view = stores.open("for_user", user_id)
    assert import_(view, tmp_path / "user.jsonl") == COUNT
    check(view, user_id)


@pytest.mark.parametrize(("source", "target", "user_id"), one_in(4, KINDS, KINDS, PAIRED_IDS))
def test_memories_move_with_their_user(
    stores: Stores, source: str, target: str, user_id: str, tmp_path: Path
) -> None:
    store, other = stores.open(source), stores.open(target)
    with MemoryAgent(store=store, user_id=user_id) as agent:
        agent.batch_store([("a", 1), ("b", [2]), ("c", {"n": 3})])
        agent.link("a", "b", "before")
        agent.backup_data(tmp_path / "backup.jsonl")
        assert agent.migrate_to(other) == 4
    with MemoryAgent(store=other, user_id=user_id) as moved:
        assert [moved.retrieve_memory(key) for key in "abc"] == [1, [2], {"n": 3}]
        moved.delete_memory("a")
        assert moved.restore_data(tmp_path / "backup.jsonl") == 4
        assert moved.related("a") == [("before", "b")]
    assert Repository(other).get(("users", user_id, "memories"), "c") == {"n": 3}


@pytest.mark.parametrize(("kind", "user_id"), one_in(2, KINDS, PAIRED_IDS))
def test_an_agent_takes_what_was_exported_of_its_user(
    stores: Stores, kind: str, user_id: str, tmp_path: Path
) -> None:
    source, store = stores.open("AgentStore"), stores.open(kind)
    write(source, user_id)
    path = tmp_path / "memories.csv"
    export(source, path, user_id=user_id, prefix=("memories",))
    with MemoryAgent(store=store, user_id=user_id) as agent:
        assert agent.import_(path) == agent.restore_data(path) == 3
        assert agent.list_memories() == ["drinks/tea", "drinks/water"]
        assert agent.related("drinks/tea") == [("made of", "drinks/water")]
    with (
        MemoryAgent(store=store, user_id="somebody") as other,
        pytest.raises(TransferError, match="of user"),
    ):
        other.import_(path)
    assert Repository(store).get(("users", user_id, "memories"), "drinks/tea") == {"hot": True}


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_without_an_id_is_refused(stores: Stores, kind: str, tmp_path: Path) -> None:
    store = stores.open(kind)
    for attempt in (
        lambda: ConversationMemory(store, ""),
        lambda: MemoryAgent(store=store, user_id=""),
        lambda: Repository(store).put(("users", "", "notes"), "n", {}),
        lambda: export(store, tmp_path / "x.jsonl", user_id=""),
        lambda: copy(store, InMemoryStore(), user_id=""),
        lambda: export_items(store, tmp_path / "x.csv", user_id=""),
    ):
        with pytest.raises(MissingUserError):
            attempt()
    assert not list(tmp_path.glob("x*"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_of_a_user_who_has_nothing_says_so(
    stores: Stores, kind: str, tmp_path: Path
) -> None:
    store = stores.open(kind)
    with pytest.warns(UserWarning, match="'ada@example.org' has nothing there"):
        assert export(store, tmp_path / "x.jsonl", user_id="ada@example.org").records == 0
    with pytest.warns(UserWarning, match="'ada@example.org' has nothing there"):
        assert asyncio.run(acopy(store, InMemoryStore(), user_id="ada@example.org")) == 0
    assert verify(tmp_path / "x.jsonl").records == 0


def test_a_view_gives_its_own_user_and_no_other(stores: Stores, tmp_path: Path) -> None:
    view = stores.open("for_user", "ada")
    with pytest.raises(InvalidOperationError, match="view"):
        export(view, tmp_path / "x.jsonl", user_id="bob")


def test_labels_that_other_code_wrote_are_that_users(stores: Stores, tmp_path: Path) -> None:
    source, target = InMemoryStore(), stores.open("AgentStore")
    source.put(("users", "100%", "raw"), "k", {"n": 1})
    Repository(source).put(("users", "100%", "notes"), "k", {"n": 2})
    source.put(("users", "100%25", "other"), "k", {"n": 3})
    assert export(source, tmp_path / "x.jsonl", user_id="100%").records == 3
    assert copy(source, target) == 3
    assert target.for_user("100%").count() == 3


def test_files_of_the_first_release_are_brought_to_their_place(tmp_path: Path) -> None:
    # It wrote them for this id where no other facade looked.
    store = InMemoryStore()
    old = DeepAgentsBackend(store, namespace=("users", "100%", "filesystem"))
    assert old.write("/a.md", "one").error is None
    export(store, tmp_path / "x.jsonl", user_id="100%")
    import_(store, tmp_path / "x.jsonl")
    found = in_graph(store, "100%", lambda: DeepAgentsBackend(store).read("/a.md"))
    assert found.file_data["content"] == "one"


def test_what_the_first_release_wrote_is_read(stores: Stores, tmp_path: Path) -> None:
    old = InMemoryStore()
    ada = ("users", "ada@example%2Ecom")
    old.put((*ada, "memories"), "tea", {"hot": True})
    turn = {"query": "Hi", "response": "Hello", "thread_id": "t", "timestamp": "2026-01-01T00:00Z"}
    old.put((*ada, "conversations"), "t_20260101_000000_00000001", turn)
    # A file of tuples names the user by the label, as such files always did.
    export(old, tmp_path / "old.jsonl")
    assert '"userId":"ada@example%2Ecom"' in (tmp_path / "old.jsonl").read_text("utf-8")
    new = stores.open("AgentStore")
    import_(new, tmp_path / "old.jsonl")
    for store in (old, new):
        assert ConversationMemory(store, "ada@example.com").threads()[0].thread_id == "t"
        with MemoryAgent(store=store, user_id="ada@example.com") as agent:
            assert agent.retrieve_memory("tea") == {"hot": True}


@pytest.mark.parametrize("kind", KINDS[1:])
def test_what_cannot_be_carried_is_refused_before_anything_is_written(
    stores: Stores, kind: str
) -> None:
    source, target = stores.open("AgentStore"), stores.open(kind)
    view = source.for_user("ada@example.com")
    view.put(("a",), "k", {})
    DataStore(source, "ada@example.com", None, "z.z").set("k", 1)
    with pytest.raises(ValueError, match=r"z\.z"):
        copy(source, target, user_id="ada@example.com")
    assert target.search(()) == []


def test_a_key_that_is_too_long_is_refused_before_anything_is_written(stores: Stores) -> None:
    source, target = InMemoryStore(), stores.open("AgentStore")
    source.put(("users", "a%2Eb", "n"), "k" * 3000, {})
    source.put(("users", "a%2Eb", "n"), "k", {})
    with pytest.raises(ValueError, match="2600"):
        copy(source, target, user_id="a.b")
    assert items_of_all(target) == []


@pytest.mark.parametrize(
    ("label", "key", "value"),
    [
        ("n", "k", {"v": float("nan")}),
        ("n", "k", {"v": [float("inf")]}),
        ("n", "k", {"v": "\ud800"}),
        ("n", "k", {"v": 2**70}),
        ("n", "k\ud800", {}),
        ("n\ud800", "k", {}),
    ],
)
def test_what_no_file_can_have_is_named(
    label: str, key: str, value: dict[str, Any], tmp_path: Path
) -> None:
    source, target = InMemoryStore(), InMemoryStore()
    source.put(("a",), "first", {})
    source.put(("z", label), key, value)
    for move in (lambda: copy(source, target), lambda: export(source, tmp_path / "x.jsonl")):
        with pytest.raises(InvalidValueError, match="cannot be moved"):
            move()
    assert target.search(()) == []
    assert not (tmp_path / "x.jsonl").exists()


@pytest.mark.parametrize("kind", ["AgentStore", "InMemoryStore", "SqliteStore"])
def test_assistants_may_have_periods_in_their_ids(stores: Stores, kind: str) -> None:
    from langgraph_agentstore.files import StoreBackend

    store = stores.open(kind)
    ids = ["a.b", "a%2Eb", "a%b", "a"]
    for assistant_id in ids:
        StoreBackend(store, assistant_id=assistant_id).write("/who", assistant_id)
    for assistant_id in ids:
        assert StoreBackend(store, assistant_id=assistant_id).read("/who").endswith(assistant_id)
    assert store.get(("a%b", "filesystem"), "/who") is not None
