"""The command `agentstore`: look at a store, change it, move it and run its server.

`python -m langgraph_agentstore` is the same command. The extra `cli` installs what it needs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .versions import versions

__all__ = ["main"]

_STDERR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Args:
        arguments: those after the command's name; None for those of the process.
    """
    _open_closed_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:  # also without the extra, since reports of bugs need it
        sys.stdout.write("".join(f"{name}: {found}\n" for name, found in versions().items()))
        return 0
    from .failures import run_to_status  # the errors it knows load LangGraph: most of a second

    return run_to_status(lambda: _run_app(given))


def _open_closed_streams() -> None:
    """Open the null device for each standard stream that whoever started this process closed.

    Otherwise sockets get their descriptors, and libuv aborts the process when it closes one.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(descriptor)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _run_app(arguments: Sequence[str]) -> int:
    from .._support.optional import imported

    for package in ("typer", "rich"):
        imported(package, "cli")
    from .app import run_app

    return run_app(arguments)
