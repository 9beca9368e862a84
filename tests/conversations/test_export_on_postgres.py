"""Exports of what is in the database: a user's, a namespace's, everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from benchmarks.conversations import export_turns
from benchmarks.processes import in_new_process
from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, Turn, export_items, new_turn
from tests.support.faults import execute

ANN = "ann@example.org"


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def fill(store: BaseStore) -> None:
    ConversationMemory(store, ANN).save_turn("q", "r", "t")
    store.put(("users", "bob", "files"), "a.txt", {"n": 1})
    store.put(("docs", "v2"), "page", {"text": "é"})


@pytest.mark.parametrize("kind", ["agent", "memory"])
def test_everything_is_told_in_the_order_of_time_and_whose_it_is(
    store: AgentStore, tmp_path: Path, kind: str
) -> None:
    exported: BaseStore = store if kind == "agent" else InMemoryStore()
    fill(exported)
    path = tmp_path / "all.jsonl"
    assert export_items(exported, path) == 3
    rows = rows_of(path)
    assert [(row["user_id"], row["namespace"], row["key"]) for row in rows[1:]] == [
        ("bob", "files", "a.txt"),
        ("", "docs:v2", "page"),
    ]
    assert (rows[0]["user_id"], rows[0]["namespace"]) == (ANN, "conversations")
    assert rows[0]["value"]["query"] == "q"
    times = [row["created_at"] for row in rows]
    assert times == sorted(times)


def test_who_wrote_an_item_and_how_often_is_told(
    store: AgentStore, postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    ann = store.for_user(ANN)
    ann.put(("notes",), "a", {"n": 1})
    ann.put(("notes",), "a", {"n": 2})
    execute(postgres_dsn, "UPDATE {}.item SET created_by = 'planner'", schema_name)
    path = tmp_path / "notes.jsonl"
    export_items(store, path, prefix=("notes",), user_id=ANN)
    (row,) = rows_of(path)
    assert (row["created_by"], row["version"], row["value"]) == ("planner", 2, {"n": 2})
    assert row["created_at"] < row["updated_at"]


def test_one_user_or_one_namespace_is_exported_alone(store: AgentStore, tmp_path: Path) -> None:
    fill(store)
    counts = [
        export_items(store, tmp_path / "1", user_id=ANN),
        export_items(store, tmp_path / "2", prefix=("docs",), format="csv"),
        export_items(store, tmp_path / "3", prefix=("v2",), user_id="bob"),
        export_items(store.for_user("bob"), tmp_path / "4", format="parquet"),
        export_items(store, tmp_path / "5", since=datetime.now(timezone.utc)),
    ]
    assert counts == [1, 1, 0, 1, 0]


def many_turns(number: int, user: str) -> Iterator[Turn]:
    """Turns of a thousand threads that go on in turns."""
    beginning = datetime(2024, 1, 1, tzinfo=timezone.utc)
    for n in range(number):
        said = f"{user} says {n}: " + "some words of a talk " * 10
        yield new_turn(
            f"thread {n % 1000}", said, "and so on " * 20, at=beginning + timedelta(seconds=n)
        )


@pytest.mark.slow
def test_a_hundred_thousand_turns_in_constant_memory(
    postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    counts = {"few": 10_000, "many": 100_000}
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        for user, number in counts.items():
            told: list[int] = []
            memory = ConversationMemory(store, user)
            assert memory.save_turns(many_turns(number, user), progress=told.append) == number
            assert told[-1] == number
        threads = memory.threads()
        assert (len(threads), threads[0].turns) == (1000, 100)
        turns = [turn.query for turn in memory.turns("thread 7")]
        assert turns == [turn.query for turn in many_turns(100_000, "many")][7::1000]
        assert memory.search("99998")[0].query.startswith("many says 99998:")
        resumed = memory.resume(max_messages=4)
        assert [m.text[:16] for m in resumed[::2]] == ["many says 99998:", "many says 99999:"]
    for format in ("jsonl", "csv", "parquet"):
        grown = {}
        for user, number in counts.items():
            path = tmp_path / f"{user}.{format}"
            saved, grown[user] = in_new_process(
                export_turns, postgres_dsn, schema_name, user, str(path), format
            )
            assert saved == number
        assert grown["many"] < 2 * grown["few"] + 30, grown
    rows = rows_of(tmp_path / "many.jsonl")
    assert [row["timestamp"] for row in rows] == sorted(row["timestamp"] for row in rows)
