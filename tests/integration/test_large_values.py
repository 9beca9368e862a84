"""A value beyond what Postgres holds is refused with its key, its size and the limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore, DataStore, values
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.errors import ValueTooLargeError
from langgraph_agentstore.files import StoreBackend
from langgraph_agentstore.memory_agent import MemoryAgent
from langgraph_agentstore.transfer import export, import_

LIMIT = 10_000
TEXT = "x" * 2 * LIMIT
VALUE = {"text": TEXT}
PUT = PutOp(("a",), "k", VALUE)

WRITES: dict[str, Callable[[AgentStore], Any]] = {
    "put": lambda store: store.put(("a",), "k", VALUE),
    "batch": lambda store: store.batch([PutOp(("a",), "small", {}), PUT]),
    "load": lambda store: store.load([(("a",), "k", VALUE)]),
    "update": lambda store: store.update(("a",), "k", lambda _: VALUE),
    "data store": lambda store: DataStore(store, "ann", "agent", max_value_bytes=2**40).set(
        "k", TEXT
    ),
    "conversation": lambda store: ConversationMemory(store, "ann").save_turn(TEXT, "", "thread"),
    "memory": lambda store: MemoryAgent(store=store, user_id="ann").store_memory("k", VALUE),
}


@pytest.fixture
def store(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        yield store


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_every_way_to_write_refuses_it_before_anything_is_sent(
    store: AgentStore, monkeypatch: pytest.MonkeyPatch, write: Callable[[AgentStore], Any]
) -> None:
    monkeypatch.setattr(values, "LARGEST_BYTES", LIMIT)
    with pytest.raises(ValueTooLargeError, match=r"[24]0,\d+ bytes.* at most 10,000") as caught:
        write(store)
    assert "xxx" not in str(caught.value)
    assert store.count() == 0


def test_a_file_backend_says_it_in_its_result(
    store: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "LARGEST_BYTES", LIMIT)
    error = StoreBackend(store).write("/k", TEXT).error
    assert error is not None
    assert "key '/k': the value has 20,113 bytes" in error
    assert store.count() == 0


def test_the_message_names_the_key(store: AgentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "LARGEST_BYTES", LIMIT)
    with pytest.raises(ValueTooLargeError, match=r"key 'k': the value has 20,011 bytes"):
        store.put(("a",), "k", VALUE)


def test_an_import_refuses_it(
    store: AgentStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store.put(("a",), "k", VALUE)
    export(store, tmp_path / "all.jsonl")
    store.delete(("a",), "k")
    monkeypatch.setattr(values, "LARGEST_BYTES", LIMIT)
    with pytest.raises(ValueTooLargeError, match="at most 10,000"):
        import_(store, tmp_path / "all.jsonl")
    assert store.count() == 0


@pytest.mark.slow
def test_the_limit_is_that_of_the_server(store: AgentStore) -> None:
    with pytest.raises(ValueTooLargeError, match="key 'k': the value has 270,000,011 bytes"):
        store.put(("a",), "k", {"text": "x" * 270_000_000})
    numbers = {"numbers": [7] * 30_000_000}  # 60 MB as text, more than the limit as jsonb
    with pytest.raises(ValueTooLargeError, match="key 'k': a value is larger as jsonb"):
        store.put(("a",), "k", numbers)
    with pytest.raises(ValueTooLargeError, match="larger as jsonb"):
        store.load([(("a",), "k", numbers)])
    store.put(("a",), "k", {"text": "x" * 200_000_000})
    item = store.get(("a",), "k")
    assert item is not None
    assert len(item.value["text"]) == 200_000_000
