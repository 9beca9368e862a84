"""Files and folders, as the rows of their statements give them."""

from __future__ import annotations

import pytest

from langgraph_agentstore.files.sql import (
    FileEntry,
    Reach,
    Space,
    plan_children,
    plan_contents,
    plan_entries,
    plan_overwrite,
)
from langgraph_agentstore.sql.statement import Put, SqlContext, Statement
from langgraph_agentstore.sql.tables import Tables

RULES = SqlContext(Tables("agentstore"))
SPACE = Space("ann", "files")
REACH = Reach("/a", "/a/")


@pytest.mark.parametrize(
    "statement",
    [
        plan_children(SPACE, "/a/", "bytes", RULES),
        plan_entries(SPACE, REACH, "characters", RULES),
    ],
)
def test_entries_are_sorted_by_path(statement: Statement[list[FileEntry]]) -> None:
    rows = [
        ("/a/c/", 0, "", True),
        ("/a/d.md", None, None, False),
        ("/a/b.md", 7, "2026-01-01T00:00:00Z", False),
    ]
    assert statement.decode(rows).result == [
        FileEntry("/a/b.md", 7, "2026-01-01T00:00:00Z"),
        FileEntry("/a/c/", 0, is_folder=True),
        FileEntry("/a/d.md", None),
    ]


def test_a_search_reaches_a_path_and_what_is_below_it() -> None:
    assert REACH.covers("/a")
    assert REACH.covers("/a/b/c.md")
    assert not REACH.covers("/ab")
    assert not REACH.covers("/")
    assert REACH.arguments == ("/a", "/a/", "/a0", "%")


def test_contents_are_sought_by_the_literal_and_by_its_json_text() -> None:
    contents = plan_contents(SPACE, REACH, 'say "é"\t', RULES)
    assert contents.arguments[-2:] == ('say "é"\t', 'say \\"é\\"\\t')
    rows = [("/a/b.md", {"content": ["x"]}), ("/a", None)]
    assert contents.decode(rows).result == rows


def test_an_overwrite_is_run_once_and_has_no_result() -> None:
    overwrite = plan_overwrite(Put(("ann", "files", "/a"), "files", b"{}", None), RULES)
    assert not overwrite.idempotent
    assert overwrite.decode([]).result is None
