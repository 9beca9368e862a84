"""Sharing: what a user grants is reached by the other one, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.base import GetOp, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore, DataStore, DataStoreService, UserStore
from langgraph_agentstore.conversations import ConversationMemory, new_turn
from langgraph_agentstore.errors import (
    ConfigurationError,
    InvalidNamespaceError,
    InvalidOperationError,
    LockHeldError,
    NotPermittedError,
    VersionConflictError,
    WatchLapsedError,
)
from langgraph_agentstore.files import StoreBackend
from tests.support.faults import execute
from tests.support.row_security import protected_database

PROJECTS, CONVERSATIONS = ("projects",), ("conversations",)
SEEN = ("users", "alice", "projects")
"""Alice's projects, as others see them."""


Dsns = tuple[str, str]
"""Of the owner of the tables, and of the role that opens the store."""


@pytest.fixture(scope="module", params=["without row security", "with row security"])
def dsns(request: pytest.FixtureRequest, embedded_server: Any) -> Iterator[Dsns]:
    with protected_database(embedded_server.dsn) as (owner, application):
        yield owner, application if request.param == "with row security" else owner


@pytest.fixture
def owned(dsns: Dsns) -> Iterator[AgentStore]:
    """The owner's store, which sees all users."""
    execute(dsns[0], "TRUNCATE agentstore.item, agentstore.share, agentstore.erased_user")
    with AgentStore(dsns[0]) as store:
        yield store


@pytest.fixture
def store(owned: AgentStore, dsns: Dsns) -> Iterator[AgentStore]:
    with AgentStore(dsns[1]) as store:
        yield store


@pytest.fixture
def alice(store: AgentStore) -> UserStore:
    view = store.for_user("alice")
    view.put(PROJECTS, "tea", {"n": 1})
    view.put((*PROJECTS, "old"), "jam", {"n": 2})
    view.put(("diary",), "secret", {"n": 3})
    return view


@pytest.fixture
def bob(store: AgentStore) -> UserStore:
    view = store.for_user("bob")
    view.put(("notes",), "own", {"n": 9})
    return view


@pytest.fixture
def elsewhere(store: AgentStore, dsns: Dsns) -> Iterator[AgentStore]:
    """The same store, as another process has it."""
    with AgentStore(dsns[1]) as other:
        yield other


def keys(view: UserStore, prefix: tuple[str, ...] = (), **options: Any) -> list[str]:
    return sorted(item.key for item in view.search(prefix, limit=100, **options))


def test_nothing_shows_before_it_is_shared(alice: UserStore, bob: UserStore) -> None:
    assert bob.get(SEEN, "tea") is None
    assert keys(bob) == ["own"]
    assert bob.list_namespaces() == [("notes",)]
    assert bob.count() == 1


def test_a_shared_namespace_has_the_owners_address(alice: UserStore, bob: UserStore) -> None:
    alice.share(PROJECTS, "bob")
    found = bob.get(SEEN, "tea")
    assert found is not None
    assert (found.namespace, found.value) == (SEEN, {"n": 1})
    assert bob.get((*SEEN, "old"), "jam") is not None
    assert bob.get(("users", "alice", "diary"), "secret") is None
    assert keys(bob) == ["jam", "own", "tea"]
    assert keys(bob, ("users",)) == ["jam", "tea"]
    assert keys(bob, SEEN, filter={"n": 2}) == ["jam"]
    assert {item.namespace for item in bob.search(SEEN)} == {SEEN, (*SEEN, "old")}
    assert bob.list_namespaces() == [("notes",), SEEN, (*SEEN, "old")]
    assert bob.list_namespaces(max_depth=2) == [("notes",), ("users", "alice")]
    assert bob.list_namespaces(prefix=SEEN, suffix=("old",)) == [(*SEEN, "old")]
    assert bob.count() == 3
    assert [item.key for item in bob.iter_items(page_size=2)] == ["jam", "tea", "own"] or sorted(
        item.key for item in bob.iter_items(page_size=2)
    ) == ["jam", "own", "tea"]


def test_a_reader_may_not_write(alice: UserStore, bob: UserStore) -> None:
    alice.share(PROJECTS, "bob", "read")
    with pytest.raises(NotPermittedError):
        bob.put(SEEN, "tea", {"n": 7})
    with pytest.raises(NotPermittedError):
        bob.delete(SEEN, "tea")
    with pytest.raises(NotPermittedError):
        bob.delete_namespace(SEEN)
    with pytest.raises(NotPermittedError):
        bob.update(SEEN, "tea", lambda value: dict(value or {}))
    with pytest.raises(NotPermittedError):
        bob.put(SEEN, "tea", {"n": 7}, expected_version=1)
    assert keys(alice, PROJECTS) == ["jam", "tea"]


def test_a_writer_writes_the_owners_items(alice: UserStore, bob: UserStore) -> None:
    alice.share(PROJECTS, "bob", "write")
    bob.put(SEEN, "new", {"n": 4})
    record = alice.get_record(PROJECTS, "new")
    assert record is not None
    assert record.created_by == "bob"
    assert bob.update(SEEN, "new", lambda value: {"n": (value or {})["n"] + 1}) == {"n": 5}
    with pytest.raises(VersionConflictError):
        bob.put(SEEN, "new", {"n": 0}, expected_version=1)
    bob.delete(SEEN, "tea")
    assert keys(alice, PROJECTS) == ["jam", "new"]
    assert bob.delete_namespace((*SEEN, "old")) == 1
    assert keys(alice) == ["new", "secret"]


def test_deleting_above_what_is_shared_spares_it(alice: UserStore, bob: UserStore) -> None:
    alice.share(PROJECTS, "bob", "write")
    assert bob.delete_namespace(("users",)) == 0
    assert bob.delete_namespace(("users", "alice")) == 0
    assert keys(alice) == ["jam", "secret", "tea"]


def test_a_revoke_takes_effect_at_once_in_every_process(
    alice: UserStore, elsewhere: AgentStore
) -> None:
    alice.share(PROJECTS, "bob", "write")
    bob = elsewhere.for_user("bob")
    assert bob.get(SEEN, "tea") is not None
    assert alice.revoke(PROJECTS, "bob")
    assert bob.get(SEEN, "tea") is None
    assert keys(bob) == []
    assert bob.list_namespaces() == []
    bob.put(SEEN, "tea", {"n": 8})  # a namespace of bob's own again
    found = alice.get(PROJECTS, "tea")
    assert found is not None
    assert found.value == {"n": 1}
    assert not alice.revoke(PROJECTS, "bob")


def test_less_access_takes_effect_at_once_and_more_too(
    alice: UserStore, elsewhere: AgentStore
) -> None:
    alice.share(PROJECTS, "bob", "write")
    bob = elsewhere.for_user("bob")
    bob.put(SEEN, "new", {"n": 4})
    alice.share(PROJECTS, "bob", "read")
    with pytest.raises(NotPermittedError):
        bob.put(SEEN, "new", {"n": 5})
    alice.share(PROJECTS, "bob", "write")
    bob.put(SEEN, "new", {"n": 6})


def test_own_items_under_the_same_tuple_are_hidden_while_it_is_shared(
    alice: UserStore, bob: UserStore
) -> None:
    bob.put(SEEN, "tea", {"own": True})
    alice.share(PROJECTS, "bob")
    assert [item.value for item in bob.search((), filter={"own": True})] == []
    found = bob.get(SEEN, "tea")
    assert found is not None
    assert found.value == {"n": 1}
    alice.revoke(PROJECTS, "bob")
    found = bob.get(SEEN, "tea")
    assert found is not None
    assert found.value == {"own": True}


def test_shares_are_listed_for_both(
    alice: UserStore, bob: UserStore, store: AgentStore, owned: AgentStore
) -> None:
    store.share(SEEN, "bob", "write")
    alice.share(("diary",), "carol")
    [mine] = bob.shared_with_me()
    assert (mine.namespace, mine.owner, mine.access) == (SEEN, "alice", "write")
    assert mine.granted_by is None
    assert [share.namespace for share in alice.shared_by_me()] == [("diary",), PROJECTS]
    assert [share.with_user for share in owned.shared_by_me()] == ["carol", "bob"]
    assert store.for_user("carol").shared_by_me() == []


def test_the_awaited_forms_do_the_same(alice: UserStore, bob: UserStore) -> None:
    async def share_and_read() -> None:
        await alice.ashare(PROJECTS, "bob")
        assert await bob.aget(SEEN, "tea") is not None
        assert len(await bob.ashared_with_me()) == 1
        assert len(await alice.ashared_by_me()) == 1
        assert await alice.arevoke(PROJECTS, "bob")
        assert await bob.aget(SEEN, "tea") is None

    asyncio.run(share_and_read())


def test_a_batch_reads_before_it_writes(alice: UserStore, bob: UserStore) -> None:
    alice.share(PROJECTS, "bob", "write")
    found = bob.batch(
        [PutOp(SEEN, "tea", {"n": 5}), GetOp(SEEN, "tea"), SearchOp(("users",), limit=1)]
    )
    assert found[0] is None
    assert found[1].value == {"n": 1}  # type: ignore[union-attr]
    after = bob.get(SEEN, "tea")
    assert after is not None
    assert after.value == {"n": 5}


def test_what_cannot_be_shared_is_refused(
    alice: UserStore, bob: UserStore, store: AgentStore
) -> None:
    with pytest.raises(InvalidNamespaceError):
        store.share(("handbook",), "bob")
    with pytest.raises(InvalidNamespaceError):
        bob.share(SEEN, "carol")
    with pytest.raises(InvalidOperationError):
        alice.share(PROJECTS, "alice")
    with pytest.raises(InvalidOperationError):
        alice.share(PROJECTS, "bob", "own")  # type: ignore[arg-type]
    with pytest.raises(InvalidOperationError):
        store.shared_with_me()


def test_load_refuses_what_another_user_shares(alice: UserStore, bob: UserStore) -> None:
    assert bob.load([(SEEN, "own", {"n": 1})]) == 1
    alice.share(PROJECTS, "bob", "write")
    with pytest.raises(NotPermittedError):
        bob.load([(SEEN, "own", {"n": 2})])
    assert alice.get(PROJECTS, "own") is None
    alice.revoke(PROJECTS, "bob")
    assert bob.load([(SEEN, "own", {"n": 3})]) == 1


def test_files_of_a_shared_namespace_are_reached(alice: UserStore, bob: UserStore) -> None:
    theirs, ours = StoreBackend(alice, namespace=PROJECTS), StoreBackend(bob, namespace=SEEN)
    theirs.write("/tea.md", "black")
    alice.share(PROJECTS, "bob", "write")
    ours.edit("/tea.md", "black", "green")
    ours.write("/new.md", "jam")
    assert "green" in theirs.read("/tea.md")
    assert "jam" in theirs.read("/new.md")
    assert [info["path"] for info in ours.ls_info("/")] == ["/new.md", "/tea.md"]
    alice.revoke(PROJECTS, "bob")
    assert ours.ls_info("/") == []


def test_an_erased_user_is_named_by_no_share(
    alice: UserStore, bob: UserStore, owned: AgentStore
) -> None:
    alice.share(PROJECTS, "bob")
    owned.erase_user("bob")
    assert owned.shared_by_me() == []


def test_a_template_without_a_label_shares_nothing(postgres_dsn: str, schema_name: str) -> None:
    with (
        AgentStore(postgres_dsn, schema=schema_name, users=("{user_id}",)) as store,
        pytest.raises(ConfigurationError),
    ):
        store.for_user("alice").share(PROJECTS, "bob")


def test_a_deleted_user_shares_nothing_any_more(
    alice: UserStore, bob: UserStore, owned: AgentStore
) -> None:
    alice.share(PROJECTS, "bob")
    bob.share(("notes",), "alice")
    owned.delete_user("alice")
    assert owned.shared_by_me() == []


def test_a_user_without_shares_sends_no_further_statement(
    alice: UserStore, bob: UserStore, store: AgentStore
) -> None:
    bob.search(())
    before = store.stats().statements
    bob.search(())
    bob.get(SEEN, "tea")
    bob.get(("notes",), "own")
    assert store.stats().statements == before + 3


NAMED = "users:alice:projects"
"""Alice's projects, as a data store of another user names them."""


def test_a_data_store_reads_what_is_shared(
    store: AgentStore, alice: UserStore, bob: UserStore
) -> None:
    data = DataStore(store, "bob", "agent", NAMED)
    assert data.get("tea") is None
    assert data.list_namespaces() == ["notes"]
    alice.share(PROJECTS, "bob")
    assert data.get("tea") == {"n": 1}
    assert data.get_many(["tea", "jam"]) == {"tea": {"n": 1}}
    assert data.get_all() == dict(data.items()) == {"tea": {"n": 1}}
    assert data.list_keys() == ["tea"]
    assert data.exists("tea")
    assert data.list_namespaces() == ["notes", NAMED, f"{NAMED}:old"]
    found = {(found.namespace, found.key) for found in data.search()}
    assert found == {(NAMED, "tea"), (f"{NAMED}:old", "jam")}
    record = data.record("tea")
    assert record is not None
    assert (record.user_id, record.namespace) == ("alice", "projects")
    writes: list[Callable[[], object]] = [
        lambda: data.set("tea", 1),
        lambda: data.increment("count"),
        lambda: data.delete("tea"),
        data.clear,
        lambda: data.update("tea", lambda value: value),
        lambda: data.set_many({"a": 1}),
        data.lock("tea").acquire,
    ]
    for write in writes:
        with pytest.raises(NotPermittedError):
            write()
    alice.revoke(PROJECTS, "bob")
    assert data.get("tea") is None
    assert data.record("tea") is None
    assert data.list_namespaces() == ["notes"]


def test_a_data_store_writes_what_is_shared_for_writing(
    store: AgentStore, owned: AgentStore, alice: UserStore, bob: UserStore
) -> None:
    alice.share(PROJECTS, "bob", "write")
    theirs = DataStore(store, "alice", None, "projects")
    data = DataStore(store, "bob", "agent", NAMED)
    data.set("list", [1])
    assert data.append("list", 2) == 2
    assert data.increment("count", 3) == 3
    assert data.update("count", lambda count: count + 1) == 4
    assert data.compare_and_set("count", 4, 5)
    assert data.set_if_absent("once", True)
    assert not data.set_if_absent("once", False)
    assert data.set_many({"a": 1, "b": 2}) == 2
    assert data.delete("tea")
    with data.lock("count"), pytest.raises(LockHeldError):
        theirs.lock("count", wait_s=0).acquire()
    values = {"a": 1, "b": 2, "count": 5, "list": [1, 2], "once": True}
    assert theirs.get_all() == data.get_all() == values
    record = theirs.record("list")
    assert record is not None
    assert record.created_by_agent == "agent"
    assert data.clear() == 5
    assert owned.count(("users", "bob")) == 1


def test_a_watch_sees_what_is_shared_and_nothing_else(
    store: AgentStore, alice: UserStore, bob: UserStore
) -> None:
    alice.share(PROJECTS, "bob")
    data = DataStore(store, "bob", None, NAMED)
    with data.watch(timeout_s=20) as watch:
        alice.put(("diary",), "tea", {"n": 0})
        alice.put((*PROJECTS, "old"), "tea", {"n": 0})
        alice.put(PROJECTS, "tea", {"n": 2})
        alice.delete(PROJECTS, "tea")
        bob.put(("notes",), "tea", {"n": 0})
        seen = [next(watch), next(watch)]
    assert [(change.op, change.namespace, change.value) for change in seen] == [
        ("set", NAMED, {"n": 2}),
        ("delete", NAMED, None),
    ]


@pytest.mark.parametrize("shared_again", [False, True])
def test_a_revoke_ends_the_watches_of_the_other_user(
    store: AgentStore, alice: UserStore, dsns: Dsns, *, shared_again: bool
) -> None:
    alice.share(PROJECTS, "bob")
    alice.share(PROJECTS, "carol")
    bobs = DataStore(store, "bob", None, NAMED).watch(timeout_s=20)
    carols = DataStore(store, "carol", None, NAMED).watch(timeout_s=20)
    with carols, DataStore(store, "alice", None, "projects").watch(timeout_s=20) as own:
        alice.revoke(PROJECTS, "bob")
        alice.put(PROJECTS, "secret", {"n": 5})
        if shared_again:
            alice.share(PROJECTS, "bob")
        with pytest.raises(WatchLapsedError):
            next(bobs)
        assert next(own).key == next(carols).key == "secret"
        bobs.close()
    assert execute(dsns[0], "SELECT * FROM agentstore.watch") == []


def test_a_share_that_begins_ends_the_watch_of_the_same_name(
    store: AgentStore, alice: UserStore, bob: UserStore
) -> None:
    with DataStore(store, "bob", None, NAMED).watch(timeout_s=20) as watch:
        bob.put(SEEN, "own", {"n": 1})
        assert next(watch).key == "own"
        alice.share(PROJECTS, "bob")
        with pytest.raises(WatchLapsedError):
            next(watch)


def test_a_service_writes_rows_where_they_belong(
    store: AgentStore, owned: AgentStore, alice: UserStore, bob: UserStore
) -> None:
    service = DataStoreService(store)
    rows: list[tuple[str, str, Any, None]] = [
        (NAMED, "a", 1, None),
        (f"{NAMED}:old", "b", 2, None),
        ("notes", "c", 3, None),
    ]
    alice.share(PROJECTS, "bob", "read")
    with pytest.raises(NotPermittedError):
        service.set_many("bob", rows)
    assert keys(bob, ("notes",)) == ["own"]
    alice.share(PROJECTS, "bob", "write")
    assert service.set_many("bob", rows) == 3
    theirs = DataStore(store, "alice", None, "projects")
    assert theirs.get("a") == 1
    assert theirs.use_namespace("projects:old").get("b") == 2
    assert DataStore(store, "bob", None, "notes").get("c") == 3
    assert owned.count(("users", "bob")) == 2
    record = service.get("bob", NAMED, "a", "agent")
    assert record is not None
    assert record.value == 1
    assert service.list_keys("bob", NAMED) == ["a", "tea"]
    assert service.delete("bob", NAMED, "a")
    alice.revoke(PROJECTS, "bob")
    assert service.list_keys("bob", NAMED) == []


def test_conversations_that_are_shared_are_read_searched_and_written(
    store: AgentStore, alice: UserStore, bob: UserStore
) -> None:
    own, shared = ConversationMemory(alice, "alice"), ConversationMemory(bob, "bob")
    theirs = ConversationMemory(bob, "bob", shared_by="alice")
    own.save_turn("Which tea?", "Assam.", "monday")
    shared.save_turn("Which jam?", "Plum.", "tuesday")
    assert (theirs.threads(), list(theirs.turns())) == ([], [])
    alice.share(CONVERSATIONS, "bob")
    assert [thread.thread_id for thread in theirs.threads()] == ["monday"]
    assert [turn.query for turn in theirs.turns()] == ["Which tea?"]
    assert [turn.query for turn in theirs.turns("monday")] == ["Which tea?"]
    assert [message.content for message in theirs.resume()] == ["Which tea?", "Assam."]
    writes: list[Callable[[], object]] = [
        lambda: theirs.save_turn("Milk?", "No.", "monday"),
        lambda: theirs.save_turns([new_turn("monday", "Milk?", "No.")]),
        lambda: theirs.forget("monday"),
    ]
    for write in writes:
        with pytest.raises(NotPermittedError):
            write()
    alice.share(CONVERSATIONS, "bob", "write")
    assert theirs.save_turns([new_turn("monday", "Milk?", "No.")]) == 1
    theirs.save_turn("Sugar?", "No.", "friday")
    assert theirs.forget("friday") == 1
    assert [turn.query for turn in own.turns()] == ["Which tea?", "Milk?"]
    alice.revoke(CONVERSATIONS, "bob")
    assert (theirs.threads(), list(theirs.turns())) == ([], [])
    for write in writes:
        with pytest.raises(NotPermittedError, match="shares no conversations"):
            write()
    assert [thread.thread_id for thread in shared.threads()] == ["tuesday"]


def test_conversations_are_shared_by_another_user_of_an_agent_store(store: AgentStore) -> None:
    with pytest.raises(ConfigurationError):
        ConversationMemory(store, "alice", shared_by="alice")
    with pytest.raises(ConfigurationError):
        ConversationMemory(InMemoryStore(), "bob", shared_by="alice")


def _probes(store: AgentStore, owner: str) -> dict[str, Any]:
    """Ask every surface, as bob, for what an owner has in the namespace `diary`."""
    view, labels = store.for_user("bob"), ("users", owner, "diary")
    data = DataStore(store, "bob", None, f"users:{owner}:diary")
    files = StoreBackend(view, namespace=labels)
    talks = ConversationMemory(view, "bob", shared_by=owner)
    with data.watch(timeout_s=0.01) as watch:
        seen = list(watch)
    return {
        "get": view.get(labels, "secret"),
        "record": view.get_record(labels, "secret"),
        "search": view.search(labels),
        "search above": keys(view, ("users", owner)),
        "search by filter": view.search(("users", owner), filter={"n": 3}),
        "search of all": keys(view),
        "namespaces": view.list_namespaces(),
        "namespaces below": view.list_namespaces(prefix=("users", owner)),
        "namespaces by suffix": view.list_namespaces(suffix=("diary",)),
        "count": [view.count(labels), view.count(("users", owner)), view.count()],
        "items": list(view.iter_items(labels)),
        "history": list(view.history(labels, "secret")),
        "values": [data.get("secret"), data.get_all(), data.get_many(["secret"])],
        "keys": [data.list_keys(), list(data.items()), data.exists("secret")],
        "data store": [data.record("secret"), data.search(), data.list_namespaces()],
        "watch": seen,
        "files": [files.ls_info("/"), files.glob_info("**"), files.read("/secret")],
        "grep": files.grep_raw("n"),
        "conversations": [talks.threads(), list(talks.turns()), talks.resume()],
        "shares": view.shared_with_me(),
    }


def test_what_is_not_granted_does_not_even_show(
    store: AgentStore, alice: UserStore, bob: UserStore
) -> None:
    StoreBackend(alice, namespace=("diary",)).write("/secret", "n")
    ConversationMemory(alice, "alice").save_turn("Which tea?", "Assam.", "monday")
    nobody = _probes(store, "zoe")
    assert _probes(store, "alice") == nobody
    alice.share(PROJECTS, "bob", "write")
    shown = _probes(store, "alice")
    expected = nobody | {
        "search above": ["jam", "tea"],
        "search of all": ["jam", "own", "tea"],
        "namespaces": [("notes",), SEEN, (*SEEN, "old")],
        "namespaces below": [SEEN, (*SEEN, "old")],
        "count": [0, 2, 3],
        "data store": [None, [], ["notes", NAMED, f"{NAMED}:old"]],
        "shares": bob.shared_with_me(),
    }
    assert shown == expected
    alice.revoke(PROJECTS, "bob")
    assert _probes(store, "alice") == nobody


def test_own_records_are_counted_whatever_their_namespace_is_named(
    store: AgentStore, bob: UserStore
) -> None:
    data = DataStore(store, "bob", "agent", NAMED)
    data.set("own", 1)
    assert data.get("own") == 1
    record = data.record("own")
    assert record is not None
    assert (record.access_count, record.last_accessed_by_agent) == (1, "agent")


OWNERS = ("alice", "carol")
SPACES = (("a",), ("a", "x"), ("b",))
STEPS = st.one_of(
    st.tuples(
        st.just("share"),
        st.sampled_from(OWNERS),
        st.sampled_from(SPACES),
        st.sampled_from(("read", "write")),
    ),
    st.tuples(st.just("revoke"), st.sampled_from(OWNERS), st.sampled_from(SPACES)),
    st.tuples(st.just("put"), st.sampled_from(OWNERS), st.sampled_from(SPACES)),
    st.tuples(st.just("delete"), st.sampled_from(OWNERS), st.sampled_from(SPACES)),
)


class Model:
    """What bob should see: items of all users, and grants."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, tuple[str, ...]], int] = {}
        self.grants: dict[tuple[str, tuple[str, ...]], str] = {}

    def place(self, owner: str, space: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], str]:
        """Return whose item bob reaches by the tuple, and how."""
        covering = {
            access
            for (who, shared), access in self.grants.items()
            if who == owner and space[: len(shared)] == shared
        }
        if not covering:
            return ("bob", ("users", owner, *space)), "write"
        return (owner, space), "write" if "write" in covering else "read"

    def seen(self) -> dict[tuple[str, ...], int]:
        tuples = [("users", owner, *space) for owner in OWNERS for space in SPACES]
        reached = {t: self.place(t[1], t[2:])[0] for t in tuples}
        return {t: self.items[at] for t, at in reached.items() if at in self.items}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12))
def test_nothing_that_is_not_granted_is_ever_seen(
    store: AgentStore, owned: AgentStore, steps: list[Any]
) -> None:
    for share in owned.shared_by_me():
        store.revoke(share.namespace, share.with_user)
    for user in (*OWNERS, "bob"):
        owned.delete_user(user)
    model, bob = Model(), store.for_user("bob")
    for number, owner in enumerate(OWNERS):
        for space in SPACES[::2]:
            store.put(("users", owner, *space), "k", {"n": number})
            model.items[owner, space] = number
    for number, (step, owner, space, *access) in enumerate(steps, 10):
        named = ("users", owner, *space)
        if step == "share":
            store.share(named, "bob", access[0])
            model.grants[owner, space] = access[0]
        elif step == "revoke":
            assert store.revoke(named, "bob") == ((owner, space) in model.grants)
            model.grants.pop((owner, space), None)
        else:
            at, allowed = model.place(owner, space)
            with suppress(NotPermittedError):
                bob.put(named, "k", {"n": number}) if step == "put" else bob.delete(named, "k")
                assert allowed == "write"
                model.items.pop(at, None)
                if step == "put":
                    model.items[at] = number
        _compare(bob, model.seen())


def _compare(bob: UserStore, seen: dict[tuple[str, ...], int]) -> None:
    assert {item.namespace: item.value["n"] for item in bob.search((), limit=100)} == seen
    assert bob.list_namespaces() == sorted(seen)
    assert bob.count() == len(seen)
    assert {item.namespace for item in bob.iter_items(page_size=2)} == set(seen)
    for owner in OWNERS:
        prefix = ("users", owner)
        below = {t for t in seen if t[:2] == prefix}
        assert {item.namespace for item in bob.search(prefix, limit=100)} == below
        assert set(bob.list_namespaces(prefix=prefix)) == below
        for space in SPACES:
            found = bob.get((*prefix, *space), "k")
            assert (None if found is None else found.value["n"]) == seen.get((*prefix, *space))
