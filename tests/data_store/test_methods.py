"""What each documented method of `data_store` does, in both its forms."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import AgentDataStoreProxy, AsyncDataStore, DataStore
from langgraph_agentstore.errors import DatabaseError, MissingUserError
from tests.data_store.forms import Called, Open
from tests.support.faults import execute, locked_rows, refuse_values_with
from tests.support.matrices import few

FORMS = [DataStore, AsyncDataStore]
FALSY = [0, 0.0, "", False, [], {}, None]
NO_JSON = [datetime(2026, 1, 1, tzinfo=timezone.utc), date(2026, 1, 1), b"bytes", {1}, object()]
NO_JSON += [Decimal(1), uuid4(), 1j, {1: "one"}, {"deep": [{"down": {2}}]}]
NOT_STORABLE = [float("nan"), float("inf"), "a\x00b", "\ud800", 2**64, -(2**63) - 1]


@pytest.fixture(scope="module")
def schema() -> str:
    """One for all: each test has a user of its own."""
    return f"methods_{uuid4().hex[:12]}"


@pytest.fixture(scope="module", params=[None, {"mode": "text"}], ids=["plain", "indexed"])
def store(postgres_dsn: str, schema: str, request: pytest.FixtureRequest) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema, index=request.param) as store:
        yield store


@pytest.fixture
def user() -> str:
    return f"ann-{uuid4()}"


@pytest.fixture(params=FORMS, ids=["blocking", "awaited"])
def open_(store: AgentStore, user: str, request: pytest.FixtureRequest) -> Iterator[Open]:
    loop = asyncio.new_event_loop()

    def opened(
        user: str = user,
        agent: str | None = "scribe",
        namespace: str = "default",
        **options: Any,
    ) -> Called:
        return Called(request.param(store, user, agent, namespace, **options), loop)

    yield opened
    loop.close()


@pytest.fixture
def data_store(open_: Open) -> Called:
    return open_()


# get


@pytest.mark.parametrize("value", FALSY, ids=repr)
def test_get_returns_what_is_stored_and_not_the_default(data_store: Called, value: Any) -> None:
    data_store.set("k", value)

    answer = data_store.get("k", default="default")

    assert (type(answer), answer) == (type(value), value)


def test_get_returns_the_default_where_there_is_no_record(data_store: Called) -> None:
    assert data_store.get("k") is None
    assert data_store.get("k", "default") == "default"
    assert data_store.get("k", default=[1]) == [1]


def test_get_counts_a_read_and_leaves_the_time_of_the_last_write(data_store: Called) -> None:
    data_store.set("k", 1)
    written = data_store.record("k")

    data_store.get("k")
    data_store.get("k")

    read = data_store.record("k")
    assert (written.access_count, read.access_count) == (0, 2)
    assert read.last_accessed_at > written.last_accessed_at
    assert (read.updated_at, read.version) == (written.updated_at, 1)


def test_get_gives_a_value_that_is_the_callers_own(data_store: Called) -> None:
    data_store.set("k", {"list": [1]})

    data_store.get("k")["list"].append(2)

    assert data_store.get("k") == {"list": [1]}


def test_no_read_waits_for_a_record_that_another_session_holds(
    data_store: Called, user: str, postgres_dsn: str, schema: str
) -> None:
    data_store.set(user, 1)
    data_store.flush()

    with locked_rows(postgres_dsn, schema, user) as session:
        session.execute(f"LOCK TABLE {schema}.item_access IN ACCESS EXCLUSIVE MODE")
        assert data_store.get(user) == 1
        assert data_store.get_many([user]) == data_store.get_all() == {user: 1}

    data_store.flush()
    assert data_store.record(user).access_count == 3


# set


def test_set_returns_nothing_and_overwrites(data_store: Called) -> None:
    assert data_store.set("k", {"a": 1}) is None
    assert data_store.set("k", [2]) is None

    assert data_store.get_all() == {"k": [2]}


def test_set_merges_metadata_so_that_new_keys_win_and_old_ones_stay(data_store: Called) -> None:
    data_store.set("k", 1, {"by": "ann", "tags": {"old": 1}})
    data_store.set("k", 2, metadata={"tags": {"new": 2}, "more": None})

    assert data_store.get_metadata("k") == {"by": "ann", "tags": {"new": 2}, "more": None}


@pytest.mark.parametrize("metadata", [None, {}])
def test_set_without_metadata_leaves_what_there_is(
    data_store: Called, metadata: dict[str, Any] | None
) -> None:
    data_store.set("k", 1, {"by": "ann"})
    data_store.set("k", 2, metadata)

    assert data_store.get_metadata("k") == {"by": "ann"}


def test_set_leaves_who_created_the_record_and_when_and_how_often_it_was_read(
    open_: Open,
) -> None:
    scribe, editor = open_(), open_(agent="editor")
    scribe.set("k", 1)
    scribe.get("k")
    first = scribe.record("k")

    editor.set("k", 2)

    second = scribe.record("k")
    assert second.created_by_agent == "scribe"
    assert second.created_at == first.created_at
    assert (second.access_count, second.version) == (1, 2)
    assert second.updated_at > first.updated_at


def test_set_stamps_the_last_access_without_counting_one(open_: Open) -> None:
    open_().set("k", 1)
    first = open_().record("k")

    open_(agent="editor").set("k", 2)

    second = open_().record("k")
    assert (second.access_count, second.last_accessed_by_agent) == (0, "editor")
    assert second.last_accessed_at > first.last_accessed_at


@pytest.mark.parametrize("value", NO_JSON, ids=lambda value: type(value).__name__)
def test_what_is_no_json_is_a_type_error_and_nothing_is_written(
    data_store: Called, value: Any
) -> None:
    data_store.set("k", "before")
    writes: list[Callable[[], Any]] = [
        lambda: data_store.set("k", value),
        lambda: data_store.set("new", value),
        lambda: data_store.set("k", 1, {"by": value}),
        lambda: data_store.set_many({"new": 1, "k": value}),
        lambda: data_store.set_many({"new": 1}, {"by": value}),
        lambda: data_store.set_if_absent("new", value),
        lambda: data_store.compare_and_set("k", "before", value),
        lambda: data_store.compare_and_set("k", value, "after"),
        lambda: data_store.append("new", value),
        lambda: data_store.update("k", lambda _: value),
    ]

    for write in writes:
        with pytest.raises(TypeError):
            write()

    assert data_store.get_all() == {"k": "before"}
    assert data_store.get_metadata("k") == {}


@pytest.mark.parametrize("value", NOT_STORABLE, ids=ascii)
def test_what_json_in_postgres_cannot_hold_is_a_value_error_and_nothing_is_written(
    data_store: Called, value: Any
) -> None:
    writes: list[Callable[[], Any]] = [
        lambda: data_store.set("k", value),
        lambda: data_store.set_many({"new": 1, "k": [value]}),
        lambda: data_store.set_if_absent("k", {"deep": value}),
        lambda: data_store.append("k", value),
        lambda: data_store.update("k", lambda _: value),
    ]

    for write in writes:
        with pytest.raises(ValueError, match=r"\$"):
            write()

    assert data_store.get_all() == {}


def test_tuples_come_back_as_lists(data_store: Called) -> None:
    data_store.set("k", (1, ("two", {"three": (3,)})))

    assert data_store.get("k") == [1, ["two", {"three": [3]}]]


# delete and clear


def test_delete_tells_whether_there_was_a_record(data_store: Called) -> None:
    data_store.set("k", None)

    assert [data_store.delete("k"), data_store.delete("k")] == [True, False]
    assert not data_store.exists("k")


def test_a_record_set_again_after_its_removal_inherits_nothing(open_: Open) -> None:
    scribe = open_()
    scribe.set("k", 1, {"by": "ann"})
    scribe.get("k")
    scribe.delete("k")

    open_(agent="editor").set("k", 2)

    record = scribe.record("k")
    assert (record.created_by_agent, record.access_count) == ("editor", 0)
    assert (record.metadata, record.version) == ({}, 1)


@pytest.mark.parametrize("flushed", [False, True], ids=["at once", "after a flush"])
def test_a_record_that_nobody_named_wrote_tells_of_no_writer_of_the_one_before(
    open_: Open, flushed: bool
) -> None:
    open_().set("k", 1)
    open_().delete("k")
    open_(agent=None).set("k", 2)

    if flushed:
        open_().flush()

    record = open_().record("k")
    assert (record.last_accessed_by_agent, record.last_accessed_at) == (None, None)


def test_clear_removes_just_its_own_namespace(data_store: Called) -> None:
    for namespace in ("files", "files:x", "files:", "file", "files.x"):
        data_store.use_namespace(namespace).set_many({"a": 1, "b": 2})

    assert data_store.use_namespace("files").clear() == 2
    assert data_store.use_namespace("files").clear() == 0
    assert data_store.list_namespaces() == ["file", "files.x", "files:", "files:x"]


# list_keys and list_namespaces


def test_keys_are_sorted_by_code_point(data_store: Called) -> None:
    keys = ["a", "B", "é", "z", "_", "10", "9", "🙂", "\uffff", "a:b", "a b"]
    data_store.set_many(dict.fromkeys(keys))

    assert data_store.list_keys() == sorted(keys)


@pytest.mark.parametrize("prefix", ["%", "_", "a%", "*", "\\", "a_", "[", "^"])
def test_a_prefix_has_no_wildcards(data_store: Called, prefix: str) -> None:
    data_store.set_many(dict.fromkeys(["abc", "ab", prefix + "x", prefix]))

    assert data_store.list_keys(prefix) == [prefix, prefix + "x"]


def test_an_unknown_namespace_has_no_keys(data_store: Called) -> None:
    nowhere = data_store.use_namespace("nowhere")

    assert nowhere.list_keys() == nowhere.list_keys("a") == []
    assert (nowhere.get_all(), nowhere.clear()) == ({}, 0)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"limit": -1}, ValueError),
        ({"limit": 10**30}, ValueError),
        ({"limit": 1.5}, (TypeError, ValueError)),
        ({"limit": "1"}, (TypeError, ValueError)),
        ({"prefix": 1}, TypeError),
        ({"after": 1}, TypeError),
        ({"prefix": "a\x00"}, ValueError),
    ],
    ids=repr,
)
def test_a_page_of_keys_that_makes_no_sense_is_refused(
    data_store: Called, options: dict[str, Any], error: Any
) -> None:
    with pytest.raises(error):
        data_store.list_keys(**options)


def test_every_namespace_that_holds_a_record_is_listed_whichever_the_proxy_is_of(
    data_store: Called,
) -> None:
    data_store.use_namespace("files:my-repo").set("k", 1)
    data_store.use_namespace("Files").set("k", 1)
    data_store.use_namespace("emptied").set("k", 1)
    data_store.use_namespace("emptied").delete("k")

    for namespace in ("default", "files", "emptied"):
        listed = data_store.use_namespace(namespace).list_namespaces()
        assert listed == ["Files", "files:my-repo"]


def test_namespaces_of_other_users_are_not_listed(open_: Open, user: str) -> None:
    open_(f"{user}:default").set("k", 1)

    assert open_().list_namespaces() == []


# use_namespace


def test_use_namespace_is_absolute(data_store: Called) -> None:
    files = data_store.use_namespace("files")

    assert files.use_namespace("my-repo").namespace == "my-repo"
    assert (files.namespace, data_store.namespace) == ("files", "default")


def test_use_namespace_keeps_user_agent_and_log(open_: Open, user: str) -> None:
    log: list[Any] = []
    files = open_(ops_log=log, access="write").use_namespace("files")

    files.set("k", 1)

    assert (files.user_id, files.agent_name, files.access) == (user, "scribe", "write")
    assert files.ops_log is log
    assert [entry["namespace"] for entry in log] == ["files"]


@pytest.mark.parametrize("namespace", ["", None, 5, ("files",), "a\x00", "\ud800"], ids=ascii)
def test_a_namespace_that_is_none_is_a_value_error(
    data_store: Called, open_: Open, namespace: Any
) -> None:
    with pytest.raises(ValueError, match="namespace"):
        data_store.use_namespace(namespace)
    with pytest.raises(ValueError, match="namespace"):
        open_(namespace=namespace)

    assert data_store.list_namespaces() == []


def test_the_namespace_is_default_unless_one_is_given(store: AgentStore, user: str) -> None:
    data_store = DataStore(store, user, "scribe")
    data_store.set("k", 1)

    assert data_store.namespace == "default"
    assert data_store.list_namespaces() == ["default"]


@pytest.mark.parametrize("user", ["", None])
def test_there_is_no_data_store_of_nobody(open_: Open, user: Any) -> None:
    with pytest.raises(MissingUserError):
        open_(user=user)


# get_all, get_many, items


@few(2)
def test_get_all_is_the_whole_namespace_beyond_ten_thousand_records(data_store: Called) -> None:
    values = {f"{n:05}": n for n in range(10_001)}

    assert data_store.set_many(values) == 10_001
    assert data_store.get_all() == values
    assert data_store.list_keys() == list(values)
    assert data_store.get_many(list(values)) == values
    assert data_store.clear() == 10_001


def test_get_many_answers_in_the_order_asked_without_those_missing(data_store: Called) -> None:
    data_store.set_many({"a": 1, "b": None, "c": 3})

    answer = data_store.get_many(["c", "nowhere", "a", "b", "c"])

    assert list(answer.items()) == [("c", 3), ("a", 1), ("b", None)]


def test_get_many_counts_a_key_asked_twice_as_two_reads(data_store: Called) -> None:
    data_store.set_many({"a": 1, "b": 2})

    data_store.get_many(["a", "b", "a"])

    assert [data_store.record(key).access_count for key in ("a", "b")] == [2, 1]


def test_get_many_takes_any_iterable_but_no_string(data_store: Called) -> None:
    data_store.set_many({"a": 1, "b": 2})

    assert data_store.get_many(key for key in "ab") == {"a": 1, "b": 2}
    with pytest.raises(TypeError, match=r"\['ab'\]"):
        data_store.get_many("ab")


def test_items_count_nothing(data_store: Called) -> None:
    data_store.set_many({"a": 1, "b": 2})

    assert data_store.items(page_size=1) == [("a", 1), ("b", 2)]
    assert data_store.record("a").access_count == 0


# set_many


@pytest.mark.parametrize("shape", [dict, list, iter], ids=["a dict", "pairs", "an iterator"])
def test_set_many_writes_every_item_with_the_same_metadata(data_store: Called, shape: Any) -> None:
    items = {"a": 1, "b": None, "c": [3]}

    assert data_store.set_many(shape(list(items.items())), {"by": "ann"}) == 3

    assert data_store.get_all() == items
    assert [data_store.get_metadata(key) for key in items] == [{"by": "ann"}] * 3


def test_set_many_merges_metadata_into_that_of_each_record(data_store: Called) -> None:
    data_store.set("a", 1, {"of": "a"})
    data_store.set_many({"a": 2, "b": 2}, {"by": "ann"})

    assert data_store.get_metadata("a") == {"of": "a", "by": "ann"}
    assert data_store.get_metadata("b") == {"by": "ann"}


def test_set_many_takes_the_last_of_a_key_that_comes_twice(data_store: Called) -> None:
    assert data_store.set_many([("a", 1), ("b", 2), ("a", 3)]) == 2
    assert data_store.get_all() == {"a": 3, "b": 2}


@pytest.mark.parametrize("index", [None, {"mode": "text"}], ids=["plain", "indexed"])
def test_set_many_writes_nothing_if_the_server_refuses_one(
    postgres_dsn: str, schema_name: str, index: Any
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        data_store = DataStore(store, "ann", "scribe")
        data_store.set("a", "before")
        refuse_values_with(postgres_dsn, schema_name, "refused")

        with pytest.raises(DatabaseError, match="refused"):
            data_store.set_many({"a": 1, "b": {"refused": 1}, "c": 3})

        assert data_store.get_all() == {"a": "before"}


# What its users miss elsewhere


def test_increment_begins_with_what_it_adds_and_returns_the_sum(data_store: Called) -> None:
    sums = [data_store.increment("n"), data_store.increment("n", 5), data_store.increment("n", -2)]

    assert sums == [1, 6, 4]
    assert data_store.get("n") == 4


def test_increment_adds_decimals_exactly(data_store: Called) -> None:
    assert [data_store.increment("n", 0.1), data_store.increment("n", 0.2)] == [0.1, 0.3]


@pytest.mark.parametrize("value", ["1", None, True, [1], {"n": 1}], ids=repr)
def test_increment_of_what_is_no_number_is_a_type_error(data_store: Called, value: Any) -> None:
    data_store.set("n", value)

    with pytest.raises(TypeError, match="no number"):
        data_store.increment("n")

    assert data_store.get("n") == value


@pytest.mark.parametrize("by", ["1", None, True, [1], 1j], ids=repr)
def test_increment_by_what_is_no_number_is_a_type_error(data_store: Called, by: Any) -> None:
    with pytest.raises(TypeError, match="by is a number"):
        data_store.increment("n", by)

    assert not data_store.exists("n")


@pytest.mark.parametrize(
    ("value", "by"), [(2**64 - 1, 1), (-(2**63), -1), (1e300, 1), (-1e19, 0.5), (2**64 - 1, 0.5)]
)
def test_increment_beyond_64_bits_is_a_value_error(
    data_store: Called, value: float, by: float
) -> None:
    data_store.set("n", value)

    with pytest.raises(ValueError, match="64 bits"):
        data_store.increment("n", by)

    assert data_store.get("n") == value


def test_append_begins_a_list_and_returns_its_length(data_store: Called) -> None:
    assert [data_store.append("l", item) for item in (1, [2], None)] == [1, 2, 3]
    assert data_store.get("l") == [1, [2], None]


@pytest.mark.parametrize("value", ["text", None, 1, {}], ids=repr)
def test_append_to_what_is_no_list_is_a_type_error(data_store: Called, value: Any) -> None:
    data_store.set("l", value)

    with pytest.raises(TypeError, match="no list"):
        data_store.append("l", 1)

    assert data_store.get("l") == value


def test_update_gets_the_value_or_the_default_and_returns_what_it_wrote(
    data_store: Called,
) -> None:
    assert data_store.update("k", lambda value: [value], default="new") == ["new"]
    assert data_store.update("k", lambda value: (*value, 2)) == ["new", 2]
    assert data_store.update("other", lambda value: value) is None
    assert data_store.get_all() == {"k": ["new", 2], "other": None}


def test_an_update_whose_function_raises_writes_nothing(data_store: Called) -> None:
    data_store.set("k", 1)

    with pytest.raises(ZeroDivisionError):
        data_store.update("k", lambda value: value / 0)

    assert (data_store.get("k"), data_store.record("k").version) == (1, 1)


@pytest.mark.parametrize(
    ("value", "expected", "is_written"),
    [
        (1, 1, True),
        (1, 1.0, True),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True),
        (None, None, True),
        ([1, 2], (1, 2), True),
        (1, True, False),
        (0, False, False),
        (0, None, False),
        ("1", 1, False),
        ([1, 2], [2, 1], False),
        ({"a": 1}, {}, False),
    ],
)
def test_compare_and_set_compares_as_json(
    data_store: Called, value: Any, expected: Any, is_written: bool
) -> None:
    data_store.set("k", value)

    assert data_store.compare_and_set("k", expected, "new") is is_written
    assert data_store.get("k") == ("new" if is_written else value)


def test_compare_and_set_creates_no_record(data_store: Called) -> None:
    assert data_store.compare_and_set("k", None, 1) is False
    assert not data_store.exists("k")


def test_set_if_absent_writes_once_also_where_null_is_stored(data_store: Called) -> None:
    assert data_store.set_if_absent("k", None, {"by": "ann"}) is True
    assert data_store.set_if_absent("k", 2, {"by": "bob"}) is False
    assert (data_store.get("k"), data_store.get_metadata("k")) == (None, {"by": "ann"})


def test_atomic_changes_leave_metadata_and_creator(open_: Open) -> None:
    open_().set_many({"n": 1, "l": [], "u": 1, "c": 1}, {"by": "ann"})
    editor = open_(agent="editor")

    editor.increment("n")
    editor.append("l", 1)
    editor.update("u", lambda value: value + 1)
    editor.compare_and_set("c", 1, 2)

    for record in map(editor.record, "nluc"):
        assert (record.metadata, record.created_by_agent) == ({"by": "ann"}, "scribe")
        assert (record.last_accessed_by_agent, record.access_count) == ("editor", 0)


def test_what_is_not_there_has_neither_record_nor_metadata(data_store: Called) -> None:
    assert data_store.record("k") is data_store.get_metadata("k") is None
    assert data_store.exists("k") is False


def test_delete_lists_and_looks_count_no_access(open_: Open) -> None:
    open_(agent=None).set("k", 1)
    reader = open_(agent="reader")

    reader.list_keys()
    reader.list_namespaces()
    reader.exists("k")
    reader.get_metadata("k")
    reader.delete("other")
    reader.search()

    record = reader.record("k")
    assert (record.access_count, record.last_accessed_by_agent) == (0, None)


@pytest.mark.parametrize("agent", [None, ""])
def test_without_an_agents_name_nothing_is_tracked(open_: Open, agent: str | None) -> None:
    nobody = open_(agent=agent)
    nobody.set("k", 1)
    nobody.get("k")
    nobody.get_all()

    record = nobody.record("k")
    assert (record.created_by_agent, record.access_count) == (None, 0)
    assert (record.last_accessed_by_agent, record.last_accessed_at) == (None, None)


@pytest.mark.parametrize("key", ["", None, 1.5, ("a",), b"a", True, "a\x00", "\ud800"], ids=ascii)
def test_no_method_takes_what_is_no_key(data_store: Called, key: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: data_store.get(key),
        lambda: data_store.get_many([key]),
        lambda: data_store.set(key, 1),
        lambda: data_store.set_many([(key, 1)]),
        lambda: data_store.set_if_absent(key, 1),
        lambda: data_store.delete(key),
        lambda: data_store.exists(key),
        lambda: data_store.record(key),
        lambda: data_store.increment(key),
        lambda: data_store.append(key, 1),
        lambda: data_store.update(key, lambda _: 1),
        lambda: data_store.compare_and_set(key, 1, 1),
    ]

    for call in calls:
        with pytest.raises((TypeError, ValueError), match="key"):
            call()

    assert data_store.list_keys() == []


def test_nothing_is_rewritten_in_the_table(
    data_store: Called, user: str, postgres_dsn: str, schema: str
) -> None:
    data_store.use_namespace("files:my-repo").set("k", [1])

    statement = "SELECT namespace, key, value FROM {}.item WHERE user_id = %(user)s"
    rows = execute(postgres_dsn, statement, schema, user=user)

    assert rows == [("files:my-repo", "k", [1])]


# Both forms


def names_of(form: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(form) if not name.startswith("_")}


def test_the_documented_name_is_the_same_class() -> None:
    assert AgentDataStoreProxy is DataStore


def test_both_forms_have_the_same_methods() -> None:
    assert names_of(DataStore) == names_of(AsyncDataStore)


@pytest.mark.parametrize("name", ["__init__", *sorted(names_of(DataStore))])
def test_both_forms_of_a_method_take_the_same_arguments(name: str) -> None:
    blocking, awaited = getattr(DataStore, name), getattr(AsyncDataStore, name)

    if isinstance(blocking, property):
        assert blocking.fget is awaited.fget
    else:
        parameters = inspect.signature(blocking).parameters
        assert inspect.signature(awaited).parameters == parameters


def test_every_method_that_waits_for_the_server_is_a_coroutine() -> None:
    at_once = {"use_namespace", "items", "lock"}
    methods = {name for name in names_of(DataStore) if callable(getattr(DataStore, name))}

    def coroutines(form: type) -> set[str]:
        return {name for name in methods if inspect.iscoroutinefunction(getattr(form, name))}

    assert coroutines(DataStore) == set()
    assert coroutines(AsyncDataStore) == methods - at_once
