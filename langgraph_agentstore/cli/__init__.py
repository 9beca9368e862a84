"""The command `agentstore`: look at a store, change it, move it and run its server.

`python -m langgraph_agentstore` is the same command. The extra `cli` installs what it needs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .._support.optional import imported
from .failures import run_to_status
from .versions import versions

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Args:
        arguments: those after the command's name; None for those of the process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:  # also without the extra, since reports of bugs need it
        sys.stdout.write("".join(f"{name}: {found}\n" for name, found in versions().items()))
        return 0
    return run_to_status(lambda: _run_app(given))


def _run_app(arguments: Sequence[str]) -> int:
    for package in ("typer", "rich"):
        imported(package, "cli")
    from .app import run_app

    return run_app(arguments)
