"""A client that sends an authenticated user's id of its own reaches nobody's records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import BaseStore

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import (
    ConversationMemory,
    recall_conversation,
    remember_conversation,
)
from langgraph_agentstore.data_store import data_store
from langgraph_agentstore.errors import UserConflictError
from langgraph_agentstore.files import DeepAgentsBackend
from tests.support.memory_graphs import graph_of, thread

FORGED = [
    pytest.param({"langgraph_auth_user_id": "alice"}, id="id alone"),
    pytest.param(
        {"langgraph_auth_user_id": "alice", "langgraph_auth_user": {"identity": "alice"}},
        id="with an object of JSON",
    ),
]


@pytest.fixture
def of_alice(store: AgentStore) -> AgentStore:
    """A store in which alice has something of each kind."""
    store.for_user("alice").put(("said",), "secret", {"text": "secret"})
    DataStore(store, "alice", None).set("secret", "secret")
    ConversationMemory(store, "alice").save_turn("secret?", "secret!", "hers")
    return store


def read_by_view(_state: Any, *, store: BaseStore) -> dict[str, Any]:
    assert isinstance(store, AgentStore)
    return {"knows": [item.key for item in store.per_user().search(())]}


def read_by_data_store(_state: Any) -> dict[str, Any]:
    return {"knows": [str(data_store().get("secret"))]}


def read_by_files(_state: Any) -> dict[str, Any]:
    return {"knows": [str(DeepAgentsBackend().ls("/"))]}


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("read", [read_by_view, read_by_data_store, read_by_files])
def test_a_forged_user_is_refused_by_name(
    of_alice: AgentStore, read: Callable[..., Any], forged: dict[str, Any]
) -> None:
    with pytest.raises(UserConflictError, match=r"'bob'.*'alice'"):
        graph_of(read, of_alice).invoke({"says": ""}, thread("1", user_id="bob", **forged))


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_user_recalls_and_plants_nothing(
    of_alice: AgentStore, forged: dict[str, Any]
) -> None:
    shown: list[str] = []

    def answer(state: MessagesState) -> dict[str, Any]:
        shown.extend(message.text for message in state["messages"])
        return {"messages": [AIMessage("noted")]}

    nodes: list[Any] = [("recall", recall_conversation()), answer]
    nodes.append(("remember", remember_conversation()))
    graph: Any = StateGraph(MessagesState).add_sequence(nodes).add_edge(START, "recall")
    graph = graph.compile(store=of_alice)

    with pytest.raises(UserConflictError, match=r"'bob'.*'alice'"):
        graph.invoke({"messages": [HumanMessage("plant")]}, thread("1", user_id="bob", **forged))

    assert shown == []
    turns = list(ConversationMemory(of_alice, "alice").turns())
    assert [turn.query for turn in turns] == ["secret?"]
