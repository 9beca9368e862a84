"""Copies of configurations hold the same handles, and no pickle holds one."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore, DataStoreService
from langgraph_agentstore.conversations import (
    ConversationMemory,
    PostgresStoreRepository,
    recall_conversation,
    remember_conversation,
)
from langgraph_agentstore.data_store import DataStoreAdministration
from langgraph_agentstore.errors import InvalidOperationError
from langgraph_agentstore.files import StoreBackend
from langgraph_agentstore.memory_agent import MemoryAgent

HANDLES: dict[str, Callable[[AgentStore, Path], Any]] = {
    "store": lambda store, _: store,
    "view of a user": lambda store, _: store.for_user("ann"),
    "view of the running user": lambda store, _: store.per_user(),
    "data store": lambda store, _: DataStore(store, "ann", "agent"),
    "awaited data store": lambda store, _: AsyncDataStore(store, "ann", "agent"),
    "service": lambda store, _: DataStoreService(store),
    "administration": lambda store, _: DataStoreAdministration(store),
    "conversations": lambda store, _: ConversationMemory(store, "ann"),
    "repository": lambda store, _: PostgresStoreRepository(store=store),
    "recalling": lambda store, _: recall_conversation(store),
    "remembering": lambda store, _: remember_conversation(store),
    "files": lambda store, _: StoreBackend(store),
    "memories": lambda store, _: MemoryAgent(store=store, user_id="ann"),
    "memories in a file": lambda _, folder: MemoryAgent("json", folder / "m.json", user_id="ann"),
}


@pytest.mark.parametrize("make", HANDLES.values(), ids=HANDLES.keys())
def test_a_copy_is_the_same_handle(
    store: AgentStore, tmp_path: Path, make: Callable[[AgentStore, Path], Any]
) -> None:
    handle = make(store, tmp_path)
    config = {"configurable": {"kept": [handle]}}
    assert copy.copy(handle) is handle
    assert copy.deepcopy(config)["configurable"]["kept"][0] is handle


@pytest.mark.parametrize("make", HANDLES.values(), ids=HANDLES.keys())
def test_pickling_a_handle_says_what_to_do_instead(
    store: AgentStore, tmp_path: Path, make: Callable[[AgentStore, Path], Any]
) -> None:
    with pytest.raises(InvalidOperationError, match=r"cannot be pickled.* in the other process"):
        pickle.dumps(make(store, tmp_path))


def test_a_backend_of_deep_agents_is_copied_as_the_same_handle(store: AgentStore) -> None:
    pytest.importorskip("deepagents")
    from langgraph_agentstore.files import DeepAgentsBackend

    backend = DeepAgentsBackend(store)
    assert copy.deepcopy(backend) is backend
