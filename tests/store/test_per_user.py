"""`store.per_user()`: where it finds the user, and that it never does without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langgraph.store.base import BaseStore, Item
from pydantic import BaseModel
from typing_extensions import TypedDict

from langgraph_agentstore import AgentStore, PerUserStore
from langgraph_agentstore.errors import AgentStoreError, MissingUserError
from tests.store.per_user_graphs import OWN, Context, note, owners
from tests.support.memory_graphs import ServerUser, Talk, graph_of, thread
from tests.support.row_security import items_of_all


class DictContext(TypedDict):
    user_id: str


class PydanticContext(BaseModel):
    user_id: str


@pytest.mark.parametrize("name", ["user_id", "langgraph_auth_user_id"])
def test_the_config_names_the_user(store: AgentStore, name: str) -> None:
    graph = graph_of(note, store.per_user())

    graph.invoke({"says": "cats purr"}, thread("1", **{name: "alice"}))

    assert graph.invoke({"says": "again"}, thread("2", **{name: "alice"}))["knows"] == ["cats purr"]
    assert graph.invoke({"says": "again"}, thread("3", **{name: "bob"}))["knows"] == []
    assert owners(store) == {"alice", "bob"}


@pytest.mark.parametrize(
    ("schema", "context"),
    [
        pytest.param(DictContext, {"user_id": "alice"}, id="dict"),
        pytest.param(Context, Context("alice"), id="dataclass"),
        pytest.param(PydanticContext, PydanticContext(user_id="alice"), id="pydantic"),
        pytest.param(PydanticContext, {"user_id": "alice"}, id="pydantic given as dict"),
    ],
)
def test_the_context_names_the_user(store: AgentStore, schema: type, context: object) -> None:
    graph: Any = graph_of(note, store.per_user(), context_schema=schema)

    graph.invoke({"says": "cats purr"}, thread("1"), context=context)

    assert owners(store) == {"alice"}


def test_the_authenticated_user_goes_before_the_configured_one_and_that_of_the_context(
    store: AgentStore,
) -> None:
    graph: Any = graph_of(note, store.per_user(), context_schema=Context)
    context = Context("carol")

    server = {"langgraph_auth_user_id": "bob", "langgraph_auth_user": ServerUser("bob")}
    both = thread("1", user_id="alice", **server)
    graph.invoke({"says": "first"}, both, context=context)
    graph.invoke({"says": "second"}, thread("2", user_id="alice"), context=context)
    graph.invoke({"says": "third"}, thread("3"), context=context)

    texts = {user: store.for_user(user).search(())[0].key for user in owners(store)}
    assert texts == {"bob": "first", "alice": "second", "carol": "third"}


@pytest.mark.parametrize("configurable", [{}, {"user_id": ""}, {"user_id": None}])
def test_a_run_without_a_user_fails_and_writes_nothing(
    store: AgentStore, configurable: dict[str, Any]
) -> None:
    graph = graph_of(note, store.per_user())

    with pytest.raises(MissingUserError, match="user_id"):
        graph.invoke({"says": "cats purr"}, thread("1", **configurable))

    assert items_of_all(store) == []


def test_a_context_without_a_user_is_no_user(store: AgentStore) -> None:
    graph: Any = graph_of(note, store.per_user(), context_schema=Context)

    with pytest.raises(MissingUserError):
        graph.invoke({"says": "cats purr"}, thread("1"), context=Context())

    assert items_of_all(store) == []


def test_a_user_who_is_not_text_is_refused(store: AgentStore) -> None:
    graph = graph_of(note, store.per_user())

    with pytest.raises(AgentStoreError, match="a user id is a string"):
        graph.invoke({"says": "cats purr"}, thread("1", user_id=7))

    assert items_of_all(store) == []


def read_all(store: PerUserStore) -> None:
    for _ in store.iter_items():
        pass


@pytest.mark.parametrize(
    "operation",
    [
        lambda store: store.get(OWN, "key"),
        lambda store: store.put(OWN, "key", {}),
        lambda store: store.delete(OWN, "key"),
        lambda store: store.search(()),
        lambda store: store.list_namespaces(),
        lambda store: store.count(),
        lambda store: store.update(OWN, "key", lambda _: {}),
        lambda store: store.delete_namespace(OWN),
        lambda store: store.load([(OWN, "key", {})]),
        read_all,
    ],
)
def test_no_operation_works_outside_of_graphs(
    store: AgentStore, operation: Callable[[PerUserStore], object]
) -> None:
    store.put(("users", "alice", *OWN), "key", {"is": "there"})

    with pytest.raises(MissingUserError, match="for_user"):
        operation(store.per_user())

    assert [item.value for item in items_of_all(store)] == [{"is": "there"}]


def test_a_walk_through_items_stays_with_the_user_who_began_it(store: AgentStore) -> None:
    for user in ("alice", "bob"):
        store.load((("users", user, "n"), f"k{n}", {"of": user}) for n in range(6))
    walks: list[Iterator[Item]] = []
    seen: list[Item] = []

    def walk(state: Talk, *, store: BaseStore) -> Talk:
        assert isinstance(store, PerUserStore)
        if not walks:
            walks.append(store.iter_items(page_size=2))
            seen.append(next(walks[0]))
        else:
            seen.extend(walks[0])
        return {"knows": []}

    graph = graph_of(walk, store.per_user())
    graph.invoke({"says": "begin"}, thread("1", user_id="alice"))
    graph.invoke({"says": "go on"}, thread("2", user_id="bob"))

    assert [item.value["of"] for item in seen] == ["alice"] * 6
