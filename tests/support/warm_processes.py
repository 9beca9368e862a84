"""Processes that begin with the package imported, which else takes most of their time.

One process imports it and forks for each that is started. The fork has the arguments, environment
and streams of a process of its own, and ends as the interpreter does. Only on Linux: elsewhere, a
process that has imported much cannot be forked safely.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ARE_THERE = sys.platform == "linux"

_ROOT = Path(__file__).parents[2]
_COMMANDS = "app bench bundled change find look operate overview past serve transfers failures"
_MODULES = (
    "typer.rich_utils",
    "langgraph_agentstore.data_store.sync_data_store",
    "langgraph_agentstore.data_store.async_data_store",
    *(f"langgraph_agentstore.cli.{name}" for name in _COMMANDS.split()),
)


class Forked:
    """A started process."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid = int(connection.recv(16))

    def wait(self, timeout_s: float) -> int:
        """Await its end, once; return its exit status, negative if a signal ended it."""
        with self._connection:
            self._connection.settimeout(timeout_s)
            try:
                return int(self._connection.recv(16))
            except TimeoutError:
                self.kill()
                raise

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Forks:
    """The process that forks, as this process sees it; it ends with this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control, its = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm_processes", str(its.fileno())],
            cwd=_ROOT,
            env={**os.environ, "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
        )
        its.close()
        atexit.register(self._end)

    def start(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        streams: tuple[int, int, int],
    ) -> Forked:
        """Start `python -m module`, in the project's folder, with these descriptors as streams."""
        ours, its = socket.socketpair()
        with its, self._lock:
            socket.send_fds(self._control, [b"+"], [its.fileno(), *streams])
        ours.sendall(json.dumps([module, list(arguments), dict(environment)]).encode())
        ours.shutdown(socket.SHUT_WR)
        return Forked(ours)

    def _end(self) -> None:
        self._control.close()
        self._process.wait()


@cache
def forks() -> Forks:
    """Return the process that forks; it is started at first use."""
    return Forks()


def _serve(control: socket.socket) -> None:
    for name in _MODULES:
        import_module(name)
    gc.freeze()  # or each fork would copy it all when it collects
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 4)
        if not message:
            return
        if (between := os.fork()) == 0:
            control.close()
            _handle(*descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(between, 0)


def _handle(request: int, *streams: int) -> None:
    """Fork once more for the one that awaits the process, so that many run at once."""
    if os.fork() != 0:
        os._exit(0)
    connection = socket.socket(fileno=request)
    module, arguments, environment = json.loads(_all_of(connection))
    if (child := os.fork()) != 0:
        for descriptor in streams:
            os.close(descriptor)
        with suppress(BrokenPipeError):  # nobody may await it any more
            connection.sendall(f"{child:<16}".encode())
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            connection.sendall(f"{status:<16}".encode())
        os._exit(0)
    connection.close()
    _become(module, arguments, environment, streams)


def _all_of(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def _become(
    module: str, arguments: list[str], environment: dict[str, str], streams: Sequence[int]
) -> None:
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    for descriptor in {*streams}:
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin, sys.stdout = _stream(0, "r"), _stream(1, "w")
    sys.stderr = _stream(2, "w", "backslashreplace")
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _stream(number: int, mode: str, errors: str = "strict") -> Any:
    by_line = number != 0 and (number == 2 or os.isatty(number))
    return open(number, mode, 1 if by_line else -1, encoding="utf-8", errors=errors, closefd=False)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
