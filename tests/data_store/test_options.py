"""What the options of a data store do, in both its forms: log, access, size, TTL; and its cost."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, TypeAlias
from uuid import uuid4

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import AsyncDataStore, DataStore
from langgraph_agentstore.errors import (
    ConfigurationError,
    NotPermittedError,
    StoreClosedError,
    ValueTooLargeError,
)
from tests.data_store.forms import Called, Open
from tests.support.faults import execute

Call: TypeAlias = Callable[[Called], Any]
Log: TypeAlias = "list[dict[str, Any]]"

FORMS = [DataStore, AsyncDataStore]

READS: dict[str, Call] = {
    "get": lambda data: data.get("k"),
    "get_many": lambda data: data.get_many(["k"]),
    "get_all": lambda data: data.get_all(),
    "items": lambda data: data.items(),
    "list_keys": lambda data: data.list_keys(),
    "list_namespaces": lambda data: data.list_namespaces(),
    "exists": lambda data: data.exists("k"),
    "record": lambda data: data.record("k"),
    "get_metadata": lambda data: data.get_metadata("k"),
    "search": lambda data: data.search(),
    "watch": lambda data: data.watch(timeout_s=0),
}
WRITES: dict[str, Call] = {
    "set": lambda data: data.set("k", 1),
    "set_many": lambda data: data.set_many({"k": 1}),
    "set_if_absent": lambda data: data.set_if_absent("new", 1),
    "compare_and_set": lambda data: data.compare_and_set("k", 1, 2),
    "append": lambda data: data.append("list", 1),
    "delete": lambda data: data.delete("k"),
    "clear": lambda data: data.clear(),
    "lock": lambda data: data.lock("k"),
}
BOTH: dict[str, Call] = {
    "increment": lambda data: data.increment("k"),
    "update": lambda data: data.update("k", lambda value: value),
}
ALL = {**READS, **WRITES, **BOTH}


@pytest.fixture(scope="module")
def schema() -> str:
    """One for all: each test has a user of its own."""
    return f"options_{uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def store(postgres_dsn: str, schema: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema) as store:
        yield store


@pytest.fixture
def user() -> str:
    return f"ann-{uuid4()}"


@pytest.fixture(params=FORMS, ids=["blocking", "awaited"])
def open_(store: AgentStore, user: str, request: pytest.FixtureRequest) -> Iterator[Open]:
    loop = asyncio.new_event_loop()

    def opened(agent: str | None = "scribe", of: Any = store, **options: Any) -> Called:
        return Called(request.param(of, user, agent, **options), loop)

    yield opened
    loop.close()


# ops_log


def filled(data: Called) -> None:
    data.set_many({"a": 1, "b": {"n": [2]}, "list": []})


LOGGED: list[tuple[str, Call, dict[str, Any]]] = [
    ("get", lambda d: d.get("b"), {"key": "b", "found": True, "valuePreview": '{"n":[2]}'}),
    ("get", lambda d: d.get("x", 5), {"key": "x", "found": False, "valuePreview": None}),
    ("set", lambda d: d.set("x", ("a", None)), {"key": "x", "valuePreview": '["a",null]'}),
    ("delete", lambda d: d.delete("a"), {"key": "a", "found": True}),
    ("delete", lambda d: d.delete("x"), {"key": "x", "found": False}),
    ("list_keys", lambda d: d.list_keys("l"), {"prefix": "l", "count": 1}),
    ("list_keys", lambda d: d.list_keys(), {"prefix": None, "count": 3}),
    ("list_namespaces", lambda d: d.list_namespaces(), {"count": 1}),
    ("get_all", lambda d: d.get_all(), {"count": 3}),
    ("get_many", lambda d: d.get_many(["a", "x", "b"]), {"requested": 3, "found": 2}),
    ("get_many", lambda d: d.get_many([]), {"requested": 0, "found": 0}),
    ("set_many", lambda d: d.set_many({"x": 1, "y": 2}), {"count": 2, "keys": ["x", "y"]}),
    ("clear", lambda d: d.clear(), {"count": 3}),
    ("increment", lambda d: d.increment("a", 2), {"key": "a", "by": 2}),
    ("append", lambda d: d.append("list", 1), {"key": "list", "count": 1}),
    ("update", lambda d: d.update("a", lambda _: 2), {"key": "a"}),
    ("compare_and_set", lambda d: d.compare_and_set("a", 1, 2), {"key": "a", "written": True}),
    ("compare_and_set", lambda d: d.compare_and_set("a", 2, 3), {"key": "a", "written": False}),
    ("set_if_absent", lambda d: d.set_if_absent("a", 2), {"key": "a", "written": False}),
    ("set_if_absent", lambda d: d.set_if_absent("x", 2), {"key": "x", "written": True}),
    ("search", lambda d: d.search(), {"count": 3}),
]


@pytest.mark.parametrize(
    ("op", "call", "details"), LOGGED, ids=[f"{n}-{op}" for n, (op, _, _) in enumerate(LOGGED)]
)
def test_a_success_is_logged_field_by_field(
    open_: Open, op: str, call: Call, details: dict[str, Any]
) -> None:
    log: Log = []
    filled(open_().use_namespace("files"))
    before = datetime.now(timezone.utc)

    call(open_(ops_log=log).use_namespace("files"))

    (entry,) = log
    assert before <= datetime.fromisoformat(entry.pop("ts")) <= datetime.now(timezone.utc)
    assert entry == {"op": op, "namespace": "files", "agent": "scribe", **details}


def test_entries_come_in_the_order_of_the_calls(open_: Open) -> None:
    log: Log = []
    data = open_(ops_log=log)

    data.set("k", 1)
    data.use_namespace("files").get("k")
    data.delete("k")

    assert [(entry["op"], entry["namespace"]) for entry in log] == [
        ("set", "default"),
        ("get", "files"),
        ("delete", "default"),
    ]


def test_looks_that_are_no_access_are_not_logged(open_: Open) -> None:
    log: Log = []
    data = open_(ops_log=log)

    for name in ("exists", "record", "get_metadata", "items", "lock", "watch"):
        ALL[name](data)
    data.flush()

    assert log == []


def test_of_many_keys_the_first_ten_are_logged(open_: Open) -> None:
    log: Log = []

    open_(ops_log=log).set_many({f"k{n}": n for n in range(25)})

    assert (log[0]["count"], log[0]["keys"]) == (25, [f"k{n}" for n in range(10)])


@pytest.mark.parametrize("length", [0, 197, 198, 199, 5000])
def test_a_preview_is_cut_to_200_characters_and_an_ellipsis(open_: Open, length: int) -> None:
    log: Log = []
    data = open_(ops_log=log)
    value = "é" * length
    text = json.dumps(value, ensure_ascii=False)
    wanted = text if len(text) <= 200 else text[:200] + "…"

    data.set("k", value)
    data.get("k")

    assert [entry["valuePreview"] for entry in log] == [wanted, wanted]


def test_a_failure_is_not_logged(open_: Open) -> None:
    log: Log = []
    open_().set("text", "text")
    data = open_(ops_log=log, access="both", max_value_bytes=10)
    failing: list[Call] = [
        lambda d: d.set("k", {1}),
        lambda d: d.set("k", "x" * 20),
        lambda d: d.set_many([("k", 1), ("l", {1})]),
        lambda d: d.get(""),
        lambda d: d.increment("text"),
        lambda d: d.append("text", 1),
        lambda d: d.update("text", lambda value: value / 2),
        lambda d: d.use_namespace(""),
        lambda d: d.list_keys(limit=-1),
        lambda d: d.search(limit=-1),
    ]

    for call in failing:
        with pytest.raises((TypeError, ValueError)):
            call(data)

    assert log == []


def test_a_log_may_be_a_function(open_: Open) -> None:
    keys: list[str] = []

    open_(ops_log=lambda entry: keys.append(entry["key"])).set("k", 1)

    assert keys == ["k"]


def test_a_log_that_fails_leaves_the_operation_done(
    open_: Open, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(entry: dict[str, Any]) -> None:
        raise OSError("the disk is full")

    data = open_(ops_log=failing)
    with caplog.at_level(logging.ERROR, "langgraph_agentstore"):
        data.set("k", 1)
        assert data.get("k") == 1

    assert ["operations log" in record.message for record in caplog.records] == [True, True]


# access


@pytest.mark.parametrize("name", [*WRITES, *BOTH])
def test_a_proxy_for_reading_writes_nothing(open_: Open, name: str) -> None:
    open_().set_many({"k": 1, "list": []})
    reader = open_(access="read")

    with pytest.raises(NotPermittedError, match=f"{name}: .*access='read'"):
        ALL[name](reader)

    assert reader.get_all() == {"k": 1, "list": []}


@pytest.mark.parametrize("name", [*READS, *BOTH])
def test_a_proxy_for_writing_reads_nothing(open_: Open, name: str) -> None:
    open_().set("k", 1)
    method = {"get_metadata": "record"}.get(name, name)

    with pytest.raises(NotPermittedError, match=f"{method}: .*access='write'"):
        ALL[name](open_(access="write"))

    assert (open_().get("k"), open_().record("k").access_count) == (1, 1)


@pytest.mark.parametrize("access", ["read", "write", "both"])
def test_a_proxy_does_what_it_was_made_for(open_: Open, access: str) -> None:
    data = open_(access=access)
    allowed = {"read": READS, "write": WRITES, "both": ALL}[access]

    for call in allowed.values():
        call(data)


@pytest.mark.parametrize("access", ["read", "write"])
def test_another_namespace_is_no_way_around(open_: Open, access: str) -> None:
    data = open_(access=access).use_namespace("files").use_namespace("default")

    with pytest.raises(NotPermittedError):
        (data.set("k", 1) if access == "read" else data.get("k"))


@pytest.mark.parametrize(
    "options",
    [
        {"access": "all"},
        {"access": None},
        {"max_value_bytes": 0},
        {"max_value_bytes": True},
        {"max_value_bytes": 1.5},
        {"max_value_bytes": "1"},
        {"ttl": 0},
        {"ttl": -1},
        {"ttl": float("nan")},
        {"ttl": "60"},
        {"ops_log": 5},
    ],
    ids=repr,
)
def test_an_option_that_makes_no_sense_is_refused(open_: Open, options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(options))):
        open_(**options)


@pytest.mark.parametrize("form", FORMS)
def test_only_a_store_can_be_stored_in(form: Any) -> None:
    with pytest.raises(ConfigurationError, match="AgentStore"):
        form({}, "ann", "scribe")


# Size


@pytest.mark.parametrize("index", [None, {"mode": "text"}], ids=["plain", "indexed"])
def test_a_value_above_the_limit_is_refused_by_every_method_and_nothing_is_written(
    open_: Open, postgres_dsn: str, schema: str, index: Any
) -> None:
    with AgentStore(postgres_dsn, schema=schema, index=index) as store:
        open_(of=store).set_many({"k": "here", "list": [1, 2, 3], "n": 99_999})
        small = open_(of=store, max_value_bytes=8)
        too_large = "x" * 7
        writes: list[Call] = [
            lambda d: d.set("k", too_large),
            lambda d: d.set_many({"new": 1, "k": too_large}),
            lambda d: d.set_if_absent("new", too_large),
            lambda d: d.compare_and_set("k", "here", too_large),
            lambda d: d.append("list", 4),
            lambda d: d.append("new", too_large),
            lambda d: d.update("k", lambda _: too_large),
            lambda d: d.increment("new", 123_456_789),
        ]

        for write in writes:
            with pytest.raises(ValueTooLargeError, match="max_value_bytes"):
                write(small)

        assert small.get_all() == {"k": "here", "list": [1, 2, 3], "n": 99_999}


def test_a_value_of_just_the_limit_is_written(open_: Open) -> None:
    small = open_(max_value_bytes=8)

    small.set("k", "x" * 6)
    small.set("é", "é" * 3)

    assert small.get_all() == {"k": "x" * 6, "é": "é" * 3}
    assert small.use_namespace("files").set("k", "x" * 6) is None


@pytest.mark.parametrize("index", [None, {"mode": "text"}], ids=["plain", "indexed"])
def test_a_list_may_grow_to_what_could_be_set_at_once(
    open_: Open, postgres_dsn: str, schema: str, index: Any
) -> None:
    with AgentStore(postgres_dsn, schema=schema, index=index) as store:
        data = open_(of=store, max_value_bytes=len("[1,2,3,4,5]"))
        data.set("set", [1, 2, 3, 4, 5])

        assert [data.append("list", n) for n in (1, 2, 3, 4, 5)] == [1, 2, 3, 4, 5]


def test_the_limit_is_a_mebibyte_unless_another_is_given(open_: Open) -> None:
    data = open_()
    data.set("k", "x" * (2**20 - 2))

    with pytest.raises(ValueTooLargeError):
        data.set("k", "x" * (2**20 - 1))
    open_(max_value_bytes=2**21).set("larger", "x" * (2**20 - 1))

    assert len(data.get("k")) == 2**20 - 2


# TTL


def minutes_left(data: Called, key: str = "k") -> float | None:
    record = data.record(key)
    if record.expires_at is None:
        return None
    left: timedelta = record.expires_at - record.updated_at
    return left / timedelta(minutes=1)


TTL_WRITES: dict[str, Callable[..., Any]] = {
    "set": lambda data, **ttl: data.set("k", 1, **ttl),
    "set_many": lambda data, **ttl: data.set_many({"k": 1}, **ttl),
    "set_if_absent": lambda data, **ttl: data.set_if_absent("k", 1, **ttl),
}


@pytest.mark.parametrize("name", list(TTL_WRITES))
def test_the_call_decides_on_the_ttl_then_the_proxy_then_the_store(
    open_: Open, postgres_dsn: str, schema: str, name: str
) -> None:
    write = TTL_WRITES[name]
    with AgentStore(postgres_dsn, schema=schema, ttl={"default_ttl": 30}) as store:
        of_store, of_proxy = open_(of=store), open_(of=store, ttl=20)
        never = open_(of=store, ttl=None)
        found: list[float | None] = []
        calls: list[tuple[Called, dict[str, Any]]] = [
            (of_store, {}),
            (of_proxy, {}),
            (of_store.use_namespace("default", ttl=20), {}),
            (of_proxy, {"ttl": 10.5}),
            (of_proxy, {"ttl": None}),
            (never, {}),
        ]
        for data, ttl in calls:
            write(data, **ttl)
            found.append(minutes_left(data))
            data.delete("k")

    assert found == [30, 20, 20, 10.5, None, None]


def test_nothing_expires_unless_somebody_says_so(open_: Open) -> None:
    open_().set("k", 1)

    assert minutes_left(open_()) is None


def test_a_set_decides_anew_on_the_ttl(open_: Open) -> None:
    data = open_()
    data.set("k", 1, ttl=10)
    data.set("k", 2)

    assert minutes_left(data) is None


@pytest.mark.parametrize("index", [None, {"mode": "text"}], ids=["plain", "indexed"])
@pytest.mark.parametrize(
    ("value", "change"),
    [
        (1, lambda d: d.increment("k")),
        ([1], lambda d: d.append("k", 2)),
        (1, lambda d: d.update("k", lambda value: value)),
        (1, lambda d: d.compare_and_set("k", 1, 2)),
    ],
    ids=["increment", "append", "update", "compare_and_set"],
)
def test_an_atomic_change_keeps_the_ttl_which_begins_anew(
    open_: Open, postgres_dsn: str, schema: str, index: Any, value: Any, change: Call
) -> None:
    with AgentStore(postgres_dsn, schema=schema, index=index) as store:
        data = open_(of=store)
        data.set("k", value, ttl=10)
        first = data.record("k")

        change(data)

        assert minutes_left(data) == 10
        assert data.record("k").expires_at > first.expires_at


def test_reading_moves_no_expiry(open_: Open, postgres_dsn: str, schema: str) -> None:
    ttl: Any = {"default_ttl": 30, "refresh_on_read": True}
    with AgentStore(postgres_dsn, schema=schema, ttl=ttl) as store:
        data = open_(of=store)
        data.set("k", 1)
        first = data.record("k")

        for name in READS:
            ALL[name](data)
        data.flush()

        assert data.record("k").expires_at == first.expires_at


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), "60", True, [5]], ids=repr)
def test_a_ttl_that_is_no_number_of_minutes_is_refused(open_: Open, ttl: Any) -> None:
    for write in TTL_WRITES.values():
        with pytest.raises((TypeError, ValueError), match="ttl"):
            write(open_(), ttl=ttl)
    with pytest.raises((TypeError, ValueError), match="ttl"):
        open_().use_namespace("files", ttl=ttl)

    assert open_().get_all() == {}


@pytest.mark.parametrize("name", ["set", "set_many", "set_if_absent"])
def test_what_replaces_an_expired_record_inherits_nothing(
    open_: Open, user: str, postgres_dsn: str, schema: str, name: str
) -> None:
    data, editor = open_(), open_(agent="editor")
    data.set("k", 1, {"by": "ann"}, ttl=10)
    data.get("k")
    expire(postgres_dsn, schema, user)

    TTL_WRITES[name](editor)

    record = data.record("k")
    assert (record.created_by_agent, record.last_accessed_by_agent) == ("editor", "editor")
    assert (record.metadata, record.access_count, record.expires_at) == ({}, 0, None)


def test_an_expired_record_is_not_there_for_any_method(
    open_: Open, user: str, postgres_dsn: str, schema: str
) -> None:
    data = open_()
    data.set("k", 1, ttl=10)
    expire(postgres_dsn, schema, user)

    assert (data.get("k"), data.get_many(["k"]), data.get_all()) == (None, {}, {})
    assert (data.list_keys(), data.items(), data.list_namespaces()) == ([], [], [])
    assert (data.exists("k"), data.record("k"), data.search()) == (False, None, [])
    assert data.compare_and_set("k", 1, 2) is False
    assert (data.increment("k", 5), data.get("k")) == (5, 5)


@pytest.mark.parametrize("name", ["delete", "clear"])
def test_removing_an_expired_record_is_removing_nothing(
    open_: Open, user: str, postgres_dsn: str, schema: str, name: str
) -> None:
    open_().set("k", 1, ttl=10)
    expire(postgres_dsn, schema, user)

    assert not ALL[name](open_())


def expire(dsn: str, schema: str, user: str) -> None:
    statement = "UPDATE {}.item SET expires_at = now() - interval '1 s' WHERE user_id = %(user)s"
    execute(dsn, statement, schema, user=user)


# flush and close


def counted(dsn: str, schema: str, user: str) -> list[tuple[Any, ...]]:
    statement = "SELECT key, access_count FROM {}.item_access WHERE user_id = %(user)s ORDER BY key"
    return execute(dsn, statement, schema, user=user)


@pytest.mark.parametrize("name", ["flush", "close"])
def test_reads_are_counted_in_the_table_after_flush_and_after_close(
    open_: Open, user: str, postgres_dsn: str, schema: str, name: str
) -> None:
    data = open_()
    data.set_many({"a": 1, "b": 2})
    data.get("a")
    data.use_namespace("default").get_many(["a", "b"])

    getattr(data, name)()

    assert counted(postgres_dsn, schema, user) == [("a", 2), ("b", 1)]


def test_closing_a_data_store_leaves_the_store_open(open_: Open) -> None:
    data = open_()
    data.set("k", 1)
    data.close()

    assert data.get("k") == 1


def test_closing_the_store_counts_the_reads(
    open_: Open, user: str, postgres_dsn: str, schema: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema) as store:
        data = open_(of=store)
        data.set("k", 1)
        data.get("k")

    assert counted(postgres_dsn, schema, user) == [("k", 1)]


def test_a_data_store_of_a_closed_store_can_be_closed_and_no_more(
    open_: Open, postgres_dsn: str, schema: str
) -> None:
    store = AgentStore(postgres_dsn, schema=schema)
    data = open_(of=store)
    data.set("k", 1)
    store.close()

    data.close()
    with pytest.raises(StoreClosedError):
        data.get("k")
    with pytest.raises(StoreClosedError):
        data.flush()


def test_a_read_succeeds_where_it_cannot_be_counted(
    open_: Open, postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        data = open_(of=store)
        data.set("k", 1)
        data.flush()
        execute(postgres_dsn, "ALTER TABLE {}.item_access RENAME TO moved", schema_name)

        assert (data.get("k"), data.get_many(["k"]), data.get_all()) == (1, {"k": 1}, {"k": 1})

        execute(postgres_dsn, "ALTER TABLE {}.moved RENAME TO item_access", schema_name)
        data.flush()
        assert data.record("k").access_count == 3


# Cost

COSTS: list[tuple[str, Call, int]] = [
    *[(name, call, 1) for name, call in READS.items() if name not in ("search", "watch")],
    *[(name, call, 1) for name, call in WRITES.items() if name not in ("lock",)],
    ("increment", BOTH["increment"], 1),
    ("update", BOTH["update"], 2),
    ("get of what is not there", lambda d: d.get("nowhere"), 1),
    ("get_many of 1,000", lambda d: d.get_many([f"{n:05}" for n in range(1000)]), 1),
    ("get_many of none", lambda d: d.get_many([]), 0),
    ("set_many of 1,000", lambda d: d.set_many({f"new {n}": n for n in range(1000)}), 1),
    ("set_many of none", lambda d: d.set_many({}), 0),
    ("get_all of 10,000", lambda d: d.use_namespace("large").get_all(), 1),
    ("use_namespace", lambda d: d.use_namespace("files"), 0),
]


@pytest.mark.parametrize(("name", "call", "cost"), COSTS, ids=[name for name, _, _ in COSTS])
def test_each_method_is_one_statement_and_its_tracking_one_more_for_all_that_was_read(
    open_: Open, store: AgentStore, name: str, call: Call, cost: int
) -> None:
    data = open_()
    data.set_many({"k": 1, "list": []})
    if name == "get_all of 10,000":
        data.use_namespace("large").set_many({f"{n:05}": n for n in range(10_000)})
    data.flush()
    untracked = open_(agent=None)

    if name == "list_namespaces":
        call(untracked)  # once a second, a listing also looks whether anything is shared

    before = store.stats().statements
    call(untracked)
    alone = store.stats().statements - before
    data.set_many({"k": 1, "list": []})
    data.flush()

    before = store.stats().statements
    call(data)
    data.flush()
    with_tracking = store.stats().statements - before

    assert alone == cost
    assert with_tracking - alone in (0, 1)


def test_a_thousand_reads_are_counted_by_one_statement(open_: Open, store: AgentStore) -> None:
    data = open_()
    data.set_many({f"{n}": n for n in range(1000)})
    data.flush()

    before = store.stats().statements
    data.get_all()
    data.flush()

    assert store.stats().statements - before == 2
    assert data.record("999").access_count == 1
