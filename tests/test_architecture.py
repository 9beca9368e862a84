"""Imports point one way, and planning is pure: read from the source, so nothing needs to run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "langgraph_agentstore"

# Each layer may import from itself and from those before it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("values",),
    ("namespaces", "ttl", "records", "texts"),
    ("users", "index"),
    ("index_config", "embeddings", "reranking", "progress", "extras", "replacing", "stepping"),
    ("plan",),
    ("embedded",),
    ("config",),
    ("runtime",),
    ("loading", "surface", "notebook_tables"),
    ("searching",),
    ("beyond",),
    ("views", "keeping"),
    ("store",),
    ("data_store", "conversations", "files"),
    ("transfer",),
    ("memory_agent",),
    ("testing",),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

PURE = (
    *("errors", "values", "namespaces", "ttl", "records", "texts", "users"),
    *("index", "index_config", "embeddings", "plan"),
)
IMPURE_MODULES = {"asyncio", "asyncpg", "threading", "os", "time", "socket", "uvloop", "subprocess"}
LONGEST_MODULE = 300
LONGEST_BODY = 40

MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Each import as (first name of the module, part of this package or "")."""
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], ""
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                yield (node.module or "").split(".")[0], ""
            elif node.level == depth:
                for name in [node.module] if node.module else [a.name for a in node.names]:
                    yield "langgraph_agentstore", name.split(".")[0]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function's name and the length of its body in lines, docstring left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                yield node.name, (node.end_lineno or 0) - body[0].lineno + 1


def shown(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_every_part_of_the_package_has_a_layer() -> None:
    parts = {part_of(path) for path in MODULES} - {"__init__"}
    assert parts == set(RANK)


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_imports_point_to_the_same_layer_or_one_below(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        return
    upward = {
        name for _, name in imports(path) if name and name != part and RANK[name] >= RANK[part]
    }
    assert not upward, f"{part} is below {sorted(upward)}"


@pytest.mark.parametrize("path", [p for p in MODULES if part_of(p) in PURE], ids=shown)
def test_planning_and_what_is_below_it_do_no_io(path: Path) -> None:
    assert not {module for module, _ in imports(path)} & IMPURE_MODULES


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_only_the_runtime_knows_the_driver(path: Path) -> None:
    knows = "asyncpg" in {module for module, _ in imports(path)}
    assert not knows or part_of(path) == "runtime"


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_a_module_fits_a_head_and_a_body_a_glance(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= LONGEST_MODULE
    assert {name for name, length in functions(path) if length > LONGEST_BODY} == set()
