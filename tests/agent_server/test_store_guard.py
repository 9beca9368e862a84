"""The guard of the Agent Server's store routes, decided without a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph_sdk import Auth

from langgraph_agentstore.agent_server import ACTIONS, guard_store, unguarded_actions
from langgraph_agentstore.errors import ConfigurationError
from langgraph_agentstore.model.users import template_scope

Forbidden = Auth.exceptions.HTTPException

LABELS = st.lists(st.sampled_from(["users", "alice", "bob", "docs", "*", "notes", "a%2Eb"]))


@dataclass
class User:
    identity: str


@dataclass
class Context:
    """As the server gives it to a handler."""

    user: User
    permissions: list[str] = field(default_factory=list)


async def ask(auth: Auth, action: str, namespace: Any, user: str = "alice", *rights: str) -> Any:
    """The namespace that the server would use; raises what it would answer with."""
    value = {"namespace": namespace}
    (handler,) = auth._handlers[("store", action)]
    await handler(ctx=Context(User(user), list(rights)), value=value)
    return value["namespace"]


def guarded(**options: Any) -> Auth:
    auth = Auth()
    guard_store(auth, **options)
    return auth


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_users_own_namespaces_are_left_as_they_are(action: str) -> None:
    auth = guarded()
    for own in (("users", "alice"), ("users", "alice", "notes"), ["users", "alice", "users"]):
        assert await ask(auth, action, own) == tuple(own)


@pytest.mark.parametrize("action", ["put", "get", "search", "delete"])
@pytest.mark.parametrize(
    "namespace",
    [None, (), ("users",), ("users", "bob"), ("users", "*"), ("users", "alicea"), ("docs",)],
    ids=str,
)
async def test_what_is_not_the_callers_is_forbidden(action: str, namespace: Any) -> None:
    with pytest.raises(Forbidden, match="403"):
        await ask(guarded(), action, namespace)


@pytest.mark.parametrize("prefix", [None, (), ("users",)], ids=str)
async def test_a_listing_from_above_is_cut_to_the_caller(prefix: Any) -> None:
    assert await ask(guarded(), "list_namespaces", prefix) == ("users", "alice")


@pytest.mark.parametrize("prefix", [("*",), ("users", "*"), ("*", "alice"), ("users", "bob")])
async def test_a_listing_with_a_wildcard_for_the_user_is_forbidden(prefix: Any) -> None:
    with pytest.raises(Forbidden):
        await ask(guarded(), "list_namespaces", prefix)


@given(LABELS, st.sampled_from(ACTIONS))
async def test_whatever_is_let_through_belongs_to_the_caller(labels: Any, action: str) -> None:
    try:
        let_through = await ask(guarded(), action, tuple(labels))
    except Forbidden:
        return
    (region,) = template_scope(("users", "{user_id}")).regions(let_through)
    assert region.user_id == "alice"


@pytest.mark.parametrize("identity", ["", "*", "ada@example.com", "a\x00b", "\ud800"])
@pytest.mark.parametrize("action", ACTIONS)
async def test_an_identity_that_is_no_label_owns_nothing(action: str, identity: str) -> None:
    with pytest.raises(Forbidden):
        await ask(guarded(), action, ("users", identity), identity)


async def test_shared_namespaces_are_read_by_all_and_written_by_none() -> None:
    auth = guarded(readable=[("docs",)])
    for action in ("get", "search", "list_namespaces"):
        assert await ask(auth, action, ("docs", "v2")) == ("docs", "v2")
    for action in ("put", "delete"):
        with pytest.raises(Forbidden):
            await ask(auth, action, ("docs", "v2"))


async def test_an_administrator_reaches_everything_by_a_plain_or_an_awaited_predicate() -> None:
    async def awaited(ctx: Any) -> bool:
        return "admin" in ctx.permissions

    for predicate in (awaited, lambda ctx: "admin" in ctx.permissions):
        auth = guarded(administrator=predicate)
        assert await ask(auth, "search", (), "root", "admin") == ()
        with pytest.raises(Forbidden):
            await ask(auth, "search", (), "alice")


async def test_another_template_confines_to_other_tuples() -> None:
    auth = guarded(users=("{user_id}",))
    assert await ask(auth, "search", ("alice", "memories")) == ("alice", "memories")
    assert await ask(auth, "list_namespaces", None) == ("alice",)
    with pytest.raises(Forbidden):
        await ask(auth, "search", ("users", "alice"))


@pytest.mark.parametrize(
    "options",
    [
        {"users": None},
        {"users": ("users",)},
        {"users": ("*", "{user_id}")},
        {"readable": [()]},
        {"readable": [("users",)]},
        {"readable": [("users", "bob")]},
        {"readable": [("*",)]},
    ],
    ids=str,
)
def test_a_guard_that_would_guard_nothing_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        guarded(**options)


def test_a_second_handler_for_the_store_is_refused() -> None:
    auth = Auth()

    async def mine(ctx: Any, value: Any) -> None: ...

    auth.on.store.search(mine)
    with pytest.raises(ConfigurationError, match="search"):
        guard_store(auth)
    with pytest.raises(ValueError, match="already set"):
        guarded().on.store.put(mine)


def test_actions_without_a_handler_are_listed() -> None:
    auth = Auth()
    assert unguarded_actions(auth) == list(ACTIONS)

    @auth.on.store.search
    async def search(ctx: Any, value: Any) -> None: ...

    assert unguarded_actions(auth) == ["put", "get", "delete", "list_namespaces"]
    assert unguarded_actions(guarded()) == []

    @auth.on
    async def rest(ctx: Any, value: Any) -> None: ...

    assert unguarded_actions(auth) == []
