"""What the statements of `data_store` make of their rows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from langgraph_agentstore.data_store.sql.atomic_changes import (
    plan_append,
    plan_compare_and_set,
    plan_delete,
    plan_increment,
)
from langgraph_agentstore.data_store.sql.changes import (
    SeenChanges,
    StoredChange,
    Watcher,
    decode_changes,
    plan_begin_watch,
    plan_changes_since,
    plan_end_watch,
    plan_renew_watch,
)
from langgraph_agentstore.data_store.sql.locks import Lease, plan_acquire, plan_release, plan_renew
from langgraph_agentstore.errors import InvalidNamespaceError
from langgraph_agentstore.model.addresses import MAX_ADDRESS_BYTES, locate
from langgraph_agentstore.model.users import Address, UserScope
from langgraph_agentstore.sql.access_counts import Accesses, count_statement
from langgraph_agentstore.sql.items.get import Gotten, decode_gets
from langgraph_agentstore.sql.items.put import put_together_statement
from langgraph_agentstore.sql.items.records import (
    StoredRecord,
    plan_all_values,
    plan_exists,
    plan_keys,
    plan_namespace_names,
    plan_one_record,
    plan_page_of_values,
)
from langgraph_agentstore.sql.statement import Get, Put, PutTogether, SqlContext, StoredValue
from langgraph_agentstore.sql.tables import Tables

RULES = SqlContext(Tables("agentstore"))
AT = locate(Address("ann", ("files", "a")), ("files", "a"))
KEY = ("ann", "files:a", "k")
PUT = Put(KEY, "files", b"1", None)
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
MINE, ANOTHERS = UUID(int=1), UUID(int=2)


def test_a_get_without_labels_is_answered_with_the_value_as_it_is_stored() -> None:
    read = decode_gets([Get(KEY, None, False)], [([1], THEN, THEN, None, None)])
    assert read == Gotten([StoredValue([1], THEN)], [], [])


def test_a_record_is_made_of_its_columns() -> None:
    row = ("ann", "files:a", "k", None, {"m": 1}, 2, "w", THEN, THEN, None, None, 3, THEN, "r")
    decode = plan_one_record(AT, "k", RULES).decode
    assert decode([]).result is None
    assert decode([row]).result == StoredRecord("ann", ("files", "a"), *row[2:])


def test_values_and_keys_come_by_key() -> None:
    rows = [("a", 1, THEN), ("b", None, THEN)]
    values = {"a": StoredValue(1, THEN), "b": StoredValue(None, THEN)}
    assert plan_all_values(AT, RULES).decode(rows).result == values
    assert plan_page_of_values(AT, "", None, 2, RULES).decode(rows).result == values
    assert plan_keys(AT, "", None, None, RULES).decode([("a",), ("b",)]).result == ["a", "b"]
    assert plan_exists(AT, "k", RULES).decode([()]).result is True
    assert plan_exists(AT, "k", RULES).decode([]).result is False


@pytest.mark.parametrize(
    ("prefix", "after", "arguments"),
    [
        ("", None, ("ann", "files:a", 5)),
        ("p", None, ("ann", "files:a", "p", "q", 5)),
        ("p", "pa", ("ann", "files:a", "p", "q", "pa", 5)),
        ("\U0010ffff", None, ("ann", "files:a", "\U0010ffff", 5)),
    ],
)
def test_a_page_of_keys_is_one_range(prefix: str, after: str | None, arguments: Any) -> None:
    statement = plan_keys(AT, prefix, after, 5, RULES)
    assert statement.arguments == arguments
    assert all(f"${n}" in statement.sql for n in range(1, len(arguments) + 1))


def test_namespaces_that_no_string_names_are_left_out() -> None:
    listing = plan_namespace_names(UserScope("ann"), RULES)
    # Each row: which walk, whose, and the place.
    rows = [(0, "ann", place) for place in ("", "b\x01c", "a:b", "a")]
    assert listing.decode(rows).result == ["a", "b:c"]


def test_what_a_change_came_to_is_told_by_its_row() -> None:
    assert plan_delete(AT, "k", RULES).decode([]).result is False
    assert plan_delete(AT, "k", RULES).decode([(False, None)]).result is False
    assert plan_delete(AT, "k", RULES).decode([(True, None)]).result is True
    assert plan_increment(PUT, RULES).decode([(3, None)]).result == 3
    assert plan_increment(PUT, RULES).decode([]).result is None
    assert plan_append(PUT, 10, RULES).decode([(2, None)]).result == 2
    assert plan_append(PUT, 10, RULES).decode([]).result is None
    assert plan_compare_and_set(PUT, 1, RULES).decode([(4, None)]).result is True
    assert plan_compare_and_set(PUT, 1, RULES).decode([]).result is False
    assert put_together_statement(PutTogether([PUT]), RULES).decode([]).result == 1


def test_what_changes_in_place_is_run_once_alone() -> None:
    for statement in (
        plan_delete(AT, "k", RULES),
        plan_increment(PUT, RULES),
        plan_append(PUT, 10, RULES),
        plan_compare_and_set(PUT, 1, RULES),
        plan_release(KEY, MINE, RULES),
    ):
        assert not statement.idempotent


def test_a_lease_has_a_token_for_its_holder_alone() -> None:
    acquire = plan_acquire(KEY, "me", MINE, timedelta(seconds=1), RULES)
    assert acquire.idempotent
    assert acquire.decode([("me", THEN, MINE)]).result == Lease("me", THEN, MINE)
    assert acquire.decode([("you", THEN, ANOTHERS)]).result == Lease("you", THEN, None)
    assert plan_renew(KEY, MINE, timedelta(seconds=1), RULES).decode([(THEN,)]).result == THEN
    assert plan_renew(KEY, MINE, timedelta(seconds=1), RULES).decode([]).result is None
    assert plan_release(KEY, MINE, RULES).decode([(True,)]).result is True
    assert plan_release(KEY, MINE, RULES).decode([(False,)]).result is False
    assert plan_release(KEY, MINE, RULES).decode([]).result is False


def test_changes_come_with_the_snapshot_to_go_on_from() -> None:
    nothing = ("5:5:", False, None, None, None, True, None, None)
    assert decode_changes("alice", [nothing], RULES) == SeenChanges("5:5:", False, [])
    row = ("5:5:", True, "files", "k", 2, False, None, THEN)
    watcher = Watcher(UUID(int=1), "bob")
    since = plan_changes_since(AT, "p", "1:1:", watcher, RULES)
    change = StoredChange("files", "k", 2, False, None, THEN)
    assert since.decode([row]).result == SeenChanges("5:5:", True, [change])
    assert since.arguments == (AT.user_id, "1:1:", AT.stored, "p", watcher.id)
    assert since.users == ("bob",)


def test_a_watch_is_registered_with_another_user_by_name() -> None:
    mine, theirs = Watcher(UUID(int=1), "alice"), Watcher(UUID(int=1), "bob")
    assert plan_begin_watch("alice", mine, RULES).arguments[3] == "alice"
    assert plan_begin_watch("alice", theirs, RULES).users == ("bob",)
    assert plan_begin_watch("alice", theirs, RULES).decode([]).result == "alice"
    assert plan_renew_watch("alice", theirs, RULES).decode([(1,)]).result is True
    assert plan_renew_watch("alice", theirs, RULES).decode([]).result is False
    assert plan_end_watch("alice", theirs, RULES).decode([]).result is None


def test_reads_are_counted_as_columns() -> None:
    access = Accesses(KEY, None, 2, timedelta(seconds=1), "r")
    _, arguments = count_statement([access], RULES)
    assert arguments == (
        ["ann"], ["files:a"], ["k"], [None], [2], [timedelta(seconds=1)], ["r"],
    )  # fmt: skip


def test_a_namespace_that_leaves_no_room_for_a_key_is_refused() -> None:
    labels = ("n" * MAX_ADDRESS_BYTES,)
    with pytest.raises(InvalidNamespaceError, match="shorten the labels"):
        locate(Address("ann", labels), labels)
