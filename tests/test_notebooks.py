"""Every notebook runs from top to bottom, and is stored without what that run gave."""

from __future__ import annotations

import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

from tests.support.matrices import few
from tests.support.servers import temporary_folder

pytestmark = pytest.mark.postgres

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call, no-any-return]


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@few(2)
@every_notebook
@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="LangGraph tells awaited graphs nothing before"
)
def test_a_notebook_runs_from_top_to_bottom(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = read(path)
    with temporary_folder() as folder:
        # Neither the user's own data nor the user's own settings of Jupyter.
        monkeypatch.setenv("XDG_DATA_HOME", str(folder))
        monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "jupyter"))
        client = nbclient.NotebookClient(
            notebook,
            timeout=60,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()


@every_notebook
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    cells = read(path).cells
    run = [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
    assert run == []


@every_notebook
def test_a_notebook_is_well_formed(path: Path) -> None:
    nbformat.validate(read(path))
