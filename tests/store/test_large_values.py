"""A value beyond what Postgres holds is refused with its key, its size and the limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.errors import ConfigurationError, ValueTooLargeError
from langgraph_agentstore.files import DeepAgentsBackend, StoreBackend
from langgraph_agentstore.memory_agent import MemoryAgent
from langgraph_agentstore.model import json_values
from langgraph_agentstore.transfer import copy, export, import_
from tests.support.row_security import items_of_all

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
    "memory": lambda store: MemoryAgent(store=store, user_id="ann").store_memory("k", VALUE),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_every_way_to_write_refuses_it_before_anything_is_sent(
    store: AgentStore, monkeypatch: pytest.MonkeyPatch, write: Callable[[AgentStore], Any]
) -> None:
    monkeypatch.setattr(json_values, "LARGEST_BYTES", LIMIT)
    with pytest.raises(ValueTooLargeError, match=r"[24]0,\d+ bytes.* at most 10,000") as caught:
        write(store)
    assert "xxx" not in str(caught.value)
    assert items_of_all(store) == []


def test_a_file_backend_says_it_in_its_result(
    store: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_values, "LARGEST_BYTES", LIMIT)
    error = StoreBackend(store).write("/k", TEXT).error
    assert error is not None
    assert "key '/k': the value has 20,113 bytes" in error
    assert items_of_all(store) == []


def test_the_message_names_the_key(store: AgentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "LARGEST_BYTES", LIMIT)
    with pytest.raises(ValueTooLargeError, match=r"key 'k': the value has 20,011 bytes"):
        store.put(("a",), "k", VALUE)


def test_an_import_refuses_it(
    store: AgentStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store.put(("a",), "k", VALUE)
    export(store, tmp_path / "all.jsonl")
    store.delete(("a",), "k")
    monkeypatch.setattr(json_values, "LARGEST_BYTES", LIMIT)
    with pytest.raises(ValueTooLargeError, match="at most 10,000"):
        import_(store, tmp_path / "all.jsonl")
    assert items_of_all(store) == []


@pytest.fixture
def strict(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    """A store that takes values of 10,000 bytes."""
    with AgentStore(postgres_dsn, schema=schema_name, max_value_bytes=LIMIT) as store:
        yield store


STRICT_WRITES: dict[str, Callable[[AgentStore], Any]] = {
    **WRITES,
    "put over a version": lambda store: store.put(("a",), "k", VALUE, expected_version=0),
    "one user's": lambda store: store.for_user("ann").put(("a",), "k", VALUE),
    "set_many": lambda store: data(store).set_many({"small": 1, "k": TEXT}),
    "set_if_absent": lambda store: data(store).set_if_absent("k", TEXT),
    "append": lambda store: data(store).append("k", TEXT),
    "data update": lambda store: data(store).update("k", lambda _: TEXT),
    "compare_and_set": lambda store: data(store).compare_and_set("k", 1, TEXT),
    "metadata": lambda store: data(store).set("k", 1, {"text": TEXT}),
}


def data(store: AgentStore) -> DataStore:
    return DataStore(store, "ann", "agent")


@pytest.mark.parametrize("write", STRICT_WRITES.values(), ids=STRICT_WRITES.keys())
def test_a_store_takes_values_of_its_own_limit(
    strict: AgentStore, write: Callable[[AgentStore], Any]
) -> None:
    said = r"'k'.* [24]0,\d+ bytes.* 10,000: .*max_value_bytes"
    with pytest.raises(ValueTooLargeError, match=said) as caught:
        write(strict)
    assert "xxx" not in str(caught.value)
    assert items_of_all(strict) == []


async def test_awaited_writes_keep_the_limit(strict: AgentStore) -> None:
    with pytest.raises(ValueTooLargeError):
        await strict.aput(("a",), "k", VALUE)
    with pytest.raises(ValueTooLargeError):
        await strict.abatch([PUT])
    assert items_of_all(strict) == []


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
def test_the_limit_is_of_the_json_text(strict: AgentStore, size: int) -> None:
    value = {"t": "x" * (size - len('{"t":""}'))}
    if size > LIMIT:
        with pytest.raises(ValueTooLargeError, match="has 10,001 bytes"):
            strict.put(("a",), "k", value)
    else:
        strict.put(("a",), "k", value)
        assert strict.get(("a",), "k").value == value  # type: ignore[union-attr]


def test_a_list_that_grows_by_appending_keeps_the_limit_of_the_store(strict: AgentStore) -> None:
    proxy = DataStore(strict, "ann", "agent", max_value_bytes=10 * LIMIT)
    proxy.append("k", "x" * 6_000)
    with pytest.raises(ValueTooLargeError, match=r"the store's max_value_bytes"):
        proxy.append("k", "x" * 6_000)
    assert proxy.get("k") == ["x" * 6_000]


def test_what_is_stored_already_is_read_whatever_its_size(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    store.put(("a",), "k", VALUE)
    with AgentStore(postgres_dsn, schema=schema_name, max_value_bytes=LIMIT) as strict:
        assert strict.search(("a",))[0].value == VALUE


@pytest.mark.parametrize("dialect", ["spoon_ai", "deep_agents"])
def test_both_dialects_of_files_say_the_limit_in_their_result(
    strict: AgentStore, dialect: str
) -> None:
    view = strict.for_user("ann")
    backend: Any = StoreBackend(view)
    if dialect == "deep_agents":
        backend = DeepAgentsBackend(view, namespace=("files",))
    assert "max_value_bytes" in backend.write("/k", TEXT).error
    backend.write("/k", "a")
    assert "max_value_bytes" in backend.edit("/k", "a", TEXT).error


def test_nothing_of_an_import_is_written_if_one_record_is_too_large(
    store: AgentStore, postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    store.load([(("a",), f"k{n:03}", {"n": n}) for n in range(600)])
    store.put(("b",), "large", VALUE)
    export(store, tmp_path / "all.jsonl")
    with AgentStore(postgres_dsn, schema=f"{schema_name}_b", max_value_bytes=LIMIT) as strict:
        said = "key 'large': the value has 20,011 bytes.*max_value_bytes.*nothing was written"
        with pytest.raises(ValueTooLargeError, match=said):
            import_(strict, tmp_path / "all.jsonl", on_conflict="upsert")
        with pytest.raises(ValueTooLargeError, match=said):
            copy(store, strict)
        assert items_of_all(strict) == []


def test_a_turn_too_large_for_its_store_keeps_what_was_said(
    strict: AgentStore, caplog: pytest.LogCaptureFixture
) -> None:
    memory = ConversationMemory(strict, "ann")
    answer = AIMessage("It shows a cat.", id="1", tool_calls=[])
    result = ToolMessage("seen", tool_call_id="t", artifact={"picture": TEXT})
    memory.save_messages([HumanMessage("What is this?"), result, answer], "thread")
    (turn,) = memory.turns("thread")
    assert (turn.query, turn.response) == ("What is this?", "It shows a cat.")
    assert [message.type for message in turn.messages] == ["human", "tool", "ai"]
    assert "xxx" not in caplog.text
    assert "artifact" in caplog.text


@pytest.mark.parametrize("texts", [(TEXT, TEXT), ("\x01" * 50_000, ""), ("é" * 50_000, "b")])
def test_the_words_of_a_turn_are_cut_last(strict: AgentStore, texts: tuple[str, str]) -> None:
    memory = ConversationMemory(strict, "ann")
    memory.save_turn(*texts, "thread", {"note": "small"})
    memory.save_messages(
        [HumanMessage(texts[0]), *[AIMessage(texts[1]) for _ in range(900)]], "many"
    )
    for thread in ("thread", "many"):
        (turn,) = memory.turns(thread)
        assert turn.query
        assert texts[0].startswith(turn.query)
        assert texts[1].startswith(turn.response)


@pytest.mark.parametrize("given", [0, -1, 1.5, True, None, "1 MB"])
def test_a_limit_that_is_no_number_of_bytes_is_refused(postgres_dsn: str, given: Any) -> None:
    for make in (AgentStore, AgentStore.from_conn_string):
        with pytest.raises(ConfigurationError, match="max_value_bytes is a whole number from 1"):
            make(postgres_dsn, max_value_bytes=given)
    with pytest.raises(ConfigurationError, match="max_value_bytes"):
        AgentStore.embedded(max_value_bytes=given)


@pytest.mark.slow
def test_the_limit_is_that_of_the_server(postgres_dsn: str, schema_name: str) -> None:
    store = AgentStore(postgres_dsn, schema=schema_name, max_value_bytes=2**40)
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


def test_a_question_beyond_the_limit_of_a_query_is_cut_by_a_conversation(
    postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        memory = ConversationMemory(store, "ann")
        memory.save_turn("Where is my umbrella?", "In the hall.", "thread")
        (found,) = memory.search("umbrella " + "x" * 2**20)
    assert found.response == "In the hall."
