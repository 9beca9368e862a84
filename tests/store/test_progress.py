"""Progress goes to a callable, to a bar on a terminal, or nowhere."""

from __future__ import annotations

import io
import sys

import pytest

from langgraph_agentstore._support import progress
from langgraph_agentstore._support.progress import telling_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_callable_is_called() -> None:
    seen: list[int] = []
    with telling_progress(seen.append, "loading", 10) as tell:
        tell(3)
        tell(10)
    assert seen == [3, 10]


@pytest.mark.parametrize("asked", [None, False])
def test_nothing_is_shown_unasked(asked: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with telling_progress(asked, "loading") as tell:
        tell(3)
    assert terminal.getvalue() == ""


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with telling_progress(True, "loading", 10) as tell:
        tell(7)
    assert "loading" in terminal.getvalue()
    assert "7/10" in terminal.getvalue()


@pytest.mark.parametrize("has_tqdm", [True, False])
def test_a_notebook_shows_progress_as_output_and_not_as_an_error(
    has_tqdm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    if not has_tqdm:
        monkeypatch.setattr(progress, "find_spec", lambda _name: None)
    monkeypatch.setattr(sys, "stdout", shown := io.StringIO())
    monkeypatch.setattr(sys, "stderr", errors := io.StringIO())
    progress.tell("starting")
    with telling_progress(True, "loading", 10) as tell:
        tell(10)
    assert "starting" in shown.getvalue()
    assert "10/10" in shown.getvalue()
    assert errors.getvalue() == ""


def test_a_bar_without_a_total_ends_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with telling_progress(True, "loading") as tell:
        tell(7)
    assert "7/7" in terminal.getvalue()


@pytest.mark.parametrize("stderr", [io.StringIO(), None], ids=["a file", "none at all"])
def test_where_nobody_watches_no_bar_is_shown(
    monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO | None
) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    with telling_progress(True, "loading", 10) as tell:
        tell(7)
    assert stderr is None or stderr.getvalue() == ""


@pytest.mark.parametrize(("total", "shown"), [(10, "\rloading: 7/10\n"), (None, "\rloading: 7\n")])
def test_without_tqdm_a_terminal_shows_a_count(
    monkeypatch: pytest.MonkeyPatch, total: int | None, shown: str
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(progress, "find_spec", lambda _name: None)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with telling_progress(True, "loading", total) as tell:
        for done in range(8):
            tell(done)
    assert terminal.getvalue().endswith(shown)
    assert terminal.getvalue().count("\r") < 8
