"""A database that is down or slow costs the memory of a reply, and never the reply."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from langchain.agents import create_agent
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, recall_conversation
from tests.conversations.talking import config_of
from tests.support.memory_graphs import needs_async_contexts
from tests.support.scripted_chat import ScriptedChat
from tests.support.servers import TestServer

ADA = "ada@example.org"
ASKED: dict[str, Any] = {"messages": [("user", "What is my cat called?")]}
QUICK_S = 8.0
"""Far above the time limit of a recall, far below those of the store."""


def filled(server: TestServer) -> AgentStore:
    store = AgentStore(server.dsn, index={"mode": "text"})
    for user in (ADA, "bob"):
        ConversationMemory(store, user).save_turn("My cat is called Turing.", "", "monday")
    return store


def agent_over(store: AgentStore, recall: Any, chat: ScriptedChat) -> Any:
    return create_agent(chat, [], middleware=[recall], store=store)


def graph_over(store: AgentStore, recall: Any, chat: ScriptedChat) -> Any:
    builder = StateGraph(MessagesState).add_node("recall", recall)
    builder.add_node("answer", lambda state: {"messages": [chat.invoke(state["messages"])]})
    return builder.add_edge(START, "recall").add_edge("recall", "answer").compile(store=store)


def is_shown(messages: Any) -> bool:
    return "Turing" in str(messages)


@needs_async_contexts
@pytest.mark.parametrize("build", [agent_over, graph_over])
async def test_a_server_that_hangs_delays_a_reply_by_the_time_limit(
    disposable_server: TestServer, build: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = await asyncio.to_thread(filled, disposable_server)
    recall, chat = recall_conversation(mode="relevant", timeout_s=0.5), ScriptedChat()
    graph = build(store, recall, chat)
    await graph.ainvoke(ASKED, config_of(ADA, "a"))
    disposable_server.freeze()
    try:
        begun = time.monotonic()
        for user in (ADA, "bob"):
            shown = await graph.ainvoke(ASKED, config_of(user, "b"))
            assert shown["messages"][-1].text == "noted"
        assert time.monotonic() - begun < QUICK_S
    finally:
        disposable_server.thaw()
    assert [is_shown(each) for each in chat.shown] == [True, False, False]
    # The second was not even tried.
    assert recall.failures == 1
    assert "no answer within 0.5 s" in caplog.text
    await store.aclose()


@pytest.mark.parametrize("build", [agent_over, graph_over])
def test_a_server_that_was_killed_costs_no_reply(
    disposable_server: TestServer, build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langgraph_agentstore.conversations.timed_recall.REST_S", 0.0)
    store = filled(disposable_server)
    recall, chat = recall_conversation(mode="both", timeout_s=0.5), ScriptedChat()
    graph = build(store, recall, chat)
    disposable_server.kill()
    graph.invoke(ASKED, config_of(ADA, "a"))
    assert recall.failures == 1
    disposable_server.restart()
    deadline = time.monotonic() + 60
    while not is_shown(chat.shown[-1]) and time.monotonic() < deadline:
        graph.invoke(ASKED, config_of(ADA, "a"))
    assert is_shown(chat.shown[-1])
    store.close()


@needs_async_contexts
async def test_a_cancelled_run_ends_at_once_and_harms_no_other(
    disposable_server: TestServer,
) -> None:
    store = await asyncio.to_thread(filled, disposable_server)
    recall, chat = recall_conversation(mode="relevant", timeout_s=20), ScriptedChat()
    agent = agent_over(store, recall, chat)
    await agent.ainvoke(ASKED, config_of(ADA, "a"))
    disposable_server.freeze()
    try:
        runs = [
            asyncio.create_task(agent.ainvoke(ASKED, config_of(user, "b"))) for user in (ADA, "bob")
        ]
        await asyncio.wait(runs, timeout=0.3)
        runs[0].cancel()
        begun = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await runs[0]
        assert time.monotonic() - begun < 2
    finally:
        disposable_server.thaw()
    await runs[1]
    assert is_shown(chat.shown[-1])
    assert recall.failures == 0
    await store.aclose()


def test_a_failure_of_one_recall_concerns_no_other(
    postgres_dsn: str, schema_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    def count(messages: Any) -> int:
        if "poison" in messages[0].text:
            raise RuntimeError("cannot count this")
        return 1

    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        for user, cat in ((ADA, "poison"), ("bob", "Turing")):
            ConversationMemory(store, user).save_turn(f"My cat is called {cat}.", "", "monday")
        recall: Any = recall_conversation(mode="relevant", token_counter=count)
        chat = ScriptedChat()
        agent = agent_over(store, recall, chat)
        for user in (ADA, "bob"):
            agent.invoke(ASKED, config_of(user, "a"))
    assert [is_shown(each) for each in chat.shown] == [False, True]
    assert recall.failures == 1
    assert "cannot count this" in caplog.text


def test_a_subgraph_and_a_sent_task_recall_as_a_node_does(
    postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        ConversationMemory(store, ADA).save_turn("My cat is called Turing.", "", "monday")
        chat = ScriptedChat()
        inner = agent_over(store, recall_conversation(mode="relevant"), chat)
        builder = StateGraph(MessagesState).add_node("inner", inner)
        builder.add_conditional_edges(START, lambda state: [Send("inner", state)], ["inner"])
        outer: Any = builder.compile(store=store)
        outer.invoke(ASKED, config_of(ADA, "a"))
    assert is_shown(chat.shown[0])
