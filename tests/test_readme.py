"""What the README prints is printed, the first time on a machine that is busy."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import LIMIT_S, command, environment
from tests.support.servers import temporary_folder
from tests.test_docs import can_run

pytestmark = pytest.mark.postgres

README = Path(__file__).parents[1] / "README.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```$(?:\n\n```text printed\n(.*?)^```$)?", re.M | re.S)
_PRINTS = re.compile(r"# → ?(.*)$", re.MULTILINE)

SPIN = "while True: pass"


def promised(block: re.Match[str]) -> list[str]:
    return block[2].splitlines() if block[2] else _PRINTS.findall(block[1])


@contextmanager
def busy_processors() -> Iterator[None]:
    """A program for each processor, which never waits."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def printed_by(block: str, home: Path) -> list[str]:
    """What a new process prints; all its files are in `home`."""
    here = {name: str(home) for name in ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA")}
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=home,
        env={**os.environ, **here},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=300,
        check=True,
    )
    return done.stdout.splitlines()


def try_readme() -> None:
    blocks = list(_BLOCK.finditer(README.read_text(encoding="utf-8")))
    assert len(blocks) >= 3
    blocks = [block for block in blocks if can_run(block[1])]
    with temporary_folder() as home, busy_processors():
        printed = [printed_by(block[1], home) for block in blocks]
    assert printed == [promised(block) for block in blocks]


@pytest.mark.slow
def test_the_readme_is_true_in_a_fresh_home_on_a_busy_machine() -> None:
    try_readme()


@pytest.mark.slow
@pytest.mark.parametrize("run", range(10))
def test_the_readme_is_true_ten_times(run: int) -> None:
    try_readme()


def first_commands() -> list[list[str]]:
    """The shell commands that a reader types first, but the installation."""
    block = README.read_text(encoding="utf-8").partition("```bash\n")[2].partition("```")[0]
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [words[1:] for words in lines if words[0] == "agentstore"]


def test_the_first_commands_work_on_an_empty_computer() -> None:
    """They start the bundled Postgres, which makes its folder first."""
    *quick, last = first_commands()
    with temporary_folder() as home:
        env = environment(None, {"HOME": str(home), "XDG_DATA_HOME": str(home)})
        for words in quick:
            done = subprocess.run(
                command(*words), env=env, capture_output=True, timeout=LIMIT_S, check=False
            )
            assert (done.returncode, done.stderr) == (0, b""), words
        assert b"Turing" in done.stdout
        assert last == ["ui"]
        with subprocess.Popen(
            command("ui", "--no-browser"), env=env, stderr=subprocess.PIPE, encoding="utf-8"
        ) as explorer:
            assert explorer.stderr is not None
            assert explorer.stderr.readline().startswith("serving http://127.0.0.1:")
            explorer.send_signal(signal.SIGTERM)
            explorer.communicate(timeout=LIMIT_S)
