"""The command `agentstore` as a process: piped, on a terminal of some width, interrupted."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_COLORS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
LIMIT_S = 60


@dataclass(frozen=True)
class Done:
    """The end of a command."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The lines of JSON that it wrote."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(dsn: str | None, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: of this process, without settings of the host."""
    own = {n: v for n, v in os.environ.items() if not n.startswith(("PG", "AGENTSTORE_"))}
    # A home of its own: no profile of whoever runs the tests counts.
    own |= {"HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent", "PYTHONUTF8": "1"}
    return {**own, **({"AGENTSTORE_DSN": dsn} if dsn else {}), **given}


def command(*arguments: str) -> list[str]:
    """The command line of the process."""
    return [sys.executable, "-m", "langgraph_agentstore", *arguments]


@contextmanager
def running(*arguments: str, dsn: str | None = None) -> Iterator[subprocess.Popen[str]]:
    """Start the command with pipes, for a test that does something while it runs."""
    with subprocess.Popen(
        command(*arguments),
        cwd=ROOT,
        env=environment(dsn, {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()  # or a test that fails would wait for it for ever
            raise


def agentstore(
    *arguments: str, dsn: str | None = None, stdin: str = "", env: Mapping[str, str] | None = None
) -> Done:
    """Run the command with pipes."""
    done = subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=environment(dsn, env or {}),
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def on_terminal(
    *arguments: str, dsn: str | None = None, columns: int = 80, errors_too: bool = False
) -> Done:
    """Run the command on a terminal; colors are left out of its output.

    With `errors_too`, standard error is the terminal, too.
    """
    shown = raw_on_terminal(*arguments, dsn=dsn, columns=columns, errors_too=errors_too)
    return replace(shown, out=_COLORS.sub("", shown.out))


def raw_on_terminal(
    *arguments: str, dsn: str | None = None, columns: int = 80, errors_too: bool = False
) -> Done:
    """Run the command on a terminal, as `on_terminal`, with its colors."""
    import fcntl
    import pty
    import termios

    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen(
        command(*arguments),
        cwd=ROOT,
        env=environment(dsn, {"TERM": "xterm-256color"}),
        stdin=its,
        stdout=its,
        stderr=its if errors_too else subprocess.PIPE,
    ) as process:
        os.close(its)
        shown = _read_all(ours)
        err = "" if process.stderr is None else process.stderr.read().decode()
    os.close(ours)
    return Done(process.returncode, shown.decode().replace("\r\n", "\n"), err)


def _read_all(descriptor: int) -> bytes:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux says EIO when the other end is closed
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)
