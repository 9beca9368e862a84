"""Exports hold every turn, in order, and appear when they are complete."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore._support.external_sort import ExternalSort
from langgraph_agentstore.conversations import (
    ConversationMemory,
    aexport_items,
    export_items,
    new_turn,
)
from langgraph_agentstore.conversations.export import ROW_GROUP
from langgraph_agentstore.errors import ConfigurationError, MissingExtraError

BEGINNING = datetime(2024, 1, 1, 12, 0, 0, 5, tzinfo=timezone.utc)
HOSTILE = 'a "quoted", text;\nof two lines, 日本 \U0001f431\r\n=1+1'


@pytest.fixture
def memory() -> ConversationMemory:
    memory = ConversationMemory(InMemoryStore(), "ann@example.org")
    turns = [
        new_turn(f"t_{n % 3}", f"q{n}", HOSTILE, {"n": n}, at=BEGINNING + timedelta(minutes=n))
        for n in range(ROW_GROUP + 5)
    ]
    memory.save_turns(turns)
    memory.save_messages([HumanMessage("hi", id="h"), AIMessage("ho")], "m")
    return memory


def rows_of(path: Path) -> list[dict[str, Any]]:
    text = path.read_text("utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_json_lines_hold_every_turn_oldest_first(
    memory: ConversationMemory, tmp_path: Path
) -> None:
    path = tmp_path / "turns.jsonl"
    assert memory.export(path) == ROW_GROUP + 6
    rows = rows_of(path)
    assert [row["query"] for row in rows] == [f"q{n}" for n in range(ROW_GROUP + 5)] + ["hi"]
    assert rows[0]["timestamp"] == "2024-01-01T12:00:00.000005+00:00"
    assert rows[0]["key"].startswith("t_0_20240101_120000_00005")
    assert (rows[1]["user_id"], rows[1]["response"]) == ("ann@example.org", HOSTILE)
    assert rows[1]["metadata"] == {"n": 1}
    assert rows[-1]["messages"][0]["data"]["id"] == "h"


def test_csv_holds_the_same(memory: ConversationMemory, tmp_path: Path) -> None:
    path = tmp_path / "turns.csv"
    memory.export(path, "csv")
    rows = rows_of(path)
    assert len(rows) == ROW_GROUP + 6
    assert rows[2]["response"] == HOSTILE
    assert json.loads(rows[2]["metadata"]) == {"n": 2}
    assert json.loads(rows[-1]["messages"])[0]["data"]["content"] == "hi"


FORMULAS = (
    '=HYPERLINK("https://example.org/?"&A1,"open")',
    "+1+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\uff1d1+1",
)


@pytest.fixture
def formulas() -> ConversationMemory:
    memory = ConversationMemory(InMemoryStore(), "=ann")
    for text in FORMULAS:
        memory.save_turn(text, text, f"{text} thread")
    return memory


def test_no_cell_of_a_csv_is_a_formula(formulas: ConversationMemory, tmp_path: Path) -> None:
    formulas.export(tmp_path / "turns.csv")
    formulas.store.put(("@docs",), "=key", {"text": "=1+1"})
    export_items(formulas.store, tmp_path / "items.csv")
    for name in ("turns.csv", "items.csv"):
        cells = [cell for row in rows_of(tmp_path / name) for cell in row.values()]
        assert not [cell for cell in cells if cell.startswith(tuple(text[0] for text in FORMULAS))]
    rows = rows_of(tmp_path / "turns.csv")
    assert [row["query"] for row in rows] == [f"'{text}" for text in FORMULAS]
    assert {row["user_id"] for row in rows} == {"'=ann"}


async def test_exact_texts_are_given_on_request(
    formulas: ConversationMemory, tmp_path: Path
) -> None:
    path = tmp_path / "exact.csv"
    formulas.export(path, escape_formulas=False)
    assert [row["query"] for row in rows_of(path)] == list(FORMULAS)
    await formulas.aexport(path, escape_formulas=False)
    assert [row["response"] for row in rows_of(path)] == list(FORMULAS)
    for exported in (
        export_items(formulas.store, path, escape_formulas=False),
        await aexport_items(formulas.store, path, escape_formulas=False),
    ):
        assert exported == len(FORMULAS)
        assert {row["user_id"] for row in rows_of(path)} == {"=ann"}


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_other_formats_are_exact(formulas: ConversationMemory, tmp_path: Path, format: Any) -> None:
    path = tmp_path / f"exact.{format}"
    formulas.export(path, format)
    rows = rows_of(path) if format == "jsonl" else pyarrow.parquet.read_table(path).to_pylist()
    assert [row["query"] for row in rows] == list(FORMULAS)


def test_parquet_holds_the_same_with_times_as_times(
    memory: ConversationMemory, tmp_path: Path
) -> None:
    path = tmp_path / "turns.parquet"
    memory.export(path, "parquet")
    file = pyarrow.parquet.ParquetFile(path)
    assert file.metadata.num_row_groups == 2
    rows = file.read().to_pylist()
    assert rows[3]["timestamp"] == BEGINNING + timedelta(minutes=3)
    assert (rows[3]["query"], rows[3]["response"]) == ("q3", HOSTILE)
    assert len(rows) == ROW_GROUP + 6


def test_a_part_can_be_exported(memory: ConversationMemory, tmp_path: Path) -> None:
    since, until = (BEGINNING + timedelta(minutes=n) for n in (3, 9))
    path = tmp_path / "part.jsonl"
    assert memory.export(path, "jsonl", since, until, thread_id="t_0") == 2
    assert [row["query"] for row in rows_of(path)] == ["q3", "q6"]


def test_progress_is_told(memory: ConversationMemory, tmp_path: Path) -> None:
    told: list[int] = []
    memory.export(tmp_path / "x.csv", "csv", progress=told.append)
    assert told == [1000, 2000, ROW_GROUP + 6]


def test_nothing_is_left_of_an_export_that_failed(
    memory: ConversationMemory, tmp_path: Path
) -> None:
    path = tmp_path / "turns.jsonl"
    path.write_text("the former")

    def fail(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        memory.export(path, progress=fail)
    assert [one.name for one in tmp_path.iterdir()] == ["turns.jsonl"]
    assert path.read_text() == "the former"


def test_an_unknown_format_is_told_with_those_known(
    memory: ConversationMemory, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="jsonl, csv, parquet"):
        memory.export(tmp_path / "x", "xml")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_the_name_says_the_format_of_an_export(
    memory: ConversationMemory, tmp_path: Path
) -> None:
    for name in ("x.csv", "x.jsonl.gz", "x"):
        assert memory.export(tmp_path / name, thread_id="m") == 1
    assert rows_of(tmp_path / "x.csv")[0]["query"] == "hi"
    with gzip.open(tmp_path / "x.jsonl.gz", "rt", encoding="utf-8") as file:
        assert json.load(file)["query"] == "hi"
    assert json.loads((tmp_path / "x").read_text("utf-8"))["query"] == "hi"
    with pytest.raises(ConfigurationError, match="one of jsonl, csv, parquet"):
        memory.export(tmp_path / "x.yaml")


def test_a_folder_that_is_not_there_is_told(memory: ConversationMemory, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not there"):
        memory.export(tmp_path / "none" / "x.csv")


async def test_items_are_exported_awaited_as_well(tmp_path: Path) -> None:
    store = InMemoryStore()
    store.put(("users", "ann%2Ex", "notes"), "k", {"n": 1})
    assert await aexport_items(store, tmp_path / "x.csv", user_id="ann.x") == 1
    [row] = rows_of(tmp_path / "x.csv")
    assert (row["user_id"], row["namespace"], row["version"]) == ("ann.x", "notes", "")


def test_without_pyarrow_it_is_told_what_to_install(
    memory: ConversationMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"langgraph_agentstore\[parquet\]"):
        memory.export(tmp_path / "x", "parquet")


@given(st.lists(st.tuples(st.integers(0, 50), st.text(max_size=3))), st.integers(1, 7))
@settings(deadline=None)
def test_any_number_of_things_comes_in_order_each_once(
    things: list[tuple[int, str]], run_length: int
) -> None:
    sort = ExternalSort[tuple[int, str]](lambda thing: thing, run_length)
    sort.add(things)
    assert list(sort.in_order()) == sorted(set(things))
