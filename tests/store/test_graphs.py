"""Graphs on a plain store: every documented way to reach it, synchronous and not."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.types import Send
from typing_extensions import TypedDict

from langgraph_agentstore import AgentStore
from tests.support.memory_graphs import (
    NOTES,
    Talk,
    afrom_get_store,
    afrom_runtime,
    afrom_signature,
    from_get_store,
    from_runtime,
    from_signature,
    graph_of,
    keep,
    needs_async_contexts,
    thread,
)

Node = Callable[..., Any]

blocking_nodes = pytest.mark.parametrize("node", [from_signature, from_get_store, from_runtime])
awaiting_nodes = pytest.mark.parametrize(
    "node",
    [
        afrom_signature,
        pytest.param(afrom_get_store, marks=needs_async_contexts),
        afrom_runtime,
    ],
)


@blocking_nodes
def test_another_thread_knows_what_one_thread_was_told(store: AgentStore, node: Node) -> None:
    graph = graph_of(node, store)

    assert graph.invoke({"says": "cats purr"}, thread("1"))["knows"] == []
    assert graph.invoke({"says": "dogs bark"}, thread("2"))["knows"] == ["cats purr"]


@awaiting_nodes
async def test_another_thread_knows_what_one_thread_was_told_awaited(
    store: AgentStore, node: Node
) -> None:
    graph = graph_of(node, store)

    assert (await graph.ainvoke({"says": "cats purr"}, thread("1")))["knows"] == []
    assert (await graph.ainvoke({"says": "dogs bark"}, thread("2")))["knows"] == ["cats purr"]


@blocking_nodes
async def test_a_blocking_node_of_an_awaited_graph_reaches_the_store(
    store: AgentStore, node: Node
) -> None:
    graph = graph_of(node, store)

    await graph.ainvoke({"says": "cats purr"}, thread("1"))
    assert (await graph.ainvoke({"says": "dogs bark"}, thread("2")))["knows"] == ["cats purr"]


@blocking_nodes
def test_a_streamed_graph_remembers(store: AgentStore, node: Node) -> None:
    graph = graph_of(node, store)

    list(graph.stream({"says": "cats purr"}, thread("1")))
    updates = list(graph.stream({"says": "dogs bark"}, thread("2"), stream_mode="updates"))

    assert updates == [{"talk": {"knows": ["cats purr"]}}]


@awaiting_nodes
async def test_a_streamed_graph_remembers_awaited(store: AgentStore, node: Node) -> None:
    graph = graph_of(node, store)

    await graph.ainvoke({"says": "cats purr"}, thread("1"))
    streamed = graph.astream({"says": "dogs bark"}, thread("2"), stream_mode="updates")

    assert [update async for update in streamed] == [{"talk": {"knows": ["cats purr"]}}]


def test_one_graph_serves_blocking_and_awaiting_callers_and_several_loops(
    store: AgentStore,
) -> None:
    graph = graph_of(from_signature, store)

    graph.invoke({"says": "first"}, thread("1"))
    asyncio.run(graph.ainvoke({"says": "second"}, thread("2")))
    last = asyncio.run(graph.ainvoke({"says": "third"}, thread("3")))

    assert last["knows"] == ["first", "second"]


def test_a_store_made_before_any_loop_runs_is_compiled_into_a_graph(
    postgres_dsn: str, schema_name: str
) -> None:
    store = AgentStore(postgres_dsn, schema=schema_name)
    graph = graph_of(from_signature, store)

    asyncio.run(graph.ainvoke({"says": "cats purr"}, thread("1")))

    assert graph.invoke({"says": "dogs bark"}, thread("2"))["knows"] == ["cats purr"]
    store.close()


def test_graphs_in_a_thread_pool_share_a_store(store: AgentStore) -> None:
    graph = graph_of(from_signature, store)

    def say(number: int) -> None:
        graph.invoke({"says": f"fact {number}"}, thread(str(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(say, range(32)))

    assert store.count(NOTES) == 32


def test_a_subgraph_reaches_the_store_of_its_parent(store: AgentStore) -> None:
    child = StateGraph(Talk).add_node("talk", from_signature).add_edge(START, "talk").compile()
    graph = graph_of(child, store)

    graph.invoke({"says": "cats purr"}, thread("1"))

    assert graph.invoke({"says": "dogs bark"}, thread("2"))["knows"] == ["cats purr"]


def test_a_graph_invoked_within_a_node_reaches_the_store_of_its_parent(store: AgentStore) -> None:
    child = StateGraph(Talk).add_node("talk", from_signature).add_edge(START, "talk").compile()

    def talk(state: Talk) -> Any:
        return child.invoke({"says": state["says"]})

    graph = graph_of(talk, store)
    graph.invoke({"says": "cats purr"}, thread("1"))

    assert graph.invoke({"says": "dogs bark"}, thread("2"))["knows"] == ["cats purr"]


class Fan(TypedDict, total=False):
    """Branches that each write an item."""

    numbers: list[int]
    done: Annotated[list[int], operator.add]


class Number(TypedDict):
    number: int


def write_number(state: Number, *, store: BaseStore) -> Fan:
    store.put(NOTES, str(state["number"]), {"text": str(state["number"])})
    return {"done": [state["number"]]}


def test_parallel_sends_write_each_its_own_item(store: AgentStore) -> None:
    def fan_out(state: Fan) -> list[Send]:
        return [Send("write", {"number": number}) for number in state["numbers"]]

    builder = StateGraph(Fan).add_node("write", write_number)
    graph = builder.add_conditional_edges(START, fan_out, ["write"]).compile(store=store)
    numbers = list(range(40))

    assert sorted(graph.invoke({"numbers": numbers})["done"]) == numbers
    assert sorted(int(item.key) for item in store.search(NOTES, limit=100)) == numbers


def test_the_functional_api_remembers(store: AgentStore) -> None:
    @task
    def note(says: str) -> Talk:
        from langgraph.config import get_store

        return keep(get_store(), says)

    @entrypoint(store=store, checkpointer=InMemorySaver())
    def talk(says: str) -> Any:
        return note(says).result()

    talk.invoke("cats purr", thread("1"))

    assert talk.invoke("dogs bark", thread("2")) == {"knows": ["cats purr"]}


async def test_the_functional_api_hands_the_store_to_an_awaited_entrypoint(
    store: AgentStore,
) -> None:
    @entrypoint(store=store)
    async def talk(says: str, *, store: BaseStore) -> list[str]:
        await store.aput(NOTES, says, {"text": says})
        return [item.key for item in await store.asearch(NOTES)]

    await talk.ainvoke("cats purr")

    assert await talk.ainvoke("dogs bark") == ["dogs bark", "cats purr"]
