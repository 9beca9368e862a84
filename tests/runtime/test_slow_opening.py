"""Opening a store takes as long as it takes: no deadline of a call counts it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import (
    ConversationMemory,
    RecallConversation,
    recall_conversation,
    remember_conversation,
)
from langgraph_agentstore.conversations.background_saver import awaiting_savers
from langgraph_agentstore.store.step_driver import run
from tests.conversations.talking import tell
from tests.support.faults import hung_host
from tests.support.proxy import Proxy

OPENING_S = 0.6
DEADLINE_S = 0.2
CONNECTING_S = 0.5


@pytest.fixture
def proxy(postgres_dsn: str, schema_name: str) -> Iterator[Proxy]:
    """Before a server with the store's tables, where one turn was said."""
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        ConversationMemory(store, "ann").save_turn("My cat is called Turing.", "Fine.", "monday")
    with Proxy(postgres_dsn) as proxy:
        yield proxy


@contextmanager
def opening_slowly(proxy: Proxy) -> Iterator[None]:
    """Whoever connects meanwhile is served after `OPENING_S`."""
    proxy.stall()
    timer = threading.Timer(OPENING_S, proxy.resume)
    timer.start()
    yield
    timer.join()


def recalled(recall: RecallConversation) -> Any:
    state = {"messages": [HumanMessage("Who purrs?")]}
    return recall(state, {"configurable": {"thread_id": "friday"}})


def test_recalling_waits_for_the_store_to_open(proxy: Proxy, schema_name: str) -> None:
    store = AgentStore(proxy.dsn, schema=schema_name)
    recall = recall_conversation(store, mode="latest", user_id="ann", timeout_s=DEADLINE_S)
    with opening_slowly(proxy):
        update = recalled(recall)
    store.close()
    assert "Turing" in update["messages"][1].text
    assert recall.failures == 0


async def test_recalling_as_middleware_waits_for_the_store_to_open(
    proxy: Proxy, schema_name: str
) -> None:
    store = AgentStore(proxy.dsn, schema=schema_name)
    recall: Any = recall_conversation(store, mode="latest", user_id="ann", timeout_s=DEADLINE_S)
    runtime: Any = None
    with opening_slowly(proxy):
        update = await recall.abefore_agent({"messages": [HumanMessage("Who purrs?")]}, runtime, {})
    await store.aclose()
    assert update is not None
    assert "Turing" in update["messages"][1].text


def test_a_database_that_could_not_be_opened_is_not_waited_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("langgraph_agentstore.conversations.timed_recall.REST_S", 0.0)
    with hung_host() as port:
        store = AgentStore(
            f"postgresql://postgres@127.0.0.1:{port}/postgres",
            pool={"connect_timeout_s": CONNECTING_S},
        )
        recall = recall_conversation(store, mode="latest", user_id="ann", timeout_s=0.01)
        assert recalled(recall) is None
        begun = time.monotonic()
        assert recalled(recall) is None
        assert time.monotonic() - begun < CONNECTING_S
        assert recall.failures == 2
        store.close()


def test_readers_wait_for_turns_accepted_before_the_store_was_open(
    proxy: Proxy, schema_name: str
) -> None:
    store = AgentStore(proxy.dsn, schema=schema_name)
    node = remember_conversation(store)
    with opening_slowly(proxy):
        tell(node, "friday", "Who purrs?")
        run(awaiting_savers(store, timeout_s=DEADLINE_S))
        assert node.stats().saved == 1
    store.close()


def test_a_saver_drains_into_a_store_that_opens_slowly(proxy: Proxy, schema_name: str) -> None:
    store = AgentStore(proxy.dsn, schema=schema_name)
    node = remember_conversation(store, drain_timeout_s=DEADLINE_S)
    with opening_slowly(proxy):
        tell(node, "friday", "Who purrs?")
        store.close()
    assert (node.stats().saved, node.stats().lost) == (1, 0)


def test_waiting_for_a_lock_begins_when_the_store_is_open(
    proxy: Proxy, postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as holding:
        lock = DataStore(holding, "ann", "first").lock("job").acquire()
        store = AgentStore(proxy.dsn, schema=schema_name)
        free = threading.Timer(OPENING_S + DEADLINE_S, lock.release)
        with opening_slowly(proxy):
            free.start()
            second = DataStore(store, "ann", "second").lock("job", wait_s=OPENING_S)
            with second:
                assert second.held
        store.close()
