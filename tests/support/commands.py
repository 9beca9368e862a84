"""The command `agentstore` as a process: piped, on a terminal of some width, interrupted."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support import warm_processes

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
    # The interpreter looks at its own settings when it begins, which a fork does not.
    own = any(name.startswith("PYTHON") for name in env or {})
    if warm_processes.ARE_THERE and not own:
        return _forked(arguments, environment(dsn, env or {}), stdin)
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


def _fork(
    arguments: Sequence[str], given: Mapping[str, str], streams: tuple[int, int, int]
) -> warm_processes.Forked:
    return warm_processes.forks().start("langgraph_agentstore", arguments, given, streams)


def _forked(arguments: Sequence[str], given: Mapping[str, str], stdin: str) -> Done:
    pipes = [os.pipe() for _ in range(3)]
    (its_in, our_in), (our_out, its_out), (our_err, its_err) = pipes
    started = _fork(arguments, given, (its_in, its_out, its_err))
    for descriptor in (its_in, its_out, its_err):
        os.close(descriptor)
    with ThreadPoolExecutor(3) as threads:
        threads.submit(_write_all, our_in, stdin.encode())
        out, err = (threads.submit(_read_all, number) for number in (our_out, our_err))
        status = started.wait(LIMIT_S)
    os.close(our_out)
    os.close(our_err)
    return Done(status, *(text.result().decode().replace("\r\n", "\n") for text in (out, err)))


def _write_all(descriptor: int, content: bytes) -> None:
    with suppress(BrokenPipeError), open(descriptor, "wb") as file:
        file.write(content)


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
    if warm_processes.ARE_THERE:
        return _forked_on_terminal(arguments, dsn, (ours, its), errors_too)
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


def _forked_on_terminal(
    arguments: Sequence[str], dsn: str | None, terminal: tuple[int, int], errors_too: bool
) -> Done:
    ours, its = terminal
    our_err, its_err = os.pipe()
    streams = (its, its, its if errors_too else its_err)
    started = _fork(arguments, environment(dsn, {"TERM": "xterm-256color"}), streams)
    os.close(its)
    os.close(its_err)
    with ThreadPoolExecutor(2) as threads:
        out, err = (threads.submit(_read_all, number) for number in (ours, our_err))
        status = started.wait(LIMIT_S)
    os.close(ours)
    os.close(our_err)
    return Done(status, out.result().decode().replace("\r\n", "\n"), err.result().decode())


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
