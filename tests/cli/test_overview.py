"""`agentstore users`, `tree`, `count`, `top`, `stats`, `search`, `watch`, as processes."""

from __future__ import annotations

import json
import signal
import sys
from select import select
from typing import Any

import pytest

from langgraph_agentstore import AgentStore, DataStore
from tests.support.commands import agentstore, on_terminal, running
from tests.support.embedders import CountingEmbedder
from tests.support.servers import temporary_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and pseudo terminals")


def test_users_are_listed_page_by_page_with_what_they_have(filled: str) -> None:
    rows = agentstore("users", dsn=filled).rows
    assert [(r["user"], r["items"], r["namespaces"]) for r in rows] == [
        ("", 1, 1),
        ("ada", 4, 2),
        ("bob@example.com", 1, 1),
    ]
    first = agentstore("users", "--limit", "2", dsn=filled)
    assert len(first.rows) == 2
    assert "--after 'ada'" in first.err
    rest = agentstore("users", "--after", "ada", dsn=filled)
    assert [row["user"] for row in rest.rows] == ["bob@example.com"]


@posix
def test_a_tree_draws_namespaces_with_their_numbers_of_items(filled: str) -> None:
    drawn = on_terminal("tree", dsn=filled).out.splitlines()
    assert drawn == [
        "├── docs  1",
        "└── users",
        "    ├── ada",
        "    │   └── notes  3",
        "    │       └── old  1",
        "    └── bob@example.com",
        "        └── a%2Fb  1",
    ]
    below = agentstore("tree", "users/ada/notes", dsn=filled).rows
    assert [row["namespace"] for row in below] == ["users/ada/notes", "users/ada/notes/old"]


def test_items_are_counted_below_a_namespace_by_a_filter(filled: str) -> None:
    counts = {
        (): 6,
        ("users",): 5,
        ("users/ada",): 4,
        ("users/bob@example.com/a%2Fb",): 1,
        ("docs",): 1,
        ("users/ada", "--filter", "n>=2"): 2,
    }
    for arguments, items in counts.items():
        assert agentstore("count", *arguments, dsn=filled).rows[0]["items"] == items


def test_the_largest_and_the_most_read_items_come_first(filled: str) -> None:
    with AgentStore(filled) as store:
        store.put(("users", "ada", "notes"), "big", {"text": "x" * 5000})
        data = DataStore(store, "ada", "agent", "notes")
        for key in ("n1", "n1", "n2"):
            data.get(key)
        data.flush()
    large = agentstore("top", "--limit", "2", dsn=filled).rows
    assert (large[0]["key"], large[0]["size"]) == ("big", 5012)
    read = agentstore("top", "--by", "reads", dsn=filled).rows
    assert [(row["key"], row["reads"], row["last_read_by"]) for row in read] == [
        ("n1", 2, "agent"),
        ("n2", 1, "agent"),
    ]


@posix
def test_stats_tell_versions_and_sizes(filled: str) -> None:
    [row] = agentstore("stats", dsn=filled).rows
    assert row["server"].startswith("Postgres ")
    assert {"item", "migration", "change"} <= set(row["tables"])
    assert row["bytes"] > 0
    shown = on_terminal("stats", dsn=filled)
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "rows, about" in shown.out


def test_words_are_searched_without_a_profile_and_vectors_need_one(filled: str) -> None:
    with AgentStore(filled, index={"mode": "text"}) as store:
        store.put(("users", "ada", "notes"), "tea", {"text": "Green tea at 80 degrees"})
        store.for_user("eve").put(("n",), "cup", {"text": "a cup of tea"})
    done = agentstore("search", "green tea", dsn=filled)
    assert [(row["namespace"], row["key"]) for row in done.rows] == [
        ("users/ada/notes", "tea"),
        ("users/eve/n", "cup"),
    ]
    assert done.rows[0]["words"] == ["green", "tea"]
    [own] = agentstore("search", "tea", "--user", "eve", "--filter", "text~x", dsn=filled).rows or [
        {}
    ]
    assert own == {}
    [found] = agentstore("search", "tea", "n", "--user", "eve", dsn=filled).rows
    assert found["namespace"] == "users/eve/n"
    refused = agentstore("search", "tea", "--mode", "vector", dsn=filled)
    assert (refused.status, "name the model in a profile" in refused.err) == (2, True)
    how = agentstore("search", "tea", "--explain", dsn=filled).rows[0]
    assert how["way"] == "exact"
    assert "WITH" in how["sql"]


def test_items_written_without_words_are_found_after_a_reindex(filled: str) -> None:
    before = agentstore("search", "note", "--user", "ada", dsn=filled)
    assert (before.out, "written without this index" in before.err) == ("", True)
    assert agentstore("reindex", dsn=filled).rows == [{"items": 6}]
    found = agentstore("search", "note", "--user", "ada", dsn=filled)
    assert ({row["key"] for row in found.rows}, found.err) == ({"n0", "n1", "n2"}, "")


def test_vectors_are_reindexed_only_by_the_index_of_a_profile(filled: str) -> None:
    index = {"dims": 4, "embed": CountingEmbedder(4), "model": "small"}
    with AgentStore(filled, index=index) as store:
        store.put(("docs",), "tea", {"text": "green"})
    done = agentstore("reindex", dsn=filled)
    assert (done.status, done.out) == (2, "")
    assert "has vectors of model 'small': name its index in a profile" in done.err


def test_vectors_of_a_function_are_reindexed_only_by_its_program(filled: str) -> None:
    with AgentStore(filled, index={"dims": 4, "embed": lambda texts: [[1.0] * 4 for _ in texts]}):
        pass
    done = agentstore("reindex", dsn=filled)
    assert (done.status, done.out) == (2, "")
    assert "which no profile can name: call reindex in the program that has it" in done.err


@posix
def test_a_watch_shows_changes_as_they_happen_until_it_is_interrupted(filled: str) -> None:
    watching = running("watch", "users/ada/notes", dsn=filled)
    with watching as process, AgentStore(filled) as store:
        notes = ("users", "ada", "notes")
        lines = process.stdout
        assert lines is not None
        # The watch is in the table a moment before it reads changes: put until one is shown.
        while not select([lines], [], [], 0.2)[0]:
            store.put(notes, "early", {"n": 0})
        seen: list[dict[str, Any]] = []
        for n in range(3):
            store.put(notes, "live", {"n": n})
            while (row := json.loads(lines.readline()))["key"] != "live":
                pass
            seen.append(row)
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=20)
    assert [row["value"]["n"] for row in seen] == [0, 1, 2]
    assert (process.returncode, rest, err) == (130, "", "agentstore: interrupted\n")


def test_a_watch_ends_by_itself_after_a_silence(filled: str) -> None:
    assert agentstore("watch", "users/ada/notes", "--seconds", "0.2", dsn=filled).status == 0
    assert agentstore("watch", "docs", dsn=filled).status == 2


def test_only_what_needs_the_index_of_a_profile_makes_its_model(filled: str) -> None:
    with temporary_folder() as home:
        file = home / "langgraph_agentstore" / "profiles.toml"
        file.parent.mkdir()
        index = 'index = {dims = 3, embed = "nobody:no-model"}'
        file.write_text(f'[default]\ndsn = "{filled}"\n{index}\n')
        file.chmod(0o600)
        env = {"XDG_CONFIG_HOME": str(home), "HOME": str(home)}
        for arguments in ("ls", "users", "rm docs readme --yes", "stats"):
            assert agentstore(*arguments.split(), env=env).status == 0
        for arguments in ("search tea", "put docs a {}"):
            done = agentstore(*arguments.split(), env=env)
            assert (done.status, done.err.count("\n")) == (2, 1)
            assert done.err.startswith("agentstore: index: ")


TABLES = (
    ("users",),
    ("ls", "-r"),
    ("top",),
    ("stats",),
    ("search", "tea"),
    ("history", "users"),
    ("doctor",),
    ("where",),
)


@pytest.mark.slow
@posix
@pytest.mark.parametrize("columns", [80, 200])
def test_every_table_fits_the_terminal_whatever_is_stored(
    fresh_database: str, columns: int
) -> None:
    long = "x" * 150
    with AgentStore(fresh_database, index={"mode": "text"}, history=True) as store:
        for user in (long, "ada"):
            store.for_user(user).put((long, "b"), long, {"text": "tea " + "words " * 100})
    for arguments in TABLES:
        done = on_terminal(*arguments, dsn=fresh_database, columns=columns)
        assert done.status == 0, (arguments, done)
        widest = max(map(len, done.out.splitlines()))
        assert 20 < widest <= columns, arguments
