"""`data_store()` in graphs: whose records it reaches, and under which agent's name."""

# No `from __future__ import annotations`: nodes and tools read their annotations.
import asyncio
import contextvars
import operator
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.config import get_store
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.store.memory import InMemoryStore
from langgraph.types import Send
from typing_extensions import TypedDict

from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import AsyncDataStore, DataStore, data_store
from langgraph_agentstore.errors import ConfigurationError, MissingUserError
from tests.support.memory_graphs import ServerUser, needs_async_contexts
from tests.support.row_security import items_of_all

ALICE: RunnableConfig = {"configurable": {"user_id": "alice"}}


class State(TypedDict, total=False):
    """What nodes are given and say; branches may say at once."""

    key: str
    said: Annotated[list[str], operator.add]


def remember(state: State) -> State:
    data_store().set(state["key"], "remembered")
    return {"said": [data_store().get(state["key"])]}


async def aremember(state: State) -> State:
    """As an agent's author writes it: no await."""
    data_store().set(state["key"], "remembered")
    return {"said": [data_store().get(state["key"])]}


def graph_of(store: Any, **nodes: Any) -> Any:
    """The nodes, all at once, by their names."""
    builder = StateGraph(State)
    for name, node in nodes.items():
        builder.add_node(name, node).add_edge(START, name)
    return builder.compile(store=store)


def names_at(store: AgentStore, key: str, user: str = "alice") -> tuple[Any, Any]:
    """Who created a record, and who touched it last."""
    record = DataStore(store, user, None).record(key)
    assert record is not None
    return record.created_by_agent, record.last_accessed_by_agent


def users_of(store: AgentStore) -> set[str]:
    return {item.namespace[1] for item in items_of_all(store)}


# Nodes


def test_a_node_finds_the_store_the_user_and_its_name(store: AgentStore) -> None:
    graph = graph_of(store, librarian=remember)

    assert graph.invoke({"key": "k"}, ALICE)["said"] == ["remembered"]

    assert names_at(store, "k") == ("librarian", "librarian")
    assert DataStore(store, "alice", None).get_all() == {"k": "remembered"}
    assert users_of(store) == {"alice"}


@needs_async_contexts
async def test_an_async_node_calls_it_without_await(store: AgentStore) -> None:
    graph = graph_of(store, librarian=aremember)

    assert (await graph.ainvoke({"key": "k"}, ALICE))["said"] == ["remembered"]

    assert names_at(store, "k") == ("librarian", "librarian")


async def test_a_blocking_node_of_an_awaited_graph_finds_the_same(store: AgentStore) -> None:
    await graph_of(store, librarian=remember).ainvoke({"key": "k"}, ALICE)

    assert names_at(store, "k") == ("librarian", "librarian")


@needs_async_contexts
async def test_an_async_node_may_await(store: AgentStore) -> None:
    async def librarian(state: State) -> State:
        here = data_store()
        data = AsyncDataStore(store, here.user_id, here.agent_name, "files:my-repo")
        await data.set(state["key"], 1)
        return {"said": await data.list_keys()}

    graph = graph_of(store, librarian=librarian)

    assert (await graph.ainvoke({"key": "k"}, ALICE))["said"] == ["k"]
    assert store.search(("users", "alice", "files", "my-repo"))[0].value == {"value": 1}


def test_a_node_may_say_what_the_graph_would(store: AgentStore) -> None:
    log: list[Any] = []

    def librarian(state: State) -> State:
        data = data_store(
            "files:my-repo", user_id="bob", agent_name="other", ops_log=log, access="write"
        )
        data.set(state["key"], 1)
        return {"said": [repr(data), data.access]}

    said = graph_of(store, librarian=librarian).invoke({"key": "k"}, ALICE)["said"]

    wanted = "DataStore(user_id='bob', namespace='files:my-repo', agent_name='other')"
    assert said == [wanted, "write"]
    assert users_of(store) == {"bob"}
    assert [entry["agent"] for entry in log] == ["other"]


@pytest.mark.parametrize(
    ("configurable", "user"),
    [
        (
            {
                "user_id": "alice",
                "langgraph_auth_user_id": "bob",
                "langgraph_auth_user": ServerUser("bob"),
            },
            "bob",
        ),
        ({"user_id": "a:b"}, "a:b"),
        ({"user_id": "a.b/c%3A d"}, "a.b/c%3A d"),
    ],
)
def test_the_user_is_found_as_per_user_finds_it(
    store: AgentStore, configurable: dict[str, Any], user: str
) -> None:
    graph_of(store, librarian=remember).invoke({"key": "k"}, {"configurable": configurable})

    assert DataStore(store, user, None).list_keys() == ["k"]
    assert users_of(store) == {user}


def test_parallel_nodes_have_their_own_names(store: AgentStore) -> None:
    def own(state: State) -> State:
        data = data_store()
        data.set(f"by {data.agent_name}", 1)
        return {}

    graph_of(store, **{f"node {n}": own for n in range(8)}).invoke({"key": ""}, ALICE)

    assert [names_at(store, f"by node {n}")[0] for n in range(8)] == [f"node {n}" for n in range(8)]


def test_sends_have_the_name_of_the_node_they_are_sent_to(store: AgentStore) -> None:
    builder = StateGraph(State).add_node("worker", remember)
    sends = [Send("worker", {"key": str(n)}) for n in range(8)]
    builder.add_conditional_edges(START, lambda _: sends, ["worker"])

    builder.compile(store=store).invoke({}, ALICE)

    assert {names_at(store, str(n))[0] for n in range(8)} == {"worker"}


def test_what_a_node_runs_within_has_the_nodes_name(store: AgentStore) -> None:
    chain = RunnableLambda(remember) | RunnableLambda(lambda state: state)

    graph_of(store, librarian=chain).invoke({"key": "k"}, ALICE)

    assert names_at(store, "k") == ("librarian", "librarian")


# Nested graphs


@pytest.mark.parametrize("as_node", [True, False], ids=["as a node", "invoked in a node"])
def test_a_nested_graph_keeps_the_user_and_uses_its_own_names(
    store: AgentStore, as_node: bool
) -> None:
    builder = StateGraph(State).add_node("inner", remember).add_edge(START, "inner")
    child = builder.compile()

    def invoking(state: State) -> State:
        data_store().set("before", 1)
        child.invoke({"key": state["key"]})
        data_store().set("after", 1)
        return {}

    graph_of(store, outer=child if as_node else invoking).invoke({"key": "k"}, ALICE)

    assert names_at(store, "k") == ("inner", "inner")
    assert users_of(store) == {"alice"}
    if not as_node:
        assert [names_at(store, key)[0] for key in ("before", "after")] == ["outer", "outer"]


@needs_async_contexts
async def test_a_nested_graph_of_an_awaited_one_does_so_too(store: AgentStore) -> None:
    child = StateGraph(State).add_node("inner", aremember).add_edge(START, "inner").compile()

    async def outer(state: State) -> State:
        await child.ainvoke({"key": state["key"]})
        data_store().get(state["key"])
        return {}

    await graph_of(store, outer=outer).ainvoke({"key": "k"}, ALICE)

    assert names_at(store, "k") == ("inner", "outer")


def test_a_graph_three_deep_does_so_too(store: AgentStore) -> None:
    graph: Any = remember
    for name in ("deepest", "middle", "outer"):
        graph = graph_of(store if name == "outer" else None, **{name: graph})

    graph.invoke({"key": "k"}, ALICE)

    assert names_at(store, "k") == ("deepest", "deepest")


# The functional interface


def test_tasks_and_entrypoints_have_their_own_names(store: AgentStore) -> None:
    @task
    def fetch(key: str) -> str:
        data_store().set(key, 1)
        return key

    @entrypoint(store=store)
    def collect(keys: list[str]) -> list[str]:
        data_store().set("collected", 1)
        return [future.result() for future in [fetch(key) for key in keys]]

    assert collect.invoke(["a", "b"], ALICE) == ["a", "b"]

    assert [names_at(store, key)[0] for key in ("a", "b")] == ["fetch", "fetch"]
    assert names_at(store, "collected")[0] == "collect"


@needs_async_contexts
async def test_awaited_tasks_have_their_own_names(store: AgentStore) -> None:
    @task
    async def fetch(key: str) -> str:
        data_store().set(key, 1)
        return key

    @entrypoint(store=store)
    async def collect(keys: list[str]) -> list[str]:
        return list(await asyncio.gather(*[fetch(key) for key in keys]))

    await collect.ainvoke(["a", "b"], ALICE)

    assert [names_at(store, key)[0] for key in ("a", "b")] == ["fetch", "fetch"]


# Views


def test_a_graph_with_the_running_users_view_reaches_the_same_records(store: AgentStore) -> None:
    graph_of(store.per_user(), librarian=remember).invoke({"key": "k"}, ALICE)

    assert names_at(store, "k") == ("librarian", "librarian")
    assert users_of(store) == {"alice"}


@pytest.mark.parametrize("config", [None, ALICE], ids=["no user", "another user"])
def test_a_graph_with_one_users_view_has_that_user_whatever_it_runs_for(
    store: AgentStore, config: Any
) -> None:
    graph_of(store.for_user("bob"), librarian=remember).invoke({"key": "k"}, config)

    assert names_at(store, "k", "bob") == ("librarian", "librarian")
    assert users_of(store) == {"bob"}


def test_what_a_node_puts_and_what_it_sets_is_the_same(store: AgentStore) -> None:
    def librarian(state: State) -> State:
        get_store().put(("users", "alice", "files", "my-repo"), "put", {"by": "put"})
        files = data_store("files:my-repo")
        files.set("set", {"by": "set"})
        found = get_store().search(("users", "alice", "files", "my-repo"))
        return {"said": sorted([*files.list_keys(), *[item.key for item in found]])}

    said = graph_of(store, librarian=librarian).invoke({"key": ""}, ALICE)["said"]

    assert said == ["put", "put", "set", "set"]


# Where something is missing


@pytest.mark.parametrize("of", [lambda s: s, lambda s: s.per_user()], ids=["store", "per_user"])
@pytest.mark.parametrize("configurable", [{}, {"user_id": ""}, {"user_id": None}], ids=repr)
def test_a_run_without_a_user_fails_and_writes_nothing(
    store: AgentStore, of: Callable[[AgentStore], Any], configurable: dict[str, Any]
) -> None:
    with pytest.raises(MissingUserError, match="user_id"):
        graph_of(of(store), librarian=remember).invoke({"key": "k"}, {"configurable": configurable})

    assert items_of_all(store) == []


@pytest.mark.parametrize("other", [None, InMemoryStore()], ids=["no store", "another store"])
def test_a_graph_without_an_agent_store_fails(other: Any) -> None:
    with pytest.raises(ConfigurationError, match="store="):
        graph_of(other, librarian=remember).invoke({"key": "k"}, ALICE)


def test_a_graph_without_a_store_may_be_given_one(store: AgentStore) -> None:
    def librarian(state: State) -> State:
        data_store(store=store).set(state["key"], 1)
        return {}

    graph_of(None, librarian=librarian).invoke({"key": "k"}, ALICE)

    assert names_at(store, "k") == ("librarian", "librarian")


def test_outside_of_graphs_there_is_neither_a_store_nor_a_user(store: AgentStore) -> None:
    with pytest.raises(ConfigurationError, match="DataStore"):
        data_store()
    with pytest.raises(MissingUserError, match="for_user"):
        data_store(store=store)

    assert data_store(store=store, user_id="alice").agent_name == "unknown"


# Threads and loops


def test_worker_threads_with_the_nodes_context_have_its_user_and_name(store: AgentStore) -> None:
    def librarian(state: State) -> State:
        contexts = [contextvars.copy_context() for _ in range(8)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda c: c.run(remember, {"key": str(id(c))}), contexts))
        return {"said": data_store().list_keys()}

    said = graph_of(store, librarian=librarian).invoke({"key": ""}, ALICE)["said"]

    assert len(said) == 8
    assert {names_at(store, key)[0] for key in said} == {"librarian"}


def test_worker_threads_share_the_object_that_a_node_made(store: AgentStore) -> None:
    def librarian(state: State) -> State:
        data = data_store()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: data.increment("n", n), [1] * 40))
        return {"said": [str(data.get("n"))]}

    graph = graph_of(store, librarian=librarian)

    assert graph.invoke({"key": ""}, ALICE)["said"] == ["40"]


async def test_an_agent_calls_it_without_await_on_the_running_loops_thread(
    store: AgentStore,
) -> None:
    async def run(input_dict: dict[str, Any], tools: dict[str, Any]) -> dict[str, Any]:
        data = tools["data_store"]
        data.set("k", input_dict)
        for _ in range(3):
            data.increment("n")
            await asyncio.sleep(0)
        return {"data": data.get("k"), "thread": threading.get_ident()}

    agents = [DataStore(store, "alice", f"agent {n}") for n in range(5)]
    answers = await asyncio.gather(*[run({"a": 1}, {"data_store": data}) for data in agents])

    assert answers == [{"data": {"a": 1}, "thread": threading.get_ident()}] * 5
    assert agents[0].get("n") == 15


def test_one_store_serves_two_loops_at_once(store: AgentStore) -> None:
    data = AsyncDataStore(store, "alice", "agent")
    together = threading.Barrier(2)

    async def count_up(name: str) -> list[str]:
        together.wait(timeout=20)
        for _ in range(20):
            await asyncio.gather(data.increment("n"), data.append("list", name))
        return [key async for key, _ in data.items()]

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(asyncio.run, count_up(name)) for name in ("one", "two")]
        assert [each.result() for each in done] == [["list", "n"]] * 2

    assert DataStore(store, "alice", None).get("n") == 40
    assert sorted(DataStore(store, "alice", None).get("list")) == ["one"] * 20 + ["two"] * 20


def test_one_object_is_used_by_one_loop_after_another(store: AgentStore) -> None:
    data = AsyncDataStore(store, "alice", "agent")

    assert [asyncio.run(data.increment("n")) for _ in range(3)] == [1, 2, 3]


@needs_async_contexts
async def test_runs_of_many_users_at_once_stay_apart(store: AgentStore) -> None:
    async def librarian(state: State) -> State:
        data_store().set("me", state["key"])
        await asyncio.sleep(0)
        return {"said": [data_store().get("me")]}

    graph = graph_of(store, librarian=librarian)
    users = [f"user:{n}" for n in range(50)]
    answers = await asyncio.gather(
        *[graph.ainvoke({"key": user}, {"configurable": {"user_id": user}}) for user in users]
    )

    assert [answer["said"] for answer in answers] == [[user] for user in users]
    assert users_of(store) == set(users)
