"""Progress goes to a callable, to a bar on a terminal, or nowhere."""

from __future__ import annotations

import io
import sys

import pytest

from langgraph_agentstore.progress import telling_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_callable_is_called() -> None:
    seen: list[int] = []
    with telling_progress(seen.append, "loading", 10) as tell:
        tell(3)
        tell(10)
    assert seen == [3, 10]


@pytest.mark.parametrize("progress", [None, False])
def test_nothing_is_shown_unasked(progress: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with telling_progress(progress, "loading") as tell:
        tell(3)
    assert terminal.getvalue() == ""


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with telling_progress(True, "loading", 10) as tell:
        tell(7)
    assert "loading" in terminal.getvalue()
    assert "7/10" in terminal.getvalue()


def test_a_bar_without_a_total_ends_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with telling_progress(True, "loading") as tell:
        tell(7)
    assert "7/7" in terminal.getvalue()


def test_a_file_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", file := io.StringIO())
    with telling_progress(True, "loading", 10) as tell:
        tell(7)
    assert file.getvalue() == ""


def test_without_rich_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with telling_progress(True, "loading", 10) as tell:
        tell(7)
    assert terminal.getvalue() == ""
