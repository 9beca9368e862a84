"""A CSV file that a spreadsheet saved again is read, or told what happened to it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore.errors import DamagedFileError
from langgraph_agentstore.memory_agent import MemoryAgent
from langgraph_agentstore.transfer import export, import_

HOSTILE = '=HYPERLINK("x"); "quoted",\ttabbed\r\nof two lines, \u65e5\u672c'

Rows = list[list[str]]


def saved_again(
    path: Path,
    *,
    separator: str = ",",
    ends: str = "\r\n",
    mark: str = "",
    change: Callable[[Rows], Rows] = lambda rows: rows,
) -> None:
    """Writes the cells anew, as spreadsheets do: every row as long as the first."""
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))
    full = [[*row, *[""] * (len(rows[0]) - len(row))] for row in rows]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=ends).writerows(change(full))
    path.write_bytes((mark + text.getvalue()).encode())


def exported(path: Path) -> InMemoryStore:
    store = InMemoryStore()
    store.put(("docs",), "=key;", {"text": HOSTILE})
    store.put(("docs",), "00123", {"n": 1})
    export(store, path)
    return store


AS_SAVED = [
    pytest.param({"mark": "\ufeff"}, id="Excel's UTF-8"),
    pytest.param({"mark": "\ufeff", "separator": ";"}, id="Excel's UTF-8 in most of Europe"),
    pytest.param({"ends": "\n"}, id="LibreOffice"),
    pytest.param({"separator": "\t", "ends": "\n"}, id="tabs"),
]


@pytest.mark.parametrize("how", AS_SAVED)
def test_what_a_spreadsheet_saved_again_is_imported_exactly(
    how: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    exported(path)
    saved_again(path, **how)  # type: ignore[arg-type]
    other = InMemoryStore()
    assert import_(other, path) == 2
    found = other.search(("docs",))
    assert {item.key: item.value for item in found} == {
        "=key;": {"text": HOSTILE},
        "00123": {"n": 1},
    }


def test_an_export_is_exact(tmp_path: Path) -> None:
    exported(tmp_path / "x.csv")
    assert ",=key;," in (tmp_path / "x.csv").read_text("utf-8")


def test_a_number_that_a_spreadsheet_changed_is_told_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    exported(path)
    saved_again(path, change=lambda rows: [[c.replace("00123", "123") for c in r] for r in rows])
    other = InMemoryStore()
    with pytest.raises(DamagedFileError, match=r"a spreadsheet .* import the original"):
        import_(other, path)
    assert other.search(()) == []


def test_a_table_of_other_columns_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a;b\n1;2\n")
    with pytest.raises(DamagedFileError, match="columns are not those of an export"):
        import_(InMemoryStore(), tmp_path / "x.csv")


@pytest.mark.parametrize("how", AS_SAVED)
def test_a_file_of_memories_that_a_spreadsheet_saved_again_is_opened(
    how: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "memories.csv"
    with MemoryAgent("csv", path) as agent:
        agent.store_memory("=key;", {"text": HOSTILE})
        agent.export(tmp_path / "exported.csv")
    saved_again(path, **how)  # type: ignore[arg-type]
    saved_again(tmp_path / "exported.csv", **how)  # type: ignore[arg-type]
    with MemoryAgent("csv", path) as agent:
        assert agent.retrieve_memory("=key;") == {"text": HOSTILE}
    with MemoryAgent("memory") as agent:
        assert agent.import_(tmp_path / "exported.csv") == 1
        assert agent.retrieve_memory("=key;") == {"text": HOSTILE}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda rows: [rows[0], [*rows[1][:3], "27.12.2024 14:30", rows[1][4]]], "ISO 8601"),
        (lambda rows: [rows[0], rows[1][:3]], "a row has 3 cells in place of 5"),
        (lambda _rows: [["a", "b"]], "its first line is not"),
    ],
)
def test_a_file_of_memories_that_was_changed_is_told(
    change: Callable[[Rows], Rows], match: str, tmp_path: Path
) -> None:
    path = tmp_path / "memories.csv"
    with MemoryAgent("csv", path) as agent:
        agent.store_memory("key", {"text": "kept from view"})
    saved_again(path, change=change)
    before = path.read_bytes()
    with pytest.raises(DamagedFileError, match=match) as raised, MemoryAgent("csv", path) as agent:
        agent.retrieve_memory("key")
    assert "kept from view" not in str(raised.value)
    assert path.read_bytes() == before
