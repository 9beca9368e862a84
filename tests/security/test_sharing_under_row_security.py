"""Sharing where the database keeps users apart: it admits just the rows that a share covers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.errors import IsolationError
from langgraph_agentstore.model.shared_scope import Grants, SharedScope
from langgraph_agentstore.model.users import Address
from tests.support.faults import execute
from tests.support.row_security import protected_database

SEEN = ("users", "alice", "projects")
ITEMS = "SELECT user_id, namespace FROM agentstore.item ORDER BY 1, 2"


@pytest.fixture(scope="module")
def dsns(embedded_server: Any) -> Iterator[tuple[str, str]]:
    with protected_database(embedded_server.dsn) as dsns:
        yield dsns


@pytest.fixture
def owned(dsns: tuple[str, str]) -> Iterator[AgentStore]:
    execute(dsns[0], "TRUNCATE agentstore.item, agentstore.share")
    with AgentStore(dsns[0]) as store:
        yield store


@pytest.fixture
def app_dsn(dsns: tuple[str, str], owned: AgentStore) -> str:
    return dsns[1]


@pytest.fixture
def granted(app: AgentStore) -> AgentStore:
    """Alice has five namespaces; bob may write two of them and read another."""
    alice = app.for_user("alice")
    for labels in (("projects",), ("projects", "old"), ("projects2",), ("plans",), ("diary",)):
        alice.put(labels, "tea", {"in": labels[0]})
    alice.share(("projects",), "bob", "write")
    alice.share(("plans",), "bob", "read")
    app.for_user("bob").put(("notes",), "own", {})
    return app


def rows_seen(dsn: str, users: str, asked: str = ITEMS) -> list[Any]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT set_config('agentstore.users', %s, false)", (users,))
        return connection.execute(asked.encode()).fetchall()


def test_a_share_admits_just_its_rows(granted: AgentStore, app_dsn: str) -> None:
    assert rows_seen(app_dsn, "{bob}") == [
        ("alice", "plans"),
        ("alice", "projects"),
        ("alice", "projects:old"),
        ("bob", "notes"),
    ]
    assert rows_seen(app_dsn, "{carol}") == []
    assert execute(app_dsn, ITEMS) == []
    assert execute(app_dsn, "SELECT * FROM agentstore.share") == []
    granted.for_user("alice").revoke(("projects",), "bob")
    assert rows_seen(app_dsn, "{bob}") == [("alice", "plans"), ("bob", "notes")]


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ("DELETE FROM agentstore.item WHERE user_id = 'alice'", {"projects", "projects:old"}),
        ("UPDATE agentstore.item SET version = 9", {"notes", "projects", "projects:old"}),
    ],
)
def test_a_share_for_reading_admits_no_change(
    granted: AgentStore, app_dsn: str, change: str, changed: set[str]
) -> None:
    seen = rows_seen(app_dsn, "{bob}", f"{change} RETURNING namespace")
    assert {namespace for (namespace,) in seen} == changed


@pytest.mark.parametrize(
    "forged",
    [
        "INSERT INTO agentstore.item"
        " (user_id, namespace, key, value, created_at, updated_at, place)"
        " VALUES ('alice', 'plans', 'k', '{}', now(), now(), 'plans')",
        "UPDATE agentstore.item SET namespace = 'diary' WHERE namespace = 'projects'",
        "UPDATE agentstore.item SET user_id = 'alice', namespace = 'diary'"
        " WHERE namespace = 'notes'",
        "INSERT INTO agentstore.share (user_id, namespace, with_user, place, access)"
        " VALUES ('alice', 'diary', 'bob', 'diary', 'read')",
    ],
)
def test_nobody_widens_what_was_granted(granted: AgentStore, app_dsn: str, forged: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows_seen(app_dsn, "{bob}", forged)
    for change in ("UPDATE agentstore.share SET access = 'write'", "DELETE FROM agentstore.share"):
        assert rows_seen(app_dsn, "{bob}", f"{change} RETURNING 1") == []


def everything_is_granted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SharedScope, "_covering", lambda _self, _address: [_Writable])
    patch.setattr(Grants, "reach", lambda _self, _address, **_: True)
    patch.setattr(Grants, "users", ("bob", "alice"))


class _Writable:
    access = "write"


def test_a_planner_that_takes_all_for_granted_reaches_nothing_more(
    granted: AgentStore, owned: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = granted.for_user("bob")
    everything_is_granted(monkeypatch)
    assert bob.get(("users", "alice", "diary"), "tea") is None
    assert bob.search(("users", "alice", "diary")) == []
    assert bob.get(("users", "alice", "plans"), "tea") is not None
    for labels in (("plans",), ("diary",)):
        with pytest.raises(IsolationError):
            bob.put(("users", "alice", *labels), "tea", {"in": "bob"})
        bob.delete(("users", "alice", *labels), "tea")
        found = owned.get(("users", "alice", *labels), "tea")
        assert found is not None
        assert found.value == {"in": labels[0]}


def test_addresses_off_by_one_are_noticed_before_anything_is_sent(
    granted: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = granted.for_user("bob")
    address = SharedScope.address

    def wrong(self: SharedScope, labels: tuple[str, ...]) -> Address:
        found = address(self, labels)
        return Address(found.user_id, ("diary",)) if found.user_id == "alice" else found

    monkeypatch.setattr(SharedScope, "address", wrong)
    with pytest.raises(IsolationError):
        bob.get(SEEN, "tea")
    with pytest.raises(IsolationError):
        bob.put(SEEN, "tea", {})


def test_others_in_the_batch_get_nothing_of_it(granted: AgentStore) -> None:
    views = [granted.for_user(user) for user in ("alice", "bob", "carol", "dave")]

    async def read_all() -> list[Any]:
        return await asyncio.gather(*[view.aget(SEEN, "tea") for view in views * 8])

    found = asyncio.run(read_all())
    assert [item is not None for item in found] == [False, True, False, False] * 8


def test_a_writers_change_is_heard_by_the_owners_watch(granted: AgentStore) -> None:
    data = DataStore(granted, "alice", None, default_namespace="projects")
    with data.watch(timeout_s=5) as watch:
        granted.for_user("bob").put(SEEN, "new", {"n": 1})
        assert next(watch).key == "new"


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM agentstore.watch",
        "UPDATE agentstore.watch SET expires_at = now()",
        "INSERT INTO agentstore.watch VALUES ('alice', gen_random_uuid(), now())",
    ],
)
def test_a_writer_cannot_change_the_owners_watches(
    granted: AgentStore, app_dsn: str, change: str
) -> None:
    with DataStore(granted, "alice", None, default_namespace="projects").watch(timeout_s=5):
        try:
            assert rows_seen(app_dsn, "{bob}", f"{change} RETURNING user_id") == []
        except psycopg.errors.InsufficientPrivilege:
            assert change.startswith("INSERT")
