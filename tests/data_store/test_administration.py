"""Administration: what all users have, is seen, measured and removed."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conformance.facts.hostile import TEXTS
from langgraph_agentstore.data_store import DataStoreAdministration
from langgraph_agentstore.data_store.sql.administration import (
    Within,
    plan_delete_within,
    plan_glance,
    plan_page_of_records,
)
from langgraph_agentstore.errors import (
    ConfigurationError,
    InvalidNamespaceError,
    InvalidOperationError,
    MissingUserError,
    ValueTypeError,
)
from langgraph_agentstore.model.addresses import locate
from langgraph_agentstore.model.namespaces import Labels
from langgraph_agentstore.model.users import Address
from langgraph_agentstore.runtime.jobs.maintenance import explain_job
from langgraph_agentstore.sql.statement import SqlContext, Statement
from langgraph_agentstore.sql.tables import Tables
from langgraph_agentstore.store.notebook_sql import plan_overview
from tests.support.faults import execute

HOSTILE = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())

EXPIRE = "UPDATE {}.item SET expires_at = now() - interval '1 minute' WHERE key = %(key)s"


@pytest.fixture
def admin(store: AgentStore) -> DataStoreAdministration:
    return DataStoreAdministration(store)


@pytest.fixture
def filled(store: AgentStore, postgres_dsn: str, schema_name: str) -> AgentStore:
    """Two users, three agents, a namespace that no string names, the shared space, one expired."""
    scout = DataStore(store, "ann", "scout", "files:repo")
    scout.set_many({"a": {"n": 1}, "b": [1, 2], "gone": "x"})
    scout.use_namespace("files").set("index", "i" * 500)
    DataStore(store, "bob", "writer", "files:repo").set("a", 0)
    DataStore(store, "bob", "reader", "default").set("k", None)
    store.put(("users", "ann", "a:b"), "odd", {"n": 2})
    store.put(("docs",), "shared", {"n": 3})
    execute(postgres_dsn, EXPIRE, schema_name, key="gone")
    return store


def counted(found: list[Any]) -> list[tuple[str, str, int]]:
    return [(one.user_id, one.namespace, one.records) for one in found]


@pytest.mark.parametrize("view", ["for_user", "per_user", "neither"])
def test_administration_needs_the_whole_store(store: AgentStore, view: str) -> None:
    views: dict[str, Any] = {"for_user": store.for_user("ann"), "per_user": store.per_user()}
    with pytest.raises(ConfigurationError, match="needs the AgentStore itself"):
        DataStoreAdministration(views.get(view))  # type: ignore[arg-type]


# Counts


def test_users_are_counted_with_the_shared_space_first(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    found = [(user.user_id, user.namespaces, user.records) for user in admin.users()]
    assert found == [("", 1, 1), ("ann", 3, 4), ("bob", 2, 2)]


def test_users_come_page_by_page(filled: AgentStore, admin: DataStoreAdministration) -> None:
    [first] = admin.users(after="", limit=1)
    assert first.user_id == "ann"
    assert [user.user_id for user in admin.users(after="ann", limit=5)] == ["bob"]


def test_namespaces_are_counted_by_user_and_labels(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    assert counted(admin.namespaces()) == [
        ("", "docs", 1),
        ("ann", "a:b", 1),
        ("ann", "files", 1),
        ("ann", "files:repo", 2),
        ("bob", "default", 1),
        ("bob", "files:repo", 1),
    ]
    assert counted(admin.namespaces(limit=2)) == [("", "docs", 1), ("ann", "a:b", 1)]


def test_namespaces_sort_as_labels_do_not_as_text(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    for name in ("a1", "a:b", "a"):
        DataStore(store, "ann", None, name).set("k", 1)
    assert [one.namespace for one in admin.namespaces()] == ["a", "a:b", "a1"]


def test_one_users_namespaces_are_no_other_users(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    assert counted(admin.namespaces("bob")) == [("bob", "default", 1), ("bob", "files:repo", 1)]
    assert counted(admin.namespaces("")) == [("", "docs", 1)]
    assert admin.namespaces("nobody") == []


def test_a_namespace_covers_those_below_it_only_if_asked(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    assert counted(admin.namespaces("ann", "files")) == [("ann", "files", 1)]
    assert len(admin.namespaces("ann", "files", below=True)) == 2
    assert len(admin.namespaces(None, "files", below=True)) == 3
    assert len(admin.namespaces("ann", (), below=True)) == 3
    assert admin.namespaces("ann", ()) == []


def test_labels_reach_the_namespace_that_no_string_names(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    [odd] = admin.namespaces("ann", ("a:b",))
    assert (odd.namespace, odd.labels) == ("a:b", ("a:b",))
    assert admin.namespaces("ann", "a:b") == []
    [record] = admin.records(odd.user_id, odd.labels)
    assert record.key == "odd"


def test_the_root_of_a_user_is_reached_by_no_labels(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    store.put(("users", "ann"), "root", {"n": 1})
    [root] = admin.namespaces("ann")
    assert (root.namespace, root.labels) == ("", ())
    assert admin.record("ann", (), "root") is not None
    assert admin.delete_namespace("ann", ()) == 1


# Sizes


def test_sizes_are_the_bytes_of_the_values_largest_first(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    first, second, *_ = admin.sizes("ann")
    assert (first.namespace, first.records, first.json_bytes) == ("files", 1, 502)
    assert (second.namespace, second.json_bytes) == ("files:repo", len('{"n": 1}[1, 2]'))
    assert second.largest_bytes == len('{"n": 1}')
    # What repeats itself is compressed from some thousand bytes on; before, jsonb has a header.
    assert 0 < second.stored_bytes < 100


def test_sizes_count_bytes_not_characters(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    DataStore(store, "ann", None).set("k", "é")
    assert admin.sizes()[0].json_bytes == 4


def test_values_above_a_size_are_named_largest_first(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    records = DataStore(store, "ann", "scout")
    records.set_many({"small": "x" * 8, "large": "x" * 100, "larger": "x" * 200})
    found = admin.larger_than(10)
    assert [(one.key, one.json_bytes) for one in found] == [("larger", 202), ("large", 102)]
    assert {one.created_by_agent for one in found} == {"scout"}
    assert [one.key for one in admin.larger_than(10, limit=1)] == ["larger"]
    assert [one.key for one in admin.larger_than(9)] == ["larger", "large", "small"]


# Records


def test_records_are_all_of_them_in_order_whatever_the_page(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    keys = ["shared", "odd", "index", "a", "b", "k", "a"]
    for size in (1, 2, 7, 100):
        assert [record.key for record in admin.records(page_size=size)] == keys


def test_no_cap_hides_records(store: AgentStore, admin: DataStoreAdministration) -> None:
    DataStore(store, "ann", None).set_many({f"k{n:05}": n for n in range(10_050)})
    assert sum(1 for _ in admin.records("ann", page_size=2000)) == 10_050
    assert admin.users()[0].records == 10_050


def test_a_record_is_seen_whole_with_its_reads(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    DataStore(filled, "ann", "reader", "files:repo").get("a")
    record = admin.record("ann", "files:repo", "a")
    assert record is not None
    assert (record.value, record.created_by_agent, record.access_count) == ({"n": 1}, "scout", 1)
    assert admin.record("ann", "files:repo", "missing") is None
    assert admin.record("bob", ("files", "repo"), "b") is None


def test_looking_at_records_counts_no_access(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    assert len(list(admin.records("ann", "files:repo"))) == 2
    assert admin.record("ann", "files:repo", "a") is not None
    assert admin.most_accessed() == []


# Agents and accesses


def test_records_are_counted_by_the_agent_that_created_them(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    DataStore(filled, "ann", "writer", "files:repo").set("a", "by another")
    found = [(one.agent, one.users, one.records) for one in admin.agents()]
    assert found == [("scout", 1, 3), (None, 2, 2), ("reader", 1, 1), ("writer", 1, 1)]
    assert [one.agent for one in admin.agents("bob")] == ["reader", "writer"]


def test_the_most_accessed_come_first_with_every_read_of_this_process(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    reader = DataStore(filled, "ann", "reader", "files:repo")
    for key in ("a", "b", "b"):
        reader.get(key)
    found = [
        (one.key, one.access_count, one.last_accessed_by_agent) for one in admin.most_accessed()
    ]
    assert found == [("b", 2, "reader"), ("a", 1, "reader")]
    assert len(admin.most_accessed(limit=1)) == 1
    assert admin.most_accessed("bob") == []


def test_the_recently_accessed_tell_by_whom_writers_too(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    DataStore(filled, "ann", "reader", "files:repo").get("b")
    latest, *others = admin.recently_accessed()
    assert (latest.key, latest.last_accessed_by_agent, latest.access_count) == ("b", "reader", 1)
    assert [one.last_accessed_at for one in others] == sorted(
        (one.last_accessed_at for one in others), reverse=True
    )
    assert {one.last_accessed_by_agent for one in others} == {"scout", "writer", "reader"}
    assert len(admin.recently_accessed(limit=None)) == 5


def test_reads_of_an_expired_record_are_not_told_of_the_one_in_its_place(
    store: AgentStore, admin: DataStoreAdministration, postgres_dsn: str, schema_name: str
) -> None:
    records = DataStore(store, "ann", "scout")
    records.set("k", 1, ttl=5)
    records.get("k")
    assert len(admin.most_accessed()) == 1
    execute(postgres_dsn, EXPIRE, schema_name, key="k")
    store.put(("users", "ann", "default"), "k", {"n": 1})
    assert len(list(admin.records())) == 1
    assert admin.most_accessed() == admin.recently_accessed() == []


# Expiry


def test_expired_records_are_gone_from_every_count(
    store: AgentStore, admin: DataStoreAdministration, postgres_dsn: str, schema_name: str
) -> None:
    records = DataStore(store, "ann", "scout")
    records.set("k", "x" * 50, ttl=5)
    records.get("k")
    records.flush()
    execute(postgres_dsn, EXPIRE, schema_name, key="k")
    looks = (
        admin.users,
        admin.namespaces,
        admin.sizes,
        admin.agents,
        admin.most_accessed,
        admin.recently_accessed,
    )
    assert [look() for look in looks] == [[]] * len(looks)
    assert admin.larger_than(0) == []
    assert list(admin.records()) == []
    assert admin.record("ann", "default", "k") is None
    assert admin.delete_namespace("ann", "default") == 0


# Removal


def test_deleting_a_user_leaves_the_others(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    assert admin.delete_user("ann") == 4
    assert [user.user_id for user in admin.users()] == ["", "bob"]


def test_deleting_a_namespace_takes_exactly_that_one_of_that_user(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    assert admin.delete_namespace("ann", "files") == 1
    assert counted(admin.namespaces("ann")) == [("ann", "a:b", 1), ("ann", "files:repo", 2)]
    assert admin.delete_namespace("ann", "files", below=True) == 2
    assert counted(admin.namespaces("bob", "files:repo")) == [("bob", "files:repo", 1)]


def test_deleting_below_a_namespace_spares_those_that_only_begin_alike(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    for name in ("files", "files:x", "files2", "files;x"):
        DataStore(store, "ann", None, name).set("k", 1)
    store.put(("users", "ann", "files:x"), "k", {})
    assert admin.delete_namespace("ann", "files", below=True) == 2
    assert {one.labels for one in admin.namespaces()} == {
        ("files2",),
        ("files;x",),
        ("files:x",),
    }


def test_deleting_a_namespace_of_all_users_spares_the_shared_space(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    filled.put(("files",), "shared", {})
    assert admin.delete_namespace_of_all_users("files") == 1
    assert admin.delete_namespace_of_all_users("files", below=True) == 3
    assert counted(admin.namespaces()) == [
        ("", "docs", 1),
        ("", "files", 1),
        ("ann", "a:b", 1),
        ("bob", "default", 1),
    ]


def test_counts_of_what_was_removed_go_with_it(
    filled: AgentStore, admin: DataStoreAdministration, postgres_dsn: str, schema_name: str
) -> None:
    assert len(admin.recently_accessed(limit=None)) == 5
    admin.delete_namespace("ann", (), below=True)
    admin.delete_namespace_of_all_users("default")
    rows = execute(postgres_dsn, "SELECT user_id FROM {}.item_access", schema_name)
    assert rows == [("bob",)]


def test_watchers_are_told_of_what_administration_removes(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    with closing(DataStore(filled, "bob", None, "files:repo").watch(timeout_s=20)) as changes:
        admin.delete_namespace_of_all_users("files", below=True)
        change = next(changes)
    assert (change.op, change.key) == ("delete", "a")


@pytest.mark.parametrize("user", [None, ""])
def test_nothing_is_deleted_of_no_user(
    filled: AgentStore, admin: DataStoreAdministration, user: Any
) -> None:
    with pytest.raises(MissingUserError):
        admin.delete_user(user)
    with pytest.raises(MissingUserError):
        admin.delete_namespace(user, "docs")
    assert len(list(admin.records())) == 7


def test_everything_of_all_users_is_not_deleted_by_an_empty_namespace(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    with pytest.raises(InvalidNamespaceError, match="would be everything"):
        admin.delete_namespace_of_all_users((), below=True)


# Arguments


@pytest.mark.parametrize("namespace", ["", ("",), ("a", 1), 5, ("a\x00",), "\ud800"])
def test_a_namespace_that_is_none_is_refused(
    admin: DataStoreAdministration, namespace: Any
) -> None:
    with pytest.raises(InvalidNamespaceError):
        admin.namespaces("ann", namespace)


@pytest.mark.parametrize("limit", [-1, 1.5, True, "3", 2**70])
def test_a_limit_that_is_none_is_refused(admin: DataStoreAdministration, limit: Any) -> None:
    with pytest.raises(InvalidOperationError, match="limit is a whole number"):
        admin.most_accessed(limit=limit)


@pytest.mark.parametrize("size", [-1, 1.5, True, "3"])
def test_a_size_that_is_none_is_refused(admin: DataStoreAdministration, size: Any) -> None:
    with pytest.raises(InvalidOperationError, match="size_bytes is a whole number"):
        admin.larger_than(size)


def test_a_user_that_is_no_string_is_refused(admin: DataStoreAdministration) -> None:
    with pytest.raises(ValueTypeError):
        admin.namespaces(5)  # type: ignore[arg-type]


# Hostile names


@HOSTILE
def test_whatever_a_name_is_made_of_it_is_seen_and_reached(
    store: AgentStore, admin: DataStoreAdministration, text: str
) -> None:
    store.for_user(text).put((text.replace(".", "·"), "below"), text, {"v": text})
    DataStore(store, text, text, text).set(text, text)
    DataStore(store, text, text, text).get(text)
    assert [user.user_id for user in admin.users()] == [text]
    found = admin.namespaces(text)
    assert len(found) == 2
    for one in found:
        [record] = admin.records(text, one.labels)
        assert admin.record(text, one.labels, text) == record
    assert [one.agent for one in admin.agents()] == [text, None]
    [accessed] = admin.most_accessed()
    assert (accessed.key, accessed.last_accessed_by_agent) == (text, text)
    assert sum(admin.delete_namespace(text, one.labels) for one in found) == 2


# Proof of the index


@pytest.mark.parametrize(
    ("method", "index"),
    [
        ("get", "item_pkey"),
        ("list_keys", "item_pkey"),
        ("list_keys, with a prefix", "item_pkey"),
        ("get_all", "item_pkey"),
        ("search", "item_newest"),
        ("search, with namespaces below", "item_newest"),
    ],
)
def test_what_reads_is_proven_to_use_its_index(
    filled: AgentStore, admin: DataStoreAdministration, method: str, index: str
) -> None:
    plans = {plan.method: plan for plan in admin.explain()}
    assert index in plans[method].indexes
    assert plans[method].whole_tables == ()
    assert f"using {index} on item" in plans[method].plan


def test_the_proof_says_so_where_no_index_is_used(
    store: AgentStore, admin: DataStoreAdministration, postgres_dsn: str, schema_name: str
) -> None:
    execute(postgres_dsn, "DROP INDEX {0}.item_newest, {0}.item_place", schema_name)
    execute(postgres_dsn, "ALTER TABLE {}.item DROP CONSTRAINT item_pkey", schema_name)
    plans = {plan.method: plan for plan in admin.explain()}
    assert plans["get_all"].indexes == ()
    assert plans["get_all"].whole_tables == ("item",)


def test_the_proof_is_of_the_generic_plan_in_sessions_told_nothing_too(
    postgres_dsn: str, schema_name: str
) -> None:
    pool: dict[str, Any] = {"session_settings": {}}
    with AgentStore(postgres_dsn, schema=schema_name, pool=pool) as store:
        admin = DataStoreAdministration(store)
        for _ in range(2):
            plans = {plan.method: plan for plan in admin.explain()}
        # Values would stand in the place of these.
        assert "user_id = $1" in plans["get"].plan


RULES = SqlContext(Tables("agentstore"))
LABELS: Labels = ("files", "repo")
LOOKS: dict[str, Statement[Any]] = {
    "the next page of everything": plan_page_of_records(Within(), ("a", "b", "c"), 10, RULES),
    "a page of a user": plan_page_of_records(Within("ann"), None, 10, RULES),
    "a page below a namespace": plan_page_of_records(
        Within("ann", LABELS, True), ("ann", "files:repo", "k"), 10, RULES
    ),
    "deleting a namespace": plan_delete_within(Within("ann", LABELS), RULES),
    "a data store, shown": plan_glance(locate(Address("ann", LABELS), LABELS), 10, 200, RULES),
    "a store, shown": plan_overview(RULES),
}


@pytest.mark.parametrize("statement", LOOKS.values(), ids=LOOKS.keys())
def test_what_is_small_reads_no_whole_table(fresh_database: str, statement: Statement[Any]) -> None:
    with AgentStore(fresh_database) as store:
        job = explain_job(statement.sql, statement.arguments)
        text, _ = store.executor.run(job)
    assert " on item i" in text
    assert "Seq Scan" not in text
