"""What the README prints is printed, the first time on a machine that is busy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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


def test_the_readme_is_true_in_a_fresh_home_on_a_busy_machine() -> None:
    try_readme()


@pytest.mark.slow
@pytest.mark.parametrize("run", range(10))
def test_the_readme_is_true_ten_times(run: int) -> None:
    try_readme()
