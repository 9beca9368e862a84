"""`agentstore ls`, `get` and the like, as processes on a real server."""

from __future__ import annotations

import sys

import pytest

from langgraph_agentstore import AgentStore
from tests.support.commands import agentstore, on_terminal

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")


def test_listing_the_root_shows_the_namespaces_below(filled: str) -> None:
    done = agentstore("ls", dsn=filled)
    assert (done.status, done.err) == (0, "")
    assert done.rows == [{"namespace": "docs/"}, {"namespace": "users/"}]


def test_listing_a_namespace_shows_namespaces_and_items(filled: str) -> None:
    rows = agentstore("ls", "users/ada/notes", dsn=filled).rows
    assert rows[0] == {"namespace": "users/ada/notes/old/"}
    assert [(row["key"], row["value"]["n"]) for row in rows[1:]] == [
        ("n0", 0),
        ("n1", 1),
        ("n2", 2),
    ]


def test_a_recursive_listing_continues_after_any_item(filled: str) -> None:
    whole = [r["key"] for r in agentstore("ls", "-r", "--limit", "0", dsn=filled).rows]
    assert sorted(whole) == ["n0", "n1", "n2", "o", "readme", "x/y"]
    seen: list[str] = []
    more: list[str] = []
    while True:
        done = on_terminal("ls", "-r", "--json", "--limit", "2", *more, dsn=filled)
        seen += [row["key"] for row in done.rows]
        if "--after" not in done.err:
            break
        more = ["--after", done.err.split("--after ")[1].split(" ")[0].strip("'")]
    assert seen == whole


def test_a_filter_is_typed_as_a_condition_or_as_json(filled: str) -> None:
    for condition in ("n>=2", '{"n": {"$gte": 2}}'):
        rows = agentstore("ls", "-r", "users/ada", "--filter", condition, dsn=filled).rows
        assert [row["key"] for row in rows] == ["n2", "o"]
    done = agentstore("ls", "docs", "--filter", "nonsense", dsn=filled)
    assert done.status == 2
    assert done.err.startswith("agentstore: 'nonsense' is not a condition")


def test_a_user_with_any_id_and_labels_with_slashes_are_reached(filled: str) -> None:
    row = {"namespace": "users/bob@example.com/a%2Fb/"}
    assert row in agentstore("ls", "users/bob@example.com", dsn=filled).rows
    done = agentstore("get", "users/bob@example.com/a%2Fb", "x/y", dsn=filled)
    assert done.rows == [{"value": {"text": "tea"}}]
    assert agentstore("get", "a%2Fb", "x/y", "--user", "bob@example.com", dsn=filled) == done


def test_getting_what_is_not_there_ends_with_status_1(filled: str) -> None:
    done = agentstore("get", "docs", "none", dsn=filled)
    assert (done.status, done.out) == (1, "")
    assert done.err == "agentstore: there is no item 'none' in 'docs'\n"


@posix
@pytest.mark.parametrize("columns", [80, 200])
def test_a_table_fits_the_terminal(fresh_database: str, columns: int) -> None:
    with AgentStore(fresh_database) as store:
        store.put(("docs",), "long", {"text": "word " * 1000})
        store.put(("docs",), "k" * 120, {"text": "x"})
    done = on_terminal("ls", "docs", dsn=fresh_database, columns=columns)
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0].split() == ["key", "version", "updated", "size", "value"]
    assert len(lines) == 3
    assert max(len(line) for line in lines) <= columns
    assert any("…" in line and '{"text"' in line for line in lines)


HOSTILE = "\x1b]0;owned\x07\x1b[2J[red]\u202eevil\u2066\x9b31m\r\n"


@posix
def test_what_users_stored_never_controls_the_terminal(fresh_database: str) -> None:
    with AgentStore(fresh_database) as store:
        store.for_user(HOSTILE).put((HOSTILE.replace(".", ""),), HOSTILE, {"t": HOSTILE})
    shown = ""
    for arguments in (["ls", "-r"], ["ls", "-r", "--json"], ["ls", "users"]):
        done = on_terminal(*arguments, dsn=fresh_database)
        assert done.status == 0, done.err
        shown += done.out
    assert "[red]" in shown
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u2066"} & {*shown}


@posix
def test_a_large_value_is_cut_on_a_terminal_only(fresh_database: str) -> None:
    with AgentStore(fresh_database) as store:
        store.put(("docs",), "big", {"text": "x" * 1_000_000})
    cut = on_terminal("get", "docs", "big", dsn=fresh_database)
    assert len(cut.out) < 25_000
    assert "--full shows all" in cut.err
    assert len(on_terminal("get", "docs", "big", "--full", dsn=fresh_database).out) > 1_000_000
    assert (
        len(agentstore("get", "docs", "big", dsn=fresh_database).rows[0]["value"]["text"]) == 10**6
    )
