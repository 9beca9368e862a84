"""What importing files costs, and what is said where an extra is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from langgraph_agentstore import files
from tests.support.matrices import few

MISSING = """
import sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None
from langgraph_agentstore.errors import MissingExtraError
from langgraph_agentstore.files import InMemoryStore, StoreBackend, create_store_backend
backend = StoreBackend(InMemoryStore())
backend.write("/a", "x")
assert backend.read("/a") == "     1\\tx" and backend.grep_raw("x") and backend.ls_info("/")
try:
    exec(sys.argv[2])
except MissingExtraError as error:
    print(error)
"""


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_public_names_are_sorted_and_all_there() -> None:
    pytest.importorskip("deepagents")
    assert files.__all__ == sorted(files.__all__)
    assert all(hasattr(files, name) for name in files.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        files.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_importing_loads_no_extra() -> None:
    loaded = run("import sys, langgraph_agentstore.files; print(*sys.modules)").split()
    assert not {"deepagents", "wcmatch", "sqlite_vec", "langgraph.store.sqlite"} & set(loaded)


@few(2)
@pytest.mark.parametrize(
    ("missing", "use", "extra"),
    [
        ("wcmatch", "backend.glob_info('*')", "langgraph_agentstore[files]"),
        ("wcmatch", "backend.grep_raw('x', glob='*')", "langgraph_agentstore[files]"),
        ("langgraph.store.sqlite", "create_store_backend()", "langgraph_agentstore[sqlite]"),
        (
            "deepagents",
            "from langgraph_agentstore.files import DeepAgentsBackend",
            "langgraph_agentstore[deepagents]",
        ),
    ],
)
def test_a_missing_extra_is_named(missing: str, use: str, extra: str) -> None:
    assert f"pip install '{extra}'" in run(MISSING, missing, use)
