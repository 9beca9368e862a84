"""Imports point one way, and planning is pure: read from the source, so nothing needs to run."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

PACKAGE = Path(__file__).parent.parent / "langgraph_agentstore"
PAGE = PACKAGE.parent / "docs" / "architecture.md"

# Each layer may import from itself and from those before it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("html_tables",),
    ("errors", "results"),
    ("_support",),
    ("model",),
    ("embedded", "telemetry"),
    ("config",),
    ("sql",),
    ("security",),
    ("runtime",),
    ("store", "langgraph_postgres"),
    ("agent_server", "data_store", "files", "memory_tools"),
    ("transfer",),
    ("conversations", "memory_agent"),
    ("tools",),
    ("explorer", "mcp_server"),
    ("cli",),
    ("conformance", "testing"),
    ("__main__",),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

PURE = {"html_tables", "errors", "results", "model", "sql"}
PURE_FILES = {"sql.py", "dsn.py", "dsn_options.py", "dsn_parameters.py", "embedders.py"}
IMPURE_MODULES = {"asyncio", "asyncpg", "threading", "os", "time", "socket", "uvloop", "subprocess"}
LONGEST_MODULE = 300
LONGEST_CLASS = 300
LONGEST_BODY = 40
MEDIAN_BODY = 8

MODULES = sorted(PACKAGE.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def is_pure(path: Path) -> bool:
    name, folder = path.name, path.parent.name
    return (
        part_of(path) in PURE or name in PURE_FILES or name.endswith("_sql.py") or folder == "sql"
    )


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Each import as (first name of the module, part of this package or "")."""
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(tree(path)):
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
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                yield node.name, (node.end_lineno or 0) - body[0].lineno + 1


def lines_of_bodies(node: ast.AST, length: int) -> int:
    """How many of the lines are neither a signature nor a docstring: these a reader scans."""
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length -= inner.body[0].lineno - inner.lineno
        if isinstance(inner, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = inner.body[0] if inner.body and ast.get_docstring(inner) else None
            length -= 0 if first is None else (first.end_lineno or 0) - first.lineno + 1
    return length


def classes(path: Path) -> Iterator[tuple[str, int]]:
    """Each class's name and the lines of its bodies."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef):
            yield node.name, lines_of_bodies(node, (node.end_lineno or 0) - node.lineno + 1)


def module_of(path: Path) -> str:
    parts = (PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


KNOWN = {module_of(path) for path in MODULES}


def imported_modules(path: Path) -> set[str]:
    """The modules of this package that one imports, also within functions; types do not count."""
    package = [PACKAGE.name, *path.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in nodes_that_run(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            start = package[: len(package) - node.level + 1]
            module = ".".join([*start, node.module] if node.module else start)
            names = {f"{module}.{alias.name}" for alias in node.names}
            found |= {name if name in KNOWN else module for name in names}
    return found - {module_of(path)}


def nodes_that_run(parent: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from nodes_that_run(node)


def shown(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


# `store.explain_recall` is a shortcut to the conversations, imported when it is called.
UPWARD = {"store/agent_store.py": {"conversations"}}


def test_every_part_of_the_package_has_a_layer() -> None:
    parts = {part_of(path) for path in MODULES} - {"__init__"}
    assert parts == set(RANK), "the layers stand in LAYERS"


def found_by(
    look: Callable[[Path], set[str]], modules: Iterable[Path] = MODULES
) -> dict[str, set[str]]:
    """What is found in which modules; those without are left out."""
    return {shown(path): found for path in modules if (found := look(path))}


def test_imports_point_to_the_same_layer_or_one_below() -> None:
    def upward(path: Path) -> set[str]:
        part = part_of(path)
        above = {n for _, n in imports(path) if n and n != part and RANK[n] > RANK[part]}
        return above - UPWARD.get(shown(path), set())

    assert found_by(upward, [path for path in MODULES if part_of(path) != "__init__"]) == {}


def test_planning_and_what_is_below_it_do_no_io() -> None:
    def impure(path: Path) -> set[str]:
        return {module for module, _ in imports(path)} & IMPURE_MODULES

    assert found_by(impure, filter(is_pure, MODULES)) == {}


def test_only_the_runtime_knows_the_driver() -> None:
    knowing = [path for path in MODULES if "asyncpg" in {module for module, _ in imports(path)}]
    assert {part_of(path) for path in knowing} == {"runtime", "langgraph_postgres"}


def test_a_module_fits_a_head() -> None:
    """What belongs together becomes a module."""
    lengths = {
        shown(path): lines_of_bodies(tree(path), path.read_text(encoding="utf-8").count("\n"))
        for path in MODULES
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_a_body_is_seen_at_a_glance() -> None:
    def long(path: Path) -> set[str]:
        bodies = {name for name, length in functions(path) if length > LONGEST_BODY}
        return bodies | {name for name, length in classes(path) if length > LONGEST_CLASS}

    assert found_by(long) == {}


def test_most_bodies_are_short() -> None:
    assert median(length for path in MODULES for _, length in functions(path)) <= MEDIAN_BODY


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {
        module_of(path): {
            name
            for name in imported_modules(path)
            if not UPWARD.get(shown(path), set()) & set(name.split(".")[1:])
        }
        for path in MODULES
    }
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


HOPS = re.findall(
    r"^\| ?\d? ?\| `([\w/]+\.py)` \| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
)


@pytest.mark.parametrize(("file", "name"), sorted(set(HOPS)))
def test_a_hop_leads_to_a_function_that_is_there(file: str, name: str) -> None:
    assert name in {found for found, _ in functions(PACKAGE / file)}, "docs/architecture.md"


def test_a_module_names_no_file_that_is_not_there() -> None:
    def missing(path: Path) -> set[str]:
        named = set(re.findall(r"`([\w/]+\.(?:py|sql))`", path.read_text(encoding="utf-8")))
        places = (PACKAGE, PACKAGE.parent, path.parent)
        return {name for name in named if not any((place / name).exists() for place in places)}

    assert found_by(missing) == {}


# Each facade reaches the database through the store alone; these are the ways around it.
FACADES = {
    *("agent_server", "data_store", "files", "memory_tools"),
    *("transfer", "conversations", "memory_agent", "tools", "explorer", "cli"),
}
INNER = ("runtime",)
EXEMPT = {
    "data_store/change_feed.py",  # a job of the session's own
    "data_store/compared_records.py",  # a part of that job
}


def inner_imports(path: Path) -> set[str]:
    """The modules of inner folders that a facade's module imports."""
    found = {name.split(".", 1)[1] for name in imported_modules(path) if "." in name}
    return {name for name in found if name.split(".")[0] in INNER}


def test_a_facade_reaches_the_database_through_the_store() -> None:
    facades = [path for path in MODULES if part_of(path) in FACADES]
    assert set(found_by(inner_imports, facades)) == EXEMPT


def test_the_page_draws_the_layers_as_they_are() -> None:
    line = PAGE.read_text(encoding="utf-8").partition("## Layers\n\n`")[2].partition("`")[0]
    drawn = [set(layer.split(", ")) for layer in line.split(" ← ")]
    tested = [set(layer) - {"agent_server"} for layer in LAYERS if layer[0] in RANK]
    assert drawn == [layer for layer in tested if not layer & {"conformance", "__main__"}]


# Names that several modules must have, and why.
SHARED_NAMES = {
    "__all__": "the protocol of modules",
    "__dir__": "the protocol of modules",
    "__getattr__": "the protocol of modules",
    "logger": "every module has a logger of its own",
    "read": "each format of files has one",
    "writer": "each format of files has one",
    "SPACE": "each group of facts has a namespace of its own",
}


def top_level_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names of the classes, functions and constants that a module defines."""
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
        elif isinstance(node, (ast.If, ast.Try)):
            yield from top_level_names(ast.iter_child_nodes(node))


def test_a_top_level_name_means_one_thing() -> None:
    modules_of: dict[str, set[str]] = {}
    for path in MODULES:
        for name in top_level_names(tree(path).body):
            modules_of.setdefault(name, set()).add(shown(path))
    twice = {n: sorted(m) for n, m in modules_of.items() if len(m) > 1 and n not in SHARED_NAMES}
    assert twice == {}, "rename one of them; or, if it is one thing, import it from one module"
