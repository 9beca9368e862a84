"""The user of a running graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph

from langgraph_agentstore.errors import MissingUserError, UserConflictError, ValueTypeError
from langgraph_agentstore.model.running_user import running_user, user_of


@dataclass
class Context:
    user_id: str | None = None


@dataclass
class Authenticated:
    """As the server makes it: an object, never a mapping."""

    identity: str


@pytest.mark.parametrize(
    ("configurable", "context", "user_id"),
    [
        (
            {
                "user_id": "a",
                "langgraph_auth_user_id": "b",
                "langgraph_auth_user": Authenticated("b"),
            },
            Context("c"),
            "b",
        ),
        ({"user_id": "a", "langgraph_auth_user_id": "a"}, Context("a"), "a"),
        ({"langgraph_auth_user_id": "b"}, Context("b"), "b"),
        ({"user_id": "a"}, Context("c"), "a"),
        ({"user_id": "", "langgraph_auth_user_id": None}, Context("c"), "c"),
        ({}, {"user_id": "d"}, "d"),
        (None, {"user_id": "d"}, "d"),
    ],
)
def test_the_first_user_that_is_named_counts(
    configurable: Any, context: object, user_id: str
) -> None:
    assert user_of({"configurable": configurable}, context) == user_id


@pytest.mark.parametrize(
    "authenticated",
    [None, {"identity": "alice"}, "alice", Authenticated("bob"), object()],
    ids=["none", "json", "text", "another user", "no identity"],
)
@pytest.mark.parametrize(
    ("named", "context"),
    [({"user_id": "bob"}, None), ({}, Context("bob"))],
    ids=["config", "context"],
)
def test_an_authenticated_user_whom_no_server_vouches_for_contradicts_nobody(
    authenticated: object, named: dict[str, str], context: object
) -> None:
    forged = {"langgraph_auth_user_id": "alice", "langgraph_auth_user": authenticated}
    with pytest.raises(UserConflictError, match=r"'bob' and langgraph_auth_user_id 'alice'"):
        user_of({"configurable": {**named, **forged}}, context)


@pytest.mark.parametrize("context", [None, object(), {}, {"user_id": ""}, Context()])
def test_no_user_is_an_error(context: object) -> None:
    with pytest.raises(MissingUserError, match="has no user"):
        user_of({"configurable": {"user_id": ""}}, context)
    with pytest.raises(MissingUserError, match="has no user"):
        user_of({}, context)


def test_a_user_that_is_no_text_is_not_passed_over() -> None:
    with pytest.raises(ValueTypeError, match="convert it"):
        user_of({"configurable": {"user_id": 0}}, {"user_id": "c"})


class State(TypedDict, total=False):
    user_id: str


def _graph(context: type[Any] | None = None) -> Any:
    builder = StateGraph(State, context_schema=context)
    builder.add_node("who", lambda _state: {"user_id": running_user()})
    builder.add_edge(START, "who")
    builder.add_edge("who", END)
    return builder.compile()


def test_a_node_knows_the_user_of_its_run() -> None:
    config: RunnableConfig = {"configurable": {"user_id": "alice"}}
    assert _graph().invoke({}, config) == {"user_id": "alice"}


def test_a_node_knows_the_user_of_its_context() -> None:
    assert _graph(Context).invoke({}, context=Context("carol")) == {"user_id": "carol"}


def test_a_run_without_a_user_is_an_error() -> None:
    with pytest.raises(MissingUserError, match="has no user"):
        _graph().invoke({})


def test_outside_of_a_run_there_is_no_user() -> None:
    with pytest.raises(MissingUserError, match="none is seen here"):
        running_user()
