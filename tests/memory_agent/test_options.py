"""Encryption, validation, audit, and what is missing or wrong."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import orjson
import pytest
from langgraph.store.memory import InMemoryStore
from pydantic import BaseModel, Field, ValidationError

from langgraph_agentstore.errors import (
    ConfigurationError,
    DecryptionError,
    MissingExtraError,
    MissingMemoryError,
    MissingUserError,
    StoreUnavailableError,
)
from langgraph_agentstore.memory_agent import (
    AuditEntry,
    Conversation,
    FileStore,
    MemoryAgent,
    Message,
    UserProfile,
)
from tests.support.memory_agents import KEY, LOCAL, OTHER_KEY, open_agent


class Score(BaseModel):
    points: int


# Encryption


@pytest.mark.parametrize("kind", [kind for kind in LOCAL if kind != "memory"])
def test_what_is_stored_shows_nothing_of_encrypted_data(kind: str, tmp_path: Path) -> None:
    with open_agent(kind, tmp_path, encryption_key=KEY) as agent:
        agent.store_memory("secret", {"note": "sesame opens"})
        agent.update_memory("secret", {"more": "sesame closes"})
        assert agent.search_memory("secret", {"more": {"$contains": "closes"}}) != []
        agent.backup_data(tmp_path / "backup.jsonl")
    for path in tmp_path.iterdir():
        assert b"sesame" not in path.read_bytes(), path.name


def test_another_key_opens_nothing() -> None:
    store = InMemoryStore()
    MemoryAgent(store=store, encryption_key=KEY).store_memory("a", 1)
    for other in (None, MemoryAgent.generate_key()):
        with pytest.raises(DecryptionError, match="'a'"):
            MemoryAgent(store=store, encryption_key=other).retrieve_memory("a")


def test_what_was_moved_or_never_encrypted_is_refused() -> None:
    store = InMemoryStore()
    agent = MemoryAgent(store=store, encryption_key=KEY)
    agent.store_memory("a", 1)
    store.put(("memories",), "b", store.get(("memories",), "a").value)  # type: ignore[union-attr]
    store.put(("memories",), "c", {"n": 1})
    with pytest.raises(DecryptionError, match="another memory"):
        agent.retrieve_memory("b")
    with pytest.raises(DecryptionError, match="without encryption"):
        agent.retrieve_memory("c")


@pytest.mark.parametrize("key", ["short", "é" * 44, b"x" * 32, 5])
def test_a_key_that_is_none_is_refused_and_not_shown(key: Any) -> None:
    with pytest.raises(ConfigurationError, match="generate_key") as raised:
        MemoryAgent("memory", encryption_key=key)
    assert str(key) not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("mine", "others"), [(None, KEY), (KEY, None), (KEY, KEY), (KEY, OTHER_KEY)]
)
def test_memories_move_to_an_agent_with_another_key(mine: Any, others: Any) -> None:
    agent = MemoryAgent("memory", encryption_key=mine)
    other = MemoryAgent("memory", encryption_key=others)
    agent.batch_store([("a", [1, 2]), ("b", {"x": 1}), ("c", None)])
    agent.link("a", "b", "r")
    assert agent.migrate_to(other) == 4
    assert [other.retrieve_memory(key) for key in "abc"] == [[1, 2], {"x": 1}, None]
    assert other.related("a") == [("r", "b")]


# Validation


class Cat(BaseModel):
    kind: Literal["cat"]
    name: str = Field(max_length=3)


class Dog(BaseModel):
    kind: Literal["dog"]


class Pet(BaseModel):
    pet: Cat | Dog = Field(discriminator="kind")
    age: int = Field(gt=0)
    braces: Literal["{x}"] = "{x}"


@pytest.mark.parametrize(
    "stored",
    [
        {"pet": {"kind": "sesame"}, "age": "sesame"},
        {"pet": {"kind": "cat", "name": "sesame"}, "age": 1},
        {"pet": "sesame", "age": ["sesame"], "braces": "sesame"},
        "sesame",
    ],
)
def test_what_does_not_fit_is_named_without_what_was_stored(stored: Any) -> None:
    """As when an encrypted memory of an older shape is updated."""
    store = InMemoryStore()
    MemoryAgent(store=store, encryption_key=KEY).store_memory("a", stored)
    agent = MemoryAgent(store=store, encryption_key=KEY, validator=Pet)

    new = {"more": 1} if isinstance(stored, dict) else "sesame"
    with pytest.raises(ValidationError) as raised:
        agent.update_memory("a", new)

    assert "sesame" not in str(raised.value)
    assert "sesame" not in repr(raised.value.errors())
    assert "validation error" in str(raised.value)
    assert raised.value.__suppress_context__


def test_data_that_do_not_fit_are_refused_and_nothing_is_written() -> None:
    agent = MemoryAgent("memory", validator=Score)
    agent.store_memory("a", {"points": 1, "more": True})
    for write in (
        lambda: agent.store_memory("a", {"points": "many"}),
        lambda: agent.batch_store([("b", {"points": 2}), ("a", {})]),
        lambda: agent.update_memory("a", {"points": None}),
        lambda: agent.store_memory("b", [{"points": 1}, {"points": "x"}]),
    ):
        with pytest.raises(ValidationError):
            write()
    assert agent.list_memories() == ["a"]
    assert agent.retrieve_memory("a") == {"points": 1, "more": True}


def test_each_key_or_collection_has_its_own_model() -> None:
    models: dict[str, type[BaseModel]] = {
        "users/": UserProfile,
        "users/root": Score,
        "talks": Conversation,
    }
    agent = MemoryAgent("memory", validator=models)
    agent.store_memory("users/ada", {"name": "Ada", "cat": "Turing"})
    agent.store_memory("users/root", {"points": 1})
    agent.store_memory("talks", {"messages": [{"role": "user", "content": "Hello"}]})
    agent.store_memory("talks/1", "as one likes")
    for key, data in (("users/bob", {}), ("users/root", {"name": "R"}), ("talks", {})):
        with pytest.raises(ValidationError):
            agent.store_memory(key, data)


def test_models_themselves_are_data() -> None:
    agent = MemoryAgent("memory", validator={"talk": Conversation})
    when = datetime(2024, 1, 1, tzinfo=timezone.utc)
    message = Message(role="user", content="Hello", timestamp=when)
    agent.store_memory("talk", Conversation(messages=[message]))
    assert agent.retrieve_memory("talk")["messages"][0]["timestamp"] == "2024-01-01T00:00:00Z"


def test_an_import_is_validated_before_anything_is_written(tmp_path: Path) -> None:
    agent = MemoryAgent("memory")
    agent.batch_store([("a", {"points": 1}), ("b", {"points": "x"})])
    agent.export(tmp_path / "m.jsonl")
    strict = MemoryAgent("memory", validator=Score)
    with pytest.raises(ValidationError):
        strict.import_(tmp_path / "m.jsonl")
    assert strict.list_memories() == []


def test_a_validator_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="validator"):
        MemoryAgent("memory", validator={1: Score})  # type: ignore[dict-item]
    with pytest.raises(ConfigurationError, match="validator"):
        MemoryAgent("memory", validator=lambda data: data)  # type: ignore[arg-type]


# Audit


def test_every_access_is_told_before_it_is_made(tmp_path: Path) -> None:
    told: list[AuditEntry] = []
    agent = MemoryAgent("memory", user_id="ada", audit=told.append)
    agent.batch_store([("a", 1), ("b", 2)])
    agent.retrieve_memory("a")
    agent.update_memory("a", 3)
    agent.search_memory("x/")
    agent.list_memories()
    agent.link("a", "b", "r")
    agent.related("a")
    agent.backup_data(tmp_path / "b.jsonl")
    agent.restore_data(tmp_path / "b.jsonl")
    agent.export(tmp_path / "e.json")
    agent.import_(tmp_path / "e.json")
    agent.migrate_to(InMemoryStore())
    agent.delete_memory("a")
    assert [entry.action for entry in told] == [
        *("store", "store", "retrieve", "update", "search", "list", "link", "link", "related"),
        *("backup", "restore", "export", "import", "migrate", "delete"),
    ]
    assert {entry.user_id for entry in told} == {"ada"}
    assert [entry.target for entry in told[:4]] == ["a", "b", "a", "a"]


def test_an_access_that_cannot_be_told_of_is_not_made() -> None:
    def refuse(entry: AuditEntry) -> None:
        raise OSError("the disk is full")

    store = InMemoryStore()
    with pytest.raises(OSError, match="full"):
        MemoryAgent(store=store, audit=refuse).store_memory("a", 1)
    assert MemoryAgent(store=store).list_memories() == []


def test_an_audit_file_has_a_line_for_each_access(tmp_path: Path) -> None:
    agent = MemoryAgent("memory", user_id="ada", audit=tmp_path / "audit.jsonl")
    agent.store_memory("a", "never shown")
    agent.delete_memory("a")
    lines = [orjson.loads(line) for line in (tmp_path / "audit.jsonl").read_bytes().splitlines()]
    assert [(line["user_id"], line["action"], line["target"]) for line in lines] == [
        ("ada", "store", "a"),
        ("ada", "delete", "a"),
    ]
    assert datetime.fromisoformat(lines[0]["at"]).tzinfo is not None


# What is missing or wrong


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [
        ("sqlite", "langgraph.store.sqlite", "sqlite"),
        ("mysql", "langgraph.store.mysql.pymysql", "mysql"),
        ("mongodb", "langgraph.store.mongodb", "mongodb"),
        ("redis", "langgraph.store.redis", "redis"),
        ("json", "fasteners", "memory"),
        ("yaml", "yaml", "yaml"),
        ("pickle", "cryptography.fernet", "encryption"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    kind: str, module: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"langgraph_agentstore\[{extra}\]") as raised:
        open_agent(kind, tmp_path)
    assert isinstance(raised.value, MissingExtraError)


@pytest.mark.parametrize(
    ("raised", "expected", "said"),
    [
        (OSError("nobody listens on port 1"), StoreUnavailableError, "mysql server .* on port 1"),
        # As urlsplit says it of mysql://ada:sesame/x@host/db.
        (ValueError("Port could not be cast: 'sesame'"), ConfigurationError, "quoted"),
    ],
)
def test_a_server_that_cannot_be_used_is_an_error_of_ours_without_the_password(
    raised: Exception,
    expected: type[Exception],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Driver:
        @staticmethod
        def from_conn_string(_address: str) -> None:
            raise raised

    driver = SimpleNamespace(PyMySQLStore=Driver)
    monkeypatch.setitem(sys.modules, "langgraph.store.mysql.pymysql", driver)
    with pytest.raises(expected, match=said) as found:
        MemoryAgent("mysql", dsn="mysql://ada:sesame/x@host/db")
    assert "sesame" not in str(found.value)


def test_a_server_whose_tables_cannot_be_made_is_no_address_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Driver:
        @staticmethod
        def from_conn_string(_address: str) -> AbstractContextManager[Any]:
            return nullcontext(Driver())

        def setup(self) -> None:
            raise ValueError("the server has no module for indexes")

    driver = SimpleNamespace(PyMySQLStore=Driver)
    monkeypatch.setitem(sys.modules, "langgraph.store.mysql.pymysql", driver)
    with pytest.raises(StoreUnavailableError, match="no module for indexes"):
        MemoryAgent("mysql", dsn="mysql://ada@host/db")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"store": "not one"}, "a LangGraph store"),
        ({"store": InMemoryStore(), "db_path": "m.db"}, "leave db_path"),
        ({"audit": 5}, "audit"),
    ],
)
def test_a_wrong_option_is_refused(options: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        MemoryAgent(**options)


@pytest.mark.parametrize("namespace", ["", "a::b", ("a.b",), "langgraph:x", ()])
def test_a_wrong_namespace_is_refused(namespace: Any) -> None:
    with pytest.raises(ValueError, match=r"namespace|label"):
        MemoryAgent("memory", namespace=namespace)


def test_an_empty_user_is_nobody_and_refused() -> None:
    with pytest.raises(MissingUserError):
        MemoryAgent("memory", user_id="")


def test_the_repr_shows_no_key(tmp_path: Path) -> None:
    agent = MemoryAgent("memory", encryption_key=KEY, user_id="ada")
    assert KEY not in repr(agent)
    assert "('memories',)" in repr(agent)
    assert "FileStore" in repr(FileStore(tmp_path / "m.json", "json"))


@pytest.mark.parametrize("dsn", ["postgresql://db/app?no_such=1", "host=db no_such=1"])
def test_a_connection_string_in_the_place_of_a_path_is_read_as_one(dsn: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^no_such is no parameter of libpq"):
        MemoryAgent(storage_type="postgres", db_path=dsn)


def test_an_error_quotes_a_part_of_a_long_key(tmp_path: Path) -> None:
    with open_agent("memory", tmp_path) as agent, pytest.raises(MissingMemoryError) as raised:
        agent.update_memory("k" * 1_000_000, {"n": 1})
    assert len(str(raised.value)) < 300
