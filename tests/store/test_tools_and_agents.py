"""Tools that reach the store, alone and in agents."""

# No `from __future__ import annotations`: tools read their annotations.
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.tool import tool_call
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedStore, ToolNode, create_react_agent
from langgraph.store.base import BaseStore

from langgraph_agentstore import AgentStore
from tests.support.memory_graphs import NOTES, needs_async_contexts
from tests.support.row_security import items_of_all
from tests.support.scripted_chat import ScriptedChat


@dataclass
class Context:
    user_id: str


@tool
def note(text: str, store: Annotated[BaseStore, InjectedStore()]) -> str:
    """Keep a note."""
    store.put(NOTES, text, {"text": text})
    return f"{store.search(NOTES)[0].key} is noted"


@tool
async def anote(text: str, store: Annotated[BaseStore, InjectedStore()]) -> str:
    """Keep a note."""
    await store.aput(NOTES, text, {"text": text})
    return f"{(await store.asearch(NOTES))[0].key} is noted"


@tool
def note_by_runtime(text: str, runtime: ToolRuntime[Context]) -> str:
    """Keep a note of the user that the context names."""
    assert runtime.store is not None
    runtime.store.put(("users", runtime.context.user_id, "notes"), text, {"text": text})
    return f"noted for {runtime.context.user_id}"


@tool
def note_relatively(text: str, runtime: ToolRuntime[Context]) -> str:
    """Keep a note of whichever user the graph runs for."""
    assert runtime.store is not None
    runtime.store.put(("notes",), text, {"text": text})
    return "noted"


def calls(name: str, *texts: str) -> Any:
    """What a model says that wants a tool, once for each text."""
    wanted = [tool_call(name=name, args={"text": text}, id=text) for text in texts]
    return {"messages": [AIMessage("", tool_calls=wanted)]}


def said(says: str) -> Any:
    return {"messages": [HumanMessage(says)]}


def test_a_tool_node_injects_the_store(store: AgentStore) -> None:
    builder = StateGraph(MessagesState).add_node("tools", ToolNode([note]))
    graph = builder.add_edge(START, "tools").compile(store=store)

    answer = graph.invoke(calls("note", "cats purr"))

    assert answer["messages"][-1].text == "cats purr is noted"


async def test_a_tool_node_injects_the_store_awaited(store: AgentStore) -> None:
    builder = StateGraph(MessagesState).add_node("tools", ToolNode([anote]))
    graph = builder.add_edge(START, "tools").compile(store=store)

    answer = await graph.ainvoke(calls("anote", "cats purr"))

    assert answer["messages"][-1].text == "cats purr is noted"


def test_the_model_does_not_see_the_injected_store() -> None:
    assert set(convert_to_openai_tool(note)["function"]["parameters"]["properties"]) == {"text"}


def test_parallel_tool_calls_share_the_store(store: AgentStore) -> None:
    builder = StateGraph(MessagesState).add_node("tools", ToolNode([note]))
    graph = builder.add_edge(START, "tools").compile(store=store)
    texts = [f"fact {number}" for number in range(20)]

    graph.invoke(calls("note", *texts))

    assert store.count(NOTES) == 20


def test_an_agent_reaches_the_store_through_the_tool_runtime(store: AgentStore) -> None:
    model = ScriptedChat(tool="note_by_runtime", args={"text": "cats purr"})
    agent: Any = create_agent(model, [note_by_runtime], context_schema=Context, store=store)

    answer = agent.invoke(said("note it"), context=Context("alice"))

    assert answer["messages"][-1].text == "noted for alice"
    assert [item.key for item in store.search(NOTES)] == ["cats purr"]


async def test_an_agent_injects_the_store_awaited(store: AgentStore) -> None:
    model = ScriptedChat(tool="anote", args={"text": "cats purr"})
    agent: Any = create_agent(model, [anote], store=store)

    answer = await agent.ainvoke(said("note it"))

    assert answer["messages"][-1].text == "cats purr is noted"


@pytest.mark.parametrize("user_id", ["alice", "bob"])
def test_an_agents_tools_write_for_the_user_of_its_context(store: AgentStore, user_id: str) -> None:
    model = ScriptedChat(tool="note_relatively", args={"text": "cats purr"})
    tools = [note_relatively]
    agent: Any = create_agent(model, tools, context_schema=Context, store=store.per_user())

    agent.invoke(said("note it"), context=Context(user_id))

    assert [item.namespace for item in items_of_all(store)] == [("users", user_id, "notes")]


@needs_async_contexts
async def test_an_awaited_agents_tools_write_for_the_user_of_its_config(store: AgentStore) -> None:
    model = ScriptedChat(tool="note_relatively", args={"text": "cats purr"})
    agent: Any = create_agent(model, [note_relatively], store=store.per_user())

    await agent.ainvoke(said("note it"), {"configurable": {"user_id": "alice"}})

    assert [item.namespace for item in items_of_all(store)] == [NOTES]


def test_the_prebuilt_agent_injects_the_store(store: AgentStore) -> None:
    model = ScriptedChat(tool="note", args={"text": "cats purr"})
    agent = create_react_agent(model, [note], store=store)

    answer = agent.invoke(said("note it"))

    assert answer["messages"][-1].text == "cats purr is noted"
