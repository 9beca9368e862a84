"""`agentstore put`, `rm`, `cp`, `mv` and `forget-user`, as processes."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from tests.support.commands import agentstore
from tests.support.faults import execute
from tests.support.matrices import few

NOTES = ("users", "ada", "notes")


def keys(dsn: str, within: str = "") -> list[tuple[str, str]]:
    """The namespaces and keys of all items, or of those at or below a namespace."""
    sql = (
        "SELECT CASE user_id WHEN '' THEN '' ELSE 'users/' || user_id || '/' END"
        " || replace(namespace, ':', '/') AS path, key FROM agentstore.item ORDER BY 1, 2"
    )
    return [(path, key) for path, key in execute(dsn, sql) if path.startswith(within)]


def put(dsn: str, key: str, value: dict[str, Any]) -> None:
    with AgentStore(dsn) as store:
        store.put(("docs",), key, value)


def value_of(dsn: str, key: str) -> dict[str, Any]:
    """The value of an item of the namespace docs."""
    with AgentStore(dsn) as store:
        item = store.get(("docs",), key)
    assert item is not None
    return item.value


def test_a_value_is_put_from_an_argument_or_from_standard_input(filled: str) -> None:
    assert agentstore("put", "users/ada/notes", "tea", '{"n": 1}', dsn=filled).status == 0
    assert (
        agentstore("put", "notes", "milk", "--user", "ada", dsn=filled, stdin='{"n": 2}').status
        == 0
    )
    with AgentStore(filled) as store:
        found = [store.get(NOTES, key) for key in ("tea", "milk")]
        assert [item.value for item in found if item is not None] == [{"n": 1}, {"n": 2}]


def test_a_put_may_expect_a_version_and_give_an_expiry(filled: str) -> None:
    again = agentstore("put", "docs", "readme", "{}", "--version", "0", dsn=filled)
    assert (again.status, "readme" in again.err) == (4, True)
    done = agentstore("put", "docs", "readme", "{}", "--version", "1", "--ttl", "60", dsn=filled)
    assert done.status == 0
    [row] = agentstore("get", "docs", "readme", "--record", dsn=filled).rows
    assert (row["version"], row["value"], row["expires_at"] is not None) == (2, {}, True)


@pytest.mark.parametrize(
    ("value", "said"), [("{", "the value is not JSON"), ("[1]", "this is a list"), ("", "not JSON")]
)
def test_a_value_that_is_no_object_is_refused(filled: str, value: str, said: str) -> None:
    done = agentstore("put", "docs", "x", dsn=filled, stdin=value)
    assert (done.status, said in done.err) == (2, True)
    assert agentstore("get", "docs", "x", dsn=filled).status == 1


def test_who_writes_without_the_index_that_a_store_has_is_warned(filled: str) -> None:
    with AgentStore(filled, index={"mode": "text", "language": "german"}) as store:
        store.put(("docs",), "b", {"text": "tea"})
    done = agentstore("put", "docs", "c", "{}", dsn=filled)
    assert "written without their search index" in done.err


def test_what_the_command_writes_it_finds_by_words(fresh_database: str) -> None:
    put = agentstore("put", "users/ada/notes", "pet", '{"text": "a cat"}', dsn=fresh_database)
    assert (put.status, put.err) == (0, "")
    agentstore("cp", "users/ada/notes", "users/ada/copies", dsn=fresh_database)
    found = agentstore("search", "cat", "--user", "ada", dsn=fresh_database)
    assert {row["namespace"] for row in found.rows} == {"users/ada/notes", "users/ada/copies"}
    assert found.err == ""


def test_a_store_without_an_index_stays_so_without_a_warning(filled: str) -> None:
    assert agentstore("put", "docs", "c", '{"text": "tea"}', dsn=filled).err == ""
    assert execute(filled, "SELECT count(*) FROM agentstore.item WHERE words_by IS NOT NULL") == [
        (0,)
    ]


def test_a_search_that_finds_nothing_says_so_to_a_person(filled: str) -> None:
    assert "nothing found" in agentstore("search", "zebra", "--table", dsn=filled).err
    assert "nothing found" not in agentstore("search", "zebra", dsn=filled).err


REMOVALS = {
    ("rm", "users/ada/notes", "n0"): ("item 'n0' of 'users/ada/notes'", 1),
    ("rm", "users/ada/notes"): ("3 items in 'users/ada/notes'", 3),
    ("rm", "-r", "users/ada/notes"): ("4 items in 2 namespaces at or below 'users/ada/notes'", 4),
    ("rm", "docs", "readme"): ("item 'readme' of 'docs'", 1),
    ("rm", "docs", "-r"): ("1 item in 1 namespace at or below 'docs'", 1),
    ("forget-user", "bob@example.com"): ("1 item in 1 namespace at or below", 1),
}


@few(2)
@pytest.mark.parametrize("arguments", REMOVALS)
def test_a_removal_tells_what_it_would_do_and_does_it_when_confirmed(
    filled: str, arguments: tuple[str, ...]
) -> None:
    said, removed = REMOVALS[arguments]
    before = keys(filled)
    asked = agentstore(*arguments, dsn=filled)
    assert (asked.status, asked.out) == (5, "")
    assert f"would remove {said}" in asked.err
    assert keys(filled) == before
    done = agentstore(*arguments, "--yes", dsn=filled)
    assert (done.status, done.rows[0]["removed"]) == (0, removed)
    assert len(keys(filled)) == len(before) - removed


def test_removing_what_is_not_there_ends_with_status_1(filled: str) -> None:
    for arguments in (("rm", "docs", "none"), ("rm", "none", "-r"), ("forget-user", "eve")):
        assert agentstore(*arguments, "--yes", dsn=filled).status == 1


def test_removing_above_all_users_removes_nothing_of_them(filled: str) -> None:
    with AgentStore(filled) as store:
        store.put(("users",), "k", {})
    assert agentstore("rm", "-r", "users", "--yes", dsn=filled).rows[0]["removed"] == 1
    assert len(keys(filled)) == 6
    assert agentstore("rm", "-r", "/", "--yes", dsn=filled).status == 2


def rows_of(dsn: str, user: str) -> list[tuple[Any, ...]]:
    """All of a user's rows but the namespace."""
    return execute(
        dsn,
        "SELECT key, value, metadata, created_by, created_at, updated_at, expires_at, ttl"
        " FROM agentstore.item WHERE user_id = %(user)s ORDER BY namespace, key",
        user=user,
    )


def test_a_copy_keeps_all_of_an_item_but_its_namespace(filled: str) -> None:
    with AgentStore(filled) as store:
        store.put(NOTES, "soon", {"n": 5}, ttl=90)
    done = agentstore("cp", "users/ada/notes", "users/eve/kept", dsn=filled)
    assert done.rows == [{"items": 5, "target": "users/eve/kept"}]
    assert rows_of(filled, "eve") == rows_of(filled, "ada")
    assert ("users/eve/kept/old", "o") in keys(filled, "users/eve")


def test_a_copy_replaces_what_is_there_only_if_told(filled: str) -> None:
    mine = {"mine": True}
    put(filled, "n0", mine)
    copying = ("cp", "users/ada/notes", "docs", "--key", "n0")
    refused = agentstore(*copying, dsn=filled)
    assert (refused.status, "has an item 'n0' already" in refused.err) == (4, True)
    assert agentstore(*copying, "--on-conflict", "skip", dsn=filled).status == 1
    assert value_of(filled, "n0") == mine
    assert agentstore(*copying, "--on-conflict", "upsert", dsn=filled).rows[0]["items"] == 1
    assert value_of(filled, "n0")["n"] == 0
    assert agentstore(*copying, "--new-key", "other", dsn=filled).status == 0
    assert value_of(filled, "other")["n"] == 0


def test_a_move_needs_confirmation_and_leaves_nothing_behind(filled: str) -> None:
    moving = ("mv", "users/ada/notes", "users/ada/archive")
    asked = agentstore(*moving, dsn=filled)
    assert (asked.status, "would move 4 items" in asked.err) == (5, True)
    assert agentstore(*moving, "--yes", dsn=filled).rows[0]["items"] == 4
    assert [namespace for namespace, _ in keys(filled, "users/ada")] == [
        *["users/ada/archive"] * 3,
        "users/ada/archive/old",
    ]


def test_a_move_that_skips_leaves_the_skipped_item_where_it_is(filled: str) -> None:
    put(filled, "n0", {"mine": True})
    moving = ("mv", "users/ada/notes", "docs", "--on-conflict", "skip", "--yes")
    assert agentstore(*moving, dsn=filled).rows[0]["items"] == 3
    assert keys(filled, "users/ada") == [("users/ada/notes", "n0")]


def test_nothing_is_copied_into_itself(filled: str) -> None:
    for target in ("users/ada/notes", "users/ada/notes/deeper"):
        done = agentstore("cp", "users/ada/notes", target, dsn=filled)
        assert (done.status, "is at or below" in done.err) == (2, True)
    assert agentstore("cp", "users/ada/notes", "users/ada", "--key", "n0", dsn=filled).status == 0
    assert agentstore("cp", "docs", "d", "--key", "none", dsn=filled).status == 1


def test_a_user_who_is_erased_for_good_is_written_no_more_and_there_is_a_receipt(
    filled: str,
) -> None:
    erasing = ("forget-user", "ada", "--for-good")
    asked = agentstore(*erasing, dsn=filled)
    assert (asked.status, "would remove 4 items" in asked.err) == (5, True)
    [receipt] = agentstore(*erasing, "--yes", "--vacuum", dsn=filled).rows
    assert receipt["removed"]["item"] == 4
    assert len(receipt["digest"]) == 64
    late = agentstore("put", "users/ada/notes", "tea", "{}", dsn=filled)
    assert (late.status, late.err.count("\n")) == (4, 1)
    assert keys(filled, "users/ada") == []
