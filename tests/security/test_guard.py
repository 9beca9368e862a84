"""The guard: it sees each value before it is written, and says what happens to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.errors import BatchError, ConfigurationError, WriteRefusedError
from langgraph_agentstore.files import DeepAgentsBackend
from langgraph_agentstore.memory_agent import MemoryAgent
from langgraph_agentstore.security import (
    Allow,
    Encryption,
    Provenance,
    Quarantine,
    Redact,
    Refuse,
    Write,
    provenance,
)
from langgraph_agentstore.transfer import export, import_
from tests.support.encrypted import KEY
from tests.support.faults import wait_until

NOTES = ("users", "ann", "notes")

Opens = Callable[..., AgentStore]


def judge(write: Write) -> Any:
    """Judge by what the value says, whatever it is."""
    text = str(write.value)
    if "refuse" in text:
        return Refuse("it says so")
    if "poison" in text:
        return Quarantine("it looks poisoned")
    if "secret" in text:
        return Redact({"text": "***"})
    return Allow()


@pytest.fixture
def opens(postgres_dsn: str, schema_name: str) -> Iterator[Opens]:
    with ExitStack() as stack:

        def open_store(guard: Any = judge, **options: Any) -> AgentStore:
            store = AgentStore(postgres_dsn, schema=schema_name, guard=guard, **options)
            return stack.enter_context(store)

        yield open_store


def value(store: AgentStore, key: str) -> Any:
    item = store.get(NOTES, key)
    return None if item is None else item.value


INDEXES: dict[str, Any] = {
    "plain": None,
    "words": {"mode": "text"},
    "vectors": {"embed": lambda texts: [[float(len(t)), 1.0] for t in texts], "dims": 2},
}

Put = Callable[[AgentStore, str, Any], Any]
PUTS: dict[str, Put] = {
    "put": lambda s, k, v: s.put(NOTES, k, v),
    "expected": lambda s, k, v: s.put(NOTES, k, v, expected_version=0),
    "update": lambda s, k, v: s.update(NOTES, k, lambda _: v),
    "load": lambda s, k, v: s.load([(NOTES, k, v)]),
    "set": lambda s, k, v: _records(s).set(k, v),
    "set_many": lambda s, k, v: _records(s).set_many({k: v}),
    "set_if_absent": lambda s, k, v: _records(s).set_if_absent(k, v),
    "update of a record": lambda s, k, v: _records(s).update(k, lambda _: v),
}


def _records(store: AgentStore) -> DataStore:
    return DataStore(store, "ann", "clerk", "notes")


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("by", PUTS)
def test_every_way_to_write_passes_the_guard(by: str, index: str, opens: Opens) -> None:
    store, put = opens(index=INDEXES[index]), PUTS[by]
    put(store, "fine", {"text": "tea"})
    assert value(store, "fine") == {"text": "tea"}
    put(store, "clear", {"text": "a secret"})
    assert value(store, "clear") == {"text": "***"}
    with pytest.raises(WriteRefusedError, match="it says so"):
        put(store, "bad", {"text": "refuse this"})
    assert value(store, "bad") is None
    put(store, "odd", {"text": "poison"})
    assert value(store, "odd") is None
    [kept] = store.quarantined()
    assert (kept.namespace, kept.key, kept.value) == (NOTES, "odd", {"text": "poison"})
    assert kept.reason == "it looks poisoned"


def test_appended_and_incremented_values_pass_it_whole(opens: Opens) -> None:
    seen: list[Any] = []

    def note(write: Write) -> Allow:
        seen.append(write.value)
        return Allow()

    records = _records(opens(note))
    records.set("list", ["a"])
    records.append("list", "b")
    records.increment("n", 2)
    assert records.compare_and_set("n", 2, 3)
    assert seen == [["a"], ["a", "b"], 2, 3]


def test_other_writes_of_a_batch_are_made(opens: Opens) -> None:
    store = opens()

    async def write_all() -> list[Any]:
        puts = [
            store.aput(NOTES, f"k{n}", {"text": "refuse" if n == 7 else "ok"}) for n in range(20)
        ]
        return await asyncio.gather(*puts, return_exceptions=True)

    failed = [n for n, done in enumerate(asyncio.run(write_all())) if done is not None]
    assert failed == [7]
    assert store.count(NOTES) == 19


def test_what_is_quarantined_is_not_found_and_may_be_released(opens: Opens) -> None:
    store = opens(index={"mode": "text"}, history=True)
    with provenance(tool="web", run_id="r-1"):
        store.put(NOTES, "odd", {"text": "poison, or a cook's recipe"})
    assert store.search(NOTES, query="recipe") == store.history(NOTES, "odd") == []
    [kept] = store.quarantined(("users", "ann"))
    assert kept.provenance == Provenance(tool="web", run_id="r-1")
    assert store.quarantined(("users", "ben")) == []
    assert store.release(kept.id)
    assert not store.release(kept.id)
    [found] = store.search(NOTES, query="recipe")
    assert found.value == {"text": "poison, or a cook's recipe"}
    assert store.quarantined() == []


def test_what_is_quarantined_may_be_discarded(opens: Opens) -> None:
    store = opens()
    store.put(NOTES, "odd", {"text": "poison"})
    [kept] = store.quarantined()
    assert store.discard(kept.id)
    assert not store.discard(kept.id)
    assert store.quarantined() == []


def test_the_words_of_a_redacted_value_are_those_that_were_written(opens: Opens) -> None:
    store = opens(index={"mode": "text"})
    store.put(NOTES, "a", {"text": "secret recipe"})
    assert store.search(NOTES, query="recipe") == []


def test_later_writes_to_an_item_wait_for_the_guard(opens: Opens) -> None:
    order: list[int] = []

    async def slow(write: Write) -> Allow:
        await asyncio.sleep(0.05 if write.value["n"] == 0 else 0)
        order.append(write.value["n"])
        return Allow()

    store = opens(slow)

    async def write_both() -> None:
        await asyncio.gather(*[store.aput(NOTES, "a", {"n": n}) for n in range(3)])

    asyncio.run(write_both())
    assert value(store, "a") == {"n": 2}
    assert sorted(order) == [0, 1, 2]


def test_the_guard_is_told_who_writes(opens: Opens) -> None:
    seen: list[Write] = []

    def note(write: Write) -> Allow:
        seen.append(write)
        return Allow()

    store = opens(note)
    with provenance(agent="planner"):
        store.put(NOTES, "a", {})
        store.put(("shared", "x"), "b", {})
    told = Provenance(agent="planner")
    assert seen == [
        Write("ann", ("notes",), "a", {}, told),
        Write("", ("shared", "x"), "b", {}, told),
    ]


@pytest.mark.parametrize("guard", [lambda _: None, lambda _: 1 / 0], ids=["no answer", "an error"])
def test_a_guard_that_fails_lets_nothing_through(guard: Any, opens: Opens) -> None:
    store = opens(guard)
    with pytest.raises(WriteRefusedError, match="nothing was written"):
        store.put(NOTES, "a", {"text": "private words"})
    assert value(store, "a") is None


def test_no_message_quotes_a_value(opens: Opens) -> None:
    with pytest.raises(WriteRefusedError) as raised:
        opens().put(NOTES, "a", {"text": "refuse private words"})
    assert "private" not in str(raised.value)


def test_the_facades_pass_it(opens: Opens) -> None:
    store = opens()
    with pytest.raises(WriteRefusedError):
        ConversationMemory(store, "ann").save_turn("refuse", "so", "t")
    with pytest.raises((WriteRefusedError, BatchError)):
        MemoryAgent(store=store, user_id="ann").store_memory("m", "refuse")


def test_imports_pass_it(opens: Opens, tmp_path: Path) -> None:
    source = opens(None)
    source.put(NOTES, "odd", {"text": "poison"})
    source.put(NOTES, "fine", {"text": "tea"})
    export(source, tmp_path / "all.jsonl")
    source.delete_namespace(NOTES)
    target = opens()
    import_(target, tmp_path / "all.jsonl")
    assert (value(target, "odd"), value(target, "fine")) == (None, {"text": "tea"})
    assert len(target.quarantined()) == 1


def test_quarantine_is_encrypted_too(opens: Opens) -> None:
    store = opens(encryption=Encryption(KEY))
    store.put(NOTES, "odd", {"text": "poison"})
    [kept] = store.quarantined()
    assert kept.value == {"text": "poison"}
    store.release(kept.id)
    assert value(store, "odd") == {"text": "poison"}


def test_a_guard_that_is_no_function_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="guard is a function"):
        AgentStore("postgresql://x", guard="no")  # type: ignore[arg-type]


def test_the_awaited_forms(opens: Opens) -> None:
    store = opens()

    async def use() -> None:
        await store.aput(NOTES, "a", {"text": "poison"})
        await store.aput(NOTES, "b", {"text": "poison"})
        one, other = await store.aquarantined()
        assert await store.arelease(one.id)
        assert await store.adiscard(other.id)

    asyncio.run(use())
    assert store.count(NOTES) == 1


def _keep_all(write: Write) -> Any:
    return Refuse("it is kept") if write.operation == "delete" else Allow()


DELETES: dict[str, Callable[[AgentStore], Any]] = {
    "delete": lambda s: s.delete(NOTES, "a"),
    "a put of None": lambda s: s.batch([PutOp(NOTES, "a", None)]),
    "delete of a view": lambda s: s.for_user("ann").delete(("notes",), "a"),
    "delete by a share": lambda s: s.for_user("bob").delete(NOTES, "a"),
    "delete of a namespace": lambda s: s.delete_namespace(NOTES),
    "delete of above it": lambda s: s.delete_namespace(("users",)),
    "delete of a record": lambda s: _records(s).delete("a"),
    "clear": lambda s: _records(s).clear(),
    "delete of a file": lambda s: DeepAgentsBackend(s.for_user("ann")).delete("/a"),
    "forget": lambda s: ConversationMemory(s, "ann").forget("monday"),
}


@pytest.mark.parametrize("by", DELETES)
def test_every_way_to_delete_passes_the_guard(by: str, opens: Opens) -> None:
    store = opens(_keep_all)
    ann = store.for_user("ann")
    ann.put(("notes",), "a", {"text": "tea"})
    ann.put(("filesystem",), "/a", {"content": ["tea"]})
    ConversationMemory(store, "ann").save_turn("Which tea?", "Assam.", "monday")
    ann.share(("notes",), "bob", "write")
    before = store.count()
    with pytest.raises(WriteRefusedError, match="it is kept"):
        DELETES[by](store)
    assert store.count() == before == 3


def test_a_delete_tells_what_goes_and_who_deletes(opens: Opens) -> None:
    seen: list[Write] = []

    def note(write: Write) -> Allow:
        seen.append(write)
        return Allow()

    store = opens(note)
    store.put(NOTES, "a", {"text": "tea"})
    with provenance(agent="gardener"):
        store.delete(NOTES, "a")
        store.delete_namespace(NOTES)
    assert [(w.operation, w.user_id, w.namespace, w.key, w.value) for w in seen[1:]] == [
        ("delete", "ann", ("notes",), "a", None),
        ("delete", "ann", ("notes",), None, None),
    ]
    assert [write.provenance.agent for write in seen[1:]] == ["gardener", "gardener"]
    assert value(store, "a") is None


@pytest.mark.parametrize("verdict", [Redact({}), Quarantine("odd"), None])
def test_a_delete_is_allowed_or_refused_and_nothing_else(verdict: Any, opens: Opens) -> None:
    store = opens(lambda write: verdict if write.operation == "delete" else Allow())
    store.put(NOTES, "a", {"text": "tea"})
    with pytest.raises(WriteRefusedError, match="was deleted"):
        store.delete(NOTES, "a")
    assert value(store, "a") == {"text": "tea"}


def test_what_expires_is_no_write_of_a_user(opens: Opens) -> None:
    store = opens(_keep_all)
    store.put(NOTES, "a", {"text": "tea"}, ttl=0.0001)
    wait_until(lambda: store.sweep_ttl() == 1)
    store.put(NOTES, "b", {"text": "tea"})
    assert store.delete_user("ann") == 1
