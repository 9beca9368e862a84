"""What is legal and probably not meant is told once for each store, and changes no result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langgraph.store.base import SearchOp

from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.errors import InvalidOperationError
from langgraph_agentstore.memory_agent import MemoryAgent

NS = ("users", "ann", "notes")
BARE = {"t": {"gt": 1}}


@pytest.fixture
def opened(postgres_dsn: str, schema_name: str) -> Iterator[Callable[..., AgentStore]]:
    made: list[AgentStore] = []

    def open_(**options: Any) -> AgentStore:
        made.append(AgentStore(postgres_dsn, schema=schema_name, **options))
        return made[-1]

    yield open_
    for store in made:
        store.close()


@pytest.fixture
def store(opened: Callable[..., AgentStore]) -> AgentStore:
    store = opened()
    store.put(NS, "k", {"t": 2})
    store.put(NS, "odd", {"t": {"gt": 1}})
    DataStore(store, "ann", "guide").set("record", {"t": 2})
    return store


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was logged so far."""
    caplog.set_level(logging.WARNING, "langgraph_agentstore")
    return lambda: [record.getMessage() for record in caplog.records]


# A query without an index

QUERIES: dict[str, Callable[[AgentStore], Any]] = {
    "search": lambda store: store.search(NS, query="a"),
    "batch": lambda store: store.batch([SearchOp(NS, query="a")]),
    "a user's view": lambda store: store.for_user("ann").search(("notes",), query="a"),
    "data_store": lambda store: DataStore(store, "ann", "guide").search("a"),
}


@pytest.mark.parametrize("surface", QUERIES)
def test_a_query_on_a_store_without_an_index_is_told_once(
    store: AgentStore, told: Callable[[], list[str]], surface: str
) -> None:
    for _ in range(3):
        QUERIES[surface](store)
    (hint,) = told()
    assert "no effect" in hint
    assert "index={'mode': 'text'}" in hint


async def test_an_awaited_query_on_a_store_without_an_index_is_told_once(
    store: AgentStore, told: Callable[[], list[str]]
) -> None:
    await store.asearch(NS, query="a")
    await store.abatch([SearchOp(NS, query="b")])
    await AsyncDataStore(store, "ann", "guide").search("c")
    assert len(told()) == 1


def test_a_query_without_an_index_changes_no_result(store: AgentStore) -> None:
    assert store.search(NS, query="nothing like it") == store.search(NS)


def test_each_store_is_told(
    opened: Callable[..., AgentStore], told: Callable[[], list[str]]
) -> None:
    for _ in range(2):
        opened().search(NS, query="a")
    assert len(told()) == 2


def test_no_query_and_a_store_with_an_index_are_no_reason_to_say_anything(
    opened: Callable[..., AgentStore], told: Callable[[], list[str]]
) -> None:
    plain = opened()
    plain.search(NS)
    plain.search(NS, query="")
    plain.search(NS, query=" \n")
    opened(index={"mode": "text"}).search(NS, query="a")
    assert told() == []


def test_a_conversation_that_cannot_be_searched_says_so(store: AgentStore) -> None:
    with pytest.raises(InvalidOperationError, match="not given an index"):
        ConversationMemory(store, "ann").search("a")


# An operator without its dollar

FILTERS: dict[str, Callable[[AgentStore, Any], Any]] = {
    "search": lambda store, bare: store.search(NS, filter=bare),
    "batch": lambda store, bare: store.batch([SearchOp(NS, filter=bare)]),
    "a user's view": lambda store, bare: store.for_user("ann").search(("notes",), filter=bare),
    "count": lambda store, bare: store.count(NS, filter=bare),
    "iter_items": lambda store, bare: list(store.iter_items(NS, filter=bare)),
    "data_store": lambda store, bare: DataStore(store, "ann", "guide").search(filter=bare),
    "search_memory": lambda store, bare: MemoryAgent(store=store, user_id="ann").search_memory(
        "t/", bare
    ),
    "retrieve_memory": lambda store, bare: MemoryAgent(store=store, user_id="ann").retrieve_memory(
        "t", bare
    ),
}


@pytest.mark.parametrize("surface", FILTERS)
def test_an_operator_without_its_dollar_is_told_once(
    store: AgentStore, told: Callable[[], list[str]], surface: str
) -> None:
    for _ in range(3):
        FILTERS[surface](store, BARE)
    (hint,) = told()
    assert "'t'" in hint
    assert "write $gt" in hint


async def test_an_operator_without_its_dollar_is_told_to_awaiting_callers(
    store: AgentStore, told: Callable[[], list[str]]
) -> None:
    await store.asearch(NS, filter=BARE)
    await store.acount(NS, filter=BARE)
    assert [item async for item in store.aiter_items(NS, filter=BARE)] != []
    assert len(told()) == 1


def test_an_operator_without_its_dollar_is_told_by_an_agent_in_memory(
    told: Callable[[], list[str]],
) -> None:
    with MemoryAgent("memory") as agent:
        agent.store_memory("t", {"t": 2})
        for _ in range(2):
            assert agent.search_memory("t", BARE) == []
    assert len(told()) == 1


def test_what_is_stored_under_such_a_name_is_found(store: AgentStore) -> None:
    assert [item.key for item in store.search(NS, filter=BARE)] == ["odd"]


def test_a_hint_has_no_operand(store: AgentStore, told: Callable[[], list[str]]) -> None:
    store.search(NS, filter={"t": {"eq": "a secret"}})
    assert "a secret" not in told()[0]
