"""Encrypted memories: bound to their place, read by a ring of keys, encrypted anew by rotate."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import Item
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore.errors import ConfigurationError, DamagedFileError, DecryptionError
from langgraph_agentstore.memory_agent import MemoryAgent
from langgraph_agentstore.model.json_values import encode_value
from tests.support.memory_agents import KEY, OTHER_KEY, open_agent

fernet = pytest.importorskip("cryptography.fernet")

FILES = ["json", "csv", "yaml", "pickle"]


def agent_of(store: Any, keys: Any, **options: Any) -> MemoryAgent:
    return MemoryAgent(store=store, encryption_key=keys, **options)


def value_at(store: InMemoryStore, labels: tuple[str, ...], key: str) -> dict[str, Any]:
    item = store.get(labels, key)
    assert isinstance(item, Item)
    return item.value


def of_an_old_release(key: str, data: Any) -> dict[str, Any]:
    """What 0.1.0 stored: a Fernet token with the memory's key."""
    return {"$encrypted": fernet.Fernet(KEY).encrypt(encode_value([key, data])).decode()}


@pytest.mark.parametrize(
    "to",
    [
        (("memories",), "b", None, "memories"),
        (("other",), "a", None, "other"),
        (("users", "bob", "memories"), "a", "bob", "memories"),
    ],
    ids=["another key", "another namespace", "another user"],
)
def test_a_token_moved_elsewhere_does_not_decrypt(to: tuple[Any, ...]) -> None:
    labels, key, user_id, namespace = to
    store = InMemoryStore()
    agent_of(store, KEY).store_memory("a", {"is": "mine"})

    store.put(labels, key, value_at(store, ("memories",), "a"))

    with pytest.raises(DecryptionError, match="altered, or encrypted for another"):
        agent_of(store, KEY, user_id=user_id, namespace=namespace).retrieve_memory(key)


@pytest.mark.parametrize("place", range(20, 90, 7))
def test_an_altered_token_does_not_decrypt(place: int) -> None:
    store = InMemoryStore()
    agent_of(store, KEY).store_memory("a", {"is": "mine" * 10})
    token = value_at(store, ("memories",), "a")["$encrypted"]
    altered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
    store.put(("memories",), "a", {"$encrypted": altered})

    with pytest.raises(DecryptionError):
        agent_of(store, KEY).retrieve_memory("a")


@pytest.mark.parametrize(
    "token", ["", "x", "aes256gcm.", "aes256gcm.a.b.c", "aes256gcm.x", 7, None]
)
def test_what_is_no_token_does_not_decrypt(token: Any) -> None:
    store = InMemoryStore()
    store.put(("memories",), "a", {"$encrypted": token})

    with pytest.raises(DecryptionError):
        agent_of(store, KEY).retrieve_memory("a")


def test_a_ring_reads_what_each_of_its_keys_wrote_and_writes_with_the_first() -> None:
    store = InMemoryStore()
    agent_of(store, KEY).store_memory("old", 1)
    agent_of(store, [OTHER_KEY, KEY]).store_memory("new", 2)

    ring = agent_of(store, [OTHER_KEY, KEY])
    assert (ring.retrieve_memory("old"), ring.retrieve_memory("new")) == (1, 2)
    assert agent_of(store, OTHER_KEY).retrieve_memory("new") == 2
    with pytest.raises(DecryptionError, match="the key of id"):
        agent_of(store, KEY).retrieve_memory("new")


def test_an_empty_ring_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="empty"):
        MemoryAgent("memory", encryption_key=[])


def test_tokens_of_an_old_release_are_read_and_encrypted_anew_by_rotate() -> None:
    store = InMemoryStore()
    store.put(("memories",), "a", of_an_old_release("a", [1]))
    store.put(("memories",), "moved", of_an_old_release("b", [2]))
    agent = agent_of(store, KEY)
    assert agent.retrieve_memory("a") == [1]
    with pytest.raises(DecryptionError, match="for another memory"):
        agent.retrieve_memory("moved")
    agent.delete_memory("moved")

    assert agent.rotate() == 1

    assert value_at(store, ("memories",), "a")["$encrypted"].startswith("aes256gcm.")
    assert (agent.retrieve_memory("a"), agent.rotate()) == ([1], 0)


@pytest.mark.parametrize("kind", ["memory", *FILES])
def test_after_rotate_the_newest_key_alone_reads_all(kind: str, tmp_path: Path) -> None:
    with open_agent(kind, tmp_path, encryption_key=KEY) as old:
        old.batch_store([(f"k{n}", {"n": n}) for n in range(20)])
        old.link("k1", "k2", "r")
        store = old.store if kind == "memory" else None
        place: Any = (
            {"store": store, "encryption_key": [OTHER_KEY, KEY]}
            if store
            else {"encryption_key": [OTHER_KEY, KEY]}
        )
        seen: list[int] = []
        with reopened(kind, tmp_path, place) as ring:
            assert ring.rotate(progress=seen.append) == 20
            assert ring.rotate() == 0
        assert seen[-1] == 20
        place["encryption_key"] = OTHER_KEY
        with reopened(kind, tmp_path, place) as new:
            assert [new.retrieve_memory(f"k{n}") for n in range(20)] == [
                {"n": n} for n in range(20)
            ]
            assert new.related("k1") == [("r", "k2")]


def reopened(kind: str, folder: Path, place: dict[str, Any]) -> MemoryAgent:
    return MemoryAgent(**place) if "store" in place else open_agent(kind, folder, **place)


def test_rotate_signs_a_pickle_file_anew_though_it_holds_nothing_encrypted(tmp_path: Path) -> None:
    with open_agent("pickle", tmp_path, encryption_key=KEY) as agent:
        agent.store_memory("a", 1)
        agent.delete_memory("a")
    with open_agent("pickle", tmp_path, encryption_key=[OTHER_KEY, KEY]) as ring:
        assert ring.rotate() == 0
    with open_agent("pickle", tmp_path, encryption_key=OTHER_KEY) as new:
        assert new.list_memories() == []
    with pytest.raises(DamagedFileError), open_agent("pickle", tmp_path, encryption_key=KEY) as old:
        old.list_memories()


def test_rotate_does_all_it_can_and_names_what_it_cannot() -> None:
    store = InMemoryStore()
    agent_of(store, KEY).batch_store([("a", 1), ("b", 2)])
    store.put(("memories",), "clear", {"n": 1})
    ring = agent_of(store, [OTHER_KEY, KEY])

    with pytest.raises(DecryptionError, match=r"1 memories .*'clear'; 2 others"):
        ring.rotate()

    assert agent_of(store, OTHER_KEY).retrieve_memory("b") == 2


def test_rotate_without_a_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="encryption_key"):
        MemoryAgent("memory").rotate()


def test_a_search_leaves_out_what_it_cannot_decrypt_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = InMemoryStore()
    agent_of(store, OTHER_KEY).batch_store([("k/1", "theirs"), ("k/2", "theirs")])
    agent = agent_of(store, KEY)
    agent.store_memory("k/3", "mine")

    with caplog.at_level(logging.WARNING):
        assert agent.search_memory("k/") == ["mine"]

    (record,) = caplog.records
    assert record.getMessage().startswith("2 memories were left out")
    assert "theirs" not in record.getMessage()
    assert agent.unreadable_memories() == ["k/1", "k/2"]
    assert agent.unreadable_memories("k/2") == ["k/2"]
    with pytest.raises(DecryptionError):
        agent.retrieve_memory("k/1")
