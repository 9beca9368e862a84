"""Tables of the command, without a process."""

from __future__ import annotations

import pytest

from langgraph_agentstore.cli.output import Output, TableColumn

COLUMNS = (
    TableColumn("size", "size", "number"),
    TableColumn("namespace", "namespace"),
    TableColumn("key", "key"),
)


@pytest.mark.parametrize(("width", "is_whole"), [("60", True), ("30", False)])
def test_a_name_is_cut_only_where_the_table_would_not_fit(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    width: str,
    is_whole: bool,
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    row = {"size": 30, "namespace": "users/alice/notes/older", "key": "tea"}
    Output(as_json=False).rows(COLUMNS, [row])
    lines = capsys.readouterr().out.splitlines()
    assert ("users/alice/notes/older" in lines[1]) == is_whole
    assert ("…" in lines[1]) != is_whole
    assert max(map(len, lines)) <= int(width)
