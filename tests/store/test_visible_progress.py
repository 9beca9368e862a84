"""Long work shows how far it is on terminals and in notebooks, and writes nothing into logs."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nbclient
import nbformat
import pytest

from tests.support.servers import temporary_folder

pytestmark = pytest.mark.postgres

FIRST_START = "starting the bundled Postgres for the first time"

OPENS = """
from langgraph_agentstore import AgentStore

store = AgentStore()
store.setup()
store.close()
"""

WORKS = """
import sys
from langgraph_agentstore import AgentStore
from langgraph_agentstore.transfer import export, import_

with AgentStore(sys.argv[1], schema="worked", index={"mode": "text"}) as store:
    store.load([(("a",), str(n), {"text": "tea"}) for n in range(20)], progress=True)
    export(store, "all.jsonl", progress=True)
    import_(store, "all.jsonl", progress=True)
    store.reindex()
"""
TITLES = ("loading", "exporting", "importing", "reindexing")


@pytest.fixture
def fresh_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, in which the bundled Postgres and Jupyter would keep their files."""
    with temporary_folder() as folder:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.setenv("XDG_DATA_HOME", str(folder))
        monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "jupyter"))
        monkeypatch.delenv("JUPYTER_PLATFORM_DIRS", raising=False)
        yield folder


def told_on_a_terminal(script: str, *arguments: str) -> str:
    """What a new process writes to stderr, which is a terminal."""
    import fcntl
    import pty
    import termios

    leader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.DEVNULL,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(terminal)
    told = b""
    with suppress(OSError):  # Linux's way to say that the other end is closed
        while piece := os.read(leader, 65_536):
            told += piece
    os.close(leader)
    assert process.wait(60) == 0, told
    return told.decode()


def told_to_a_file(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def told_in_a_notebook(script: str, *arguments: str) -> str:
    """What the cells show, and the state of their widgets; nothing of it looks like an error."""
    cells = [f"import sys\nsys.argv = {['', *arguments]!r}", script]
    notebook = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    assert "stderr" not in [output.get("name") for output in outputs]
    written = "".join(output.text for output in outputs if output.get("name") == "stdout")
    return written + json.dumps(notebook.metadata.get("widgets", {}))


on_posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")


@on_posix
def test_a_terminal_is_told_of_the_first_start_and_of_no_later_one(fresh_home: Path) -> None:
    first = told_on_a_terminal(OPENS)
    assert first.count(FIRST_START) == 1
    assert len(first.splitlines()) == 1
    assert told_on_a_terminal(OPENS) == ""


def test_a_notebook_is_told_of_the_first_start(fresh_home: Path) -> None:
    assert told_in_a_notebook(OPENS).count(FIRST_START) == 1


def test_a_log_is_told_of_no_start(fresh_home: Path) -> None:
    assert told_to_a_file(OPENS) == ""


@on_posix
def test_a_terminal_shows_bars(fresh_home: Path, fresh_database: str) -> None:
    told = told_on_a_terminal(WORKS, fresh_database)
    assert [title for title in TITLES if title not in told] == []
    assert "20/20" in told


def test_a_notebook_shows_bars(fresh_home: Path, fresh_database: str) -> None:
    told = told_in_a_notebook(WORKS, fresh_database)
    assert [title for title in TITLES if title not in told] == []
    assert "20/20" in told
    assert "Warning" not in told


def test_a_log_gets_no_bars(fresh_home: Path, fresh_database: str) -> None:
    assert told_to_a_file(WORKS, fresh_database) == ""
