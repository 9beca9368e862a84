"""The page about the supply chain says what `pyproject.toml` and the installed packages say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/security/supply_chain.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert table is not None
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]
    ]


def required() -> dict[str, Requirement]:
    """Return the direct requirements of the package and of its extras for users, by name."""
    lines = map(Requirement, metadata.requires("langgraph_agentstore") or ())
    return {
        canonicalize_name(line.name): line
        for line in lines
        if not re.search(r"extra == ['\"](dev|docs)['\"]", str(line.marker))
        and canonicalize_name(line.name) != "langgraph-agentstore"
    }


@pytest.mark.parametrize("row", rows("Known holes that the requirements exclude"))
def test_the_lower_bound_is_above_the_hole(row: list[str]) -> None:
    name, fixed = row[:2]
    bounds = [
        s.version for s in required()[canonicalize_name(name)].specifier if s.operator == ">="
    ]
    assert Version(bounds[0]) >= Version(fixed)


def test_every_direct_requirement_has_a_licence_row() -> None:
    listed = {canonicalize_name(name) for row in rows("Licenses") for name in row[0].split(", ")}
    assert listed == set(required())


@pytest.mark.parametrize("row", rows("Licenses"))
def test_the_license_is_that_of_the_installed_package(row: list[str]) -> None:
    for name in row[0].split(", "):
        try:
            declared = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue  # an extra for a server that is not here
        if expressions := declared.get_all("License-Expression"):
            assert [row[1]] == expressions
        else:
            fields = ("License", "Classifier")
            told = [line for name in fields for line in declared.get_all(name) or ()]
            first = re.split(r"[-; ]", row[1])[0].replace("PSF", "Python")
            assert first in " ".join(told)


def test_the_bill_of_materials_has_what_users_install_and_no_tools(tmp_path: Path) -> None:
    file = tmp_path / "bill.json"
    command = [sys.executable, ".ci/supply_chain.py", "sbom", str(file)]
    subprocess.run(command, cwd=ROOT, check=True)
    names = {canonicalize_name(c["name"]) for c in json.loads(file.read_text())["components"]}
    assert {"asyncpg", "orjson", "cryptography"} <= names
    assert not {"pytest", "mypy", "mkdocs", "langmem"} & names
