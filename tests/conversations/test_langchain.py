"""LangChain's own things over the memory: an agent's middleware, and message history."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import (
    ConversationMemory,
    StoreChatMessageHistory,
    recall_conversation,
    remember_conversation,
)
from tests.conversations.talking import config_of
from tests.support.memory_graphs import needs_async_contexts
from tests.support.scripted_chat import ScriptedChat

ADA = "ada@example.org"


@tool
def look_up(word: str) -> str:
    """What a word means."""
    return f"{word} is known"


def agent_of(store: BaseStore, **recalling: Any) -> tuple[Any, Any]:
    remember = remember_conversation()
    agent: Any = create_agent(
        ScriptedChat(tool="look_up", args={"word": "cat"}),
        [look_up],
        middleware=[recall_conversation(mode="latest", **recalling), remember],
        store=store,
        checkpointer=InMemorySaver(),
    )
    return agent, remember


def kinds(messages: list[BaseMessage]) -> list[str]:
    return [message.type for message in messages]


def test_the_nodes_are_middleware_of_an_agent(store: AgentStore) -> None:
    agent, remember = agent_of(store)
    assert isinstance(remember, AgentMiddleware)
    first = agent.invoke({"messages": [("user", "cat?")]}, config_of(ADA, "one"))
    # Another agent, whose checkpointer knows nothing.
    again, _ = agent_of(store)
    second = again.invoke({"messages": [("user", "cat again?")]}, config_of(ADA, "two"))

    assert kinds(first["messages"]) == ["human", "ai", "tool", "ai"]
    assert kinds(second["messages"]) == ["human", "ai", "tool", "ai"] * 2
    assert second["messages"][1].tool_calls == first["messages"][1].tool_calls
    assert [turn.query for turn in ConversationMemory(store, ADA).turns()] == ["cat?", "cat again?"]
    bob = agent.invoke({"messages": [("user", "cat?")]}, config_of("bob", "two"))
    assert len(bob["messages"]) == 4


@needs_async_contexts
async def test_the_nodes_are_middleware_of_an_awaited_agent(store: AgentStore) -> None:
    agent, remember = agent_of(store)
    await agent.ainvoke({"messages": [("user", "cat?")]}, config_of(ADA, "one"))
    second = await agent.ainvoke({"messages": [("user", "again?")]}, config_of(ADA, "two"))
    assert kinds(second["messages"]) == ["human", "ai", "tool", "ai"] * 2
    assert await asyncio.to_thread(remember.flush, 30)
    assert len(list(ConversationMemory(store, ADA).turns())) == 2


class Echo(BaseChatModel):
    """Says what it was given."""

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        said = " | ".join(message.text for message in messages)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(f"[{said}]"))])

    @property
    def _llm_type(self) -> str:
        return "echo"


class StreamingEcho(Echo):
    """Says it character by character."""

    def _stream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> Iterator[ChatGenerationChunk]:
        for character in self._generate(messages).generations[0].text:
            yield ChatGenerationChunk(message=AIMessageChunk(content=character))


def chain_over(store: BaseStore, model: BaseChatModel | None = None) -> RunnableWithMessageHistory:
    prompt = ChatPromptTemplate.from_messages(
        [MessagesPlaceholder("history"), ("human", "{question}")]
    )
    return RunnableWithMessageHistory(
        prompt | RunnableLambda(lambda value: value) | (model or Echo()),
        lambda session_id: StoreChatMessageHistory(store, session_id, ADA),
        input_messages_key="question",
        history_messages_key="history",
    )


@pytest.mark.parametrize("kind", ["agent", "memory"])
def test_a_chain_with_message_history_goes_on(store: AgentStore, kind: str) -> None:
    over: BaseStore = store if kind == "agent" else InMemoryStore()
    config: Any = {"configurable": {"session_id": "100%_a:b"}}
    assert chain_over(over).invoke({"question": "one"}, config).text == "[one]"
    assert chain_over(over).invoke({"question": "two"}, config).text == "[one | [one] | two]"
    other: Any = {"configurable": {"session_id": "other"}}
    assert chain_over(over).invoke({"question": "one"}, other).text == "[one]"


@pytest.mark.parametrize("kind", ["agent", "memory"])
def test_a_streamed_chain_with_message_history_goes_on(store: AgentStore, kind: str) -> None:
    over: BaseStore = store if kind == "agent" else InMemoryStore()
    config: Any = {"configurable": {"session_id": "s"}}
    for asked in ("one", "two"):
        assert len(list(chain_over(over, StreamingEcho()).stream({"question": asked}, config))) > 1
    turns = list(ConversationMemory(over, ADA).turns())
    assert [(turn.query, turn.response) for turn in turns] == [
        ("one", "[one]"),
        ("two", "[one | [one] | two]"),
    ]
    assert kinds([message for turn in turns for message in turn.messages]) == ["human", "ai"] * 2


async def test_an_awaited_chain_with_message_history_goes_on(store: AgentStore) -> None:
    config: Any = {"configurable": {"session_id": "s"}}
    await chain_over(store).ainvoke({"question": "one"}, config)
    answer = await chain_over(store).ainvoke({"question": "two"}, config)
    assert answer.text == "[one | [one] | two]"


def test_a_history_is_a_thread_of_the_memory(store: AgentStore) -> None:
    history = StoreChatMessageHistory(store, "s", ADA, max_messages=4)
    for number in range(3):
        history.add_user_message(f"q{number}")
        history.add_ai_message(f"r{number}")
    assert [message.text for message in history.messages] == ["q1", "r1", "q2", "r2"]
    history.clear()
    assert history.messages == []
