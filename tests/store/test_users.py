"""Users in tuples, by the templates that frameworks use, and in views."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from langgraph_agentstore import AgentStore, UserStore
from tests.support.memory_graphs import Labels, Talk, graph_of, keep, thread
from tests.support.row_security import items_of_all

Template = tuple[str, ...]
Open = Callable[[Template], AgentStore]


@pytest.fixture
def open_store(postgres_dsn: str, schema_name: str) -> Iterator[Open]:
    """A store with a user template, on the schema of this test."""
    opened: list[AgentStore] = []

    def open_(users: Template) -> AgentStore:
        opened.append(AgentStore(postgres_dsn, schema=schema_name, users=users))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.mark.parametrize(
    ("template", "tuple_of_alice", "seen_by_alice"),
    [
        (("users", "{user_id}"), ("users", "alice", "notes"), ("notes",)),
        (("memories", "{user_id}"), ("memories", "alice"), ()),
        (("{user_id}",), ("alice", "memories"), ("memories",)),
        (("org", "users", "{user_id}"), ("org", "users", "alice", "a", "b"), ("a", "b")),
    ],
)
def test_a_graphs_tuple_and_the_users_view_meet_in_one_row(
    open_store: Open, template: Template, tuple_of_alice: Labels, seen_by_alice: Labels
) -> None:
    store = open_store(template)
    graph = graph_of(lambda state: keep(store, state["says"], tuple_of_alice), store)

    graph.invoke({"says": "cats purr"}, thread("1"))

    (seen,) = store.for_user("alice").search(())
    assert (seen.namespace, seen.key) == (seen_by_alice, "cats purr")
    assert store.for_user("bob").search(()) == []
    assert store.search(tuple_of_alice)[0].namespace == tuple_of_alice


def test_a_tuple_outside_of_the_template_belongs_to_nobody(open_store: Open) -> None:
    store = open_store(("memories", "{user_id}"))

    store.put(("docs", "alice"), "manual", {})

    assert store.for_user("alice").count() == 0
    assert store.count(("docs",)) == 1


def test_one_row_is_seen_through_every_template(open_store: Open) -> None:
    open_store(("users", "{user_id}")).put(("users", "alice", "notes"), "cat", {"is": "Turing"})

    assert open_store(("memories", "{user_id}")).get(("memories", "alice", "notes"), "cat")
    assert open_store(("{user_id}",)).get(("alice", "notes"), "cat")


BOBS: tuple[tuple[Labels, str], ...] = ((("notes",), "secret"), (("notes", "deep"), "secret"))


@pytest.fixture
def alice(store: AgentStore) -> UserStore:
    """Her view of a store in which Bob, too, and nobody have the same namespaces and keys."""
    for labels, key in BOBS:
        store.put(("users", "bob", *labels), key, {"of": "bob"})
        store.put(labels, key, {"of": "nobody"})
    return store.for_user("alice")


def others(store: AgentStore) -> list[str]:
    """Whose the records that are not Alice's are, in the order of their tuples."""
    return [
        item.value["of"] for item in items_of_all(store) if item.namespace[:2] != ("users", "alice")
    ]


UNTOUCHED = ["nobody", "nobody", "bob", "bob"]


@pytest.mark.parametrize("labels", [(), ("notes",), ("users", "bob"), ("bob",), ("users",)])
def test_a_view_finds_nothing_of_others(alice: UserStore, labels: Labels) -> None:
    assert alice.search(labels, limit=100) == []
    assert alice.list_namespaces(prefix=labels) == []
    assert alice.count(labels) == 0
    assert list(alice.iter_items(labels)) == []


def test_a_view_gets_nothing_of_others(alice: UserStore) -> None:
    assert [alice.get(labels, key) for labels, key in BOBS] == [None, None]
    assert alice.get(("users", "bob", "notes"), "secret") is None
    assert alice.get_record(("notes",), "secret") is None


def test_a_view_overwrites_and_removes_nothing_of_others(
    store: AgentStore, alice: UserStore
) -> None:
    for labels, key in BOBS:
        alice.put(labels, key, {"of": "alice"})
        alice.put(("users", "bob", *labels), key, {"of": "alice"})
        alice.delete(labels, key)
    alice.delete_namespace(("users",))

    assert alice.count() == 0
    assert others(store) == UNTOUCHED


def test_a_view_removes_a_namespace_of_its_user_only(store: AgentStore, alice: UserStore) -> None:
    alice.put(("notes",), "secret", {"of": "alice"})

    assert alice.delete_namespace(("notes",)) == 1
    assert others(store) == UNTOUCHED


def test_forgetting_a_user_leaves_the_others(store: AgentStore, alice: UserStore) -> None:
    alice.put(("notes",), "secret", {"of": "alice"})

    assert store.delete_user("alice") == 1
    assert others(store) == UNTOUCHED


def test_a_graph_on_a_users_view_stays_with_that_user(store: AgentStore, alice: UserStore) -> None:
    def talk(state: Talk) -> Talk:
        return keep(alice, state["says"], ("notes",))

    answer = graph_of(talk, alice).invoke({"says": "cats purr"}, thread("1", user_id="bob"))

    assert answer["knows"] == []
    assert [item.key for item in store.search(("users", "alice"))] == ["cats purr"]
    assert others(store) == UNTOUCHED
