"""`store.per_user()`, however deep, parallel or concurrent the call is."""

# No `from __future__ import annotations`: the nodes are made in the tests.
import asyncio
import contextvars
import operator
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.types import Send
from typing_extensions import TypedDict

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import MissingUserError
from tests.store.per_user_graphs import OWN, Context, anote, note, owners
from tests.support.memory_graphs import Talk, graph_of, keep, needs_async_contexts, thread
from tests.support.row_security import items_of_all


@needs_async_contexts
async def test_awaited_runs_of_many_users_at_once_stay_apart(store: AgentStore) -> None:
    graph = graph_of(anote, store.per_user())

    async def say(user: str, says: str) -> list[str]:
        answer = await graph.ainvoke({"says": says}, thread(f"{user} {says}", user_id=user))
        knows: list[str] = answer["knows"]
        return knows

    users = [f"user-{number}" for number in range(50)]
    await asyncio.gather(*(say(user, f"I am {user}") for user in users))
    known = await asyncio.gather(*(say(user, "who am I?") for user in users))

    assert known == [[f"I am {user}"] for user in users]


def test_runs_of_many_users_in_threads_stay_apart(store: AgentStore) -> None:
    graph = graph_of(note, store.per_user())
    users = [f"user-{number}" for number in range(16)]
    together = threading.Barrier(len(users))

    def say(user: str) -> list[str]:
        graph.invoke({"says": f"I am {user}"}, thread(f"{user} tells", user_id=user))
        together.wait(timeout=20)
        answer = graph.invoke({"says": "who am I?"}, thread(f"{user} asks", user_id=user))
        knows: list[str] = answer["knows"]
        return knows

    with ThreadPoolExecutor(len(users)) as pool:
        assert list(pool.map(say, users)) == [[f"I am {user}"] for user in users]


@pytest.mark.parametrize("as_node", [True, False], ids=["as a node", "invoked in a node"])
def test_a_nested_graph_has_the_user_of_its_parent(store: AgentStore, as_node: bool) -> None:
    child = StateGraph(Talk).add_node("talk", note).add_edge(START, "talk").compile()
    node = child if as_node else lambda state: child.invoke({"says": state["says"]})
    graph = graph_of(node, store.per_user())

    graph.invoke({"says": "cats purr"}, thread("1", user_id="alice"))

    assert owners(store) == {"alice"}


def test_a_nested_graph_has_the_user_of_its_parents_context(store: AgentStore) -> None:
    builder = StateGraph(Talk, context_schema=Context)
    child = builder.add_node("talk", note).add_edge(START, "talk").compile()
    graph: Any = graph_of(child, store.per_user(), context_schema=Context)

    graph.invoke({"says": "cats purr"}, thread("1"), context=Context("alice"))

    assert owners(store) == {"alice"}


class Fan(TypedDict, total=False):
    """Branches that each write an item."""

    numbers: list[int]
    done: Annotated[list[int], operator.add]


def test_parallel_branches_have_the_user_of_their_run(store: AgentStore) -> None:
    def branch(number: int) -> Callable[..., Fan]:
        def write(state: Fan, *, store: BaseStore) -> Fan:
            store.put(OWN, str(number), {})
            return {"done": [number]}

        return write

    builder = StateGraph(Fan)
    for number in range(8):
        builder.add_node(f"branch {number}", branch(number)).add_edge(START, f"branch {number}")
    graph = builder.compile(store=store.per_user())

    graph.invoke({}, thread("1", user_id="alice"))

    assert store.for_user("alice").count(OWN) == len(items_of_all(store)) == 8


@needs_async_contexts
@pytest.mark.parametrize("user_id", ["alice", "bob"])
async def test_sends_have_the_user_of_their_run(store: AgentStore, user_id: str) -> None:
    async def write(state: dict[str, int], *, store: BaseStore) -> Fan:
        await store.aput(OWN, str(state["number"]), {})
        return {"done": [state["number"]]}

    def fan_out(state: Fan) -> list[Send]:
        return [Send("write", {"number": number}) for number in state["numbers"]]

    builder = StateGraph(Fan).add_node("write", write)
    builder.add_conditional_edges(START, fan_out, ["write"])
    graph = builder.compile(store=store.per_user())

    await graph.ainvoke({"numbers": list(range(20))}, thread("1", user_id=user_id))

    assert store.for_user(user_id).count(OWN) == len(items_of_all(store)) == 20


def test_a_streamed_run_keeps_its_user_between_two_steps_of_another(store: AgentStore) -> None:
    builder = StateGraph(Talk).add_node("first", note).add_node("second", note)
    builder.add_edge(START, "first").add_edge("first", "second")
    graph = builder.compile(store=store.per_user())

    alices = graph.stream({"says": "alice"}, thread("1", user_id="alice"))
    bobs = graph.stream({"says": "bob"}, thread("2", user_id="bob"))
    steps = [next(alices), next(bobs), next(alices), next(bobs)]

    assert [update[node]["knows"] for update in steps for node in update] == [
        [],
        [],
        ["alice"],
        ["bob"],
    ]


def test_threads_that_copy_the_context_have_the_user(store: AgentStore) -> None:
    def talk(state: Talk, *, store: BaseStore) -> Talk:
        with ThreadPoolExecutor(2) as pool:
            contexts = [contextvars.copy_context() for _ in range(4)]
            list(pool.map(lambda c: c.run(keep, store, str(id(c)), OWN), contexts))
        return {}

    graph_of(talk, store.per_user()).invoke({"says": ""}, thread("1", user_id="alice"))

    assert store.for_user("alice").count(OWN) == len(items_of_all(store)) == 4


def test_threads_that_do_not_copy_the_context_fail_and_write_nothing(store: AgentStore) -> None:
    def talk(state: Talk, *, store: BaseStore) -> Talk:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(keep, store, "cats purr", OWN).result()

    with pytest.raises(MissingUserError, match="none is seen here"):
        graph_of(talk, store.per_user()).invoke({"says": ""}, thread("1", user_id="alice"))

    assert items_of_all(store) == []


def test_a_runnables_batch_has_the_user(store: AgentStore) -> None:
    def talk(state: Talk, *, store: BaseStore) -> Talk:
        writer: RunnableLambda[str, Talk] = RunnableLambda(lambda says: keep(store, says, OWN))
        writer.batch(["a", "b", "c"])
        return {}

    graph_of(talk, store.per_user()).invoke({"says": ""}, thread("1", user_id="alice"))

    assert store.for_user("alice").count(OWN) == len(items_of_all(store)) == 3


def test_the_functional_api_has_the_user(store: AgentStore) -> None:
    @task
    def write(says: str) -> Any:
        from langgraph.config import get_store

        return keep(get_store(), says, OWN)

    @entrypoint(store=store.per_user())
    def talk(says: str) -> list[Any]:
        return [future.result() for future in [write(f"{says} {n}") for n in range(3)]]

    talk.invoke("fact", {"configurable": {"user_id": "alice"}})

    assert store.for_user("alice").count(OWN) == len(items_of_all(store)) == 3


def test_no_tuple_reaches_another_user(store: AgentStore) -> None:
    store.put(("users", "bob", "notes"), "secret", {"text": "bob's"})
    store.put(("docs",), "shared", {"text": "everyone's"})
    reached: list[object] = []

    def pry(state: Talk, *, store: BaseStore) -> Talk:
        for labels in [("users", "bob", "notes"), ("bob", "notes"), ("notes",), ("docs",)]:
            reached.extend([store.get(labels, "secret"), store.get(labels, "shared")])
            reached.extend(store.search(labels))
        reached.extend([*store.search(()), *store.list_namespaces()])
        return {}

    graph_of(pry, store.per_user()).invoke({"says": ""}, thread("1", user_id="alice"))

    assert reached == [None] * 8
