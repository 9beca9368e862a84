"""What the documentation says of both stores is what they do."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.comparison.rows import ROWS
from benchmarks.comparison.sides import Row, tried
from tests.support.matrices import few

PAGE = Path(__file__).parents[1] / "docs" / "comparison.md"
TAKES_LONG = "search by meaning"


@few(12)
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row,
            id=row.does,
            marks=[pytest.mark.slow] if row.does.startswith(TAKES_LONG) else [],
        )
        for row in ROWS
    ],
)
# What the official store leaves behind where it fails: tasks, and errors nobody asks for.
@pytest.mark.filterwarnings("ignore")
def test_a_row_of_the_comparison_differs_as_it_says(row: Row, fresh_database: str) -> None:
    seen = tried(row, fresh_database)
    assert seen.here == row.wanted
    assert seen.there != row.wanted


def test_the_page_has_every_row_with_what_is_seen_here() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines]
    told = {line[0]: line[-1] for line in cells if len(line) == 3}
    assert {row.does: told.get(row.does) for row in ROWS} == {row.does: row.wanted for row in ROWS}
