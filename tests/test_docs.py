"""The documentation is true: its examples run, its links lead somewhere, it leaves nothing out.

A block fenced as `python` runs; blocks of one page share their names and run top to bottom, on a
database of the page's own. Where a block says `# → text`, the lines it prints must be those
texts; a block `text printed` after it is all that it prints. `python posix` runs but on Windows;
`python no-run` and every other fence do not run.
"""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import inspect
import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from urllib.parse import unquote

import psycopg
import pytest
from langgraph.store.base import TTLConfig

import langgraph_agentstore
from langgraph_agentstore import (
    AgentIndexConfig,
    AgentStore,
    AgentStoreError,
    AnnIndexConfig,
    PerUserStore,
    PoolConfig,
    UserStore,
    errors,
)
from langgraph_agentstore.memory_agent import STORAGE_TYPES
from langgraph_agentstore.runtime.engine import Engine
from langgraph_agentstore.runtime.io_thread import ForkAware
from langgraph_agentstore.sql.filters import OPERATOR_NAMES
from langgraph_agentstore.sql.search import vector
from tests.support.ollama_server import OllamaServer
from tests.support.servers import temporary_folder

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(DOCS.rglob("*.md")),
]

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PRINTS = re.compile(r"# → ?(.*)$", re.MULTILINE)
_RUNS = {"python"} | ({"python posix"} if sys.platform != "win32" else set())


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string, its text, and the line of the page it begins at."""

    info: str
    text: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(match[1].strip(), match[2], text.count("\n", 0, match.start(2)))
        for match in _FENCE.finditer(text)
    ]


def can_run(block: str) -> bool:
    """Whether the interpreter has the packages of a block: not every Python has all of them."""
    return "import wordllama" not in block or find_spec("wordllama") is not None


def prose_of(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def reference(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=_name)


# Examples


class Reader:
    """Somebody who tries every example of a page, as one would in Jupyter."""

    def __init__(self, page: Path) -> None:
        self.page = page
        # Named and registered as a module, so that LangGraph can look up what annotations mean.
        self.module = ModuleType(f"example_{page.stem}")
        self.loop = asyncio.new_event_loop()
        self.engines = set(ForkAware._all)

    def run(self, block: Block) -> str:
        """What it prints."""
        printed = io.StringIO()
        with redirect_stdout(printed):
            awaited = eval(self._compiled(block), self.module.__dict__)
            if awaited is not None:
                self.loop.run_until_complete(awaited)
        return printed.getvalue()

    def leave(self) -> None:
        """Closes every store that the page made, also those it has no name for any more."""
        for engine in set(ForkAware._all) - self.engines:
            assert isinstance(engine, Engine)
            engine.close()
        self.loop.close()

    def _compiled(self, block: Block) -> CodeType:
        # Blank lines first: a traceback then shows the line of the page.
        source = "\n" * block.line + block.text
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code: CodeType = compile(source, self.page, "exec", flags, dont_inherit=True)
        return code


@pytest.fixture
def clean_place(new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder, an empty database, which `AgentStore()` finds, and models on a server."""
    with temporary_folder() as folder, OllamaServer() as models:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("AGENTSTORE_DSN", new_database())
        monkeypatch.setenv("OLLAMA_HOST", models.url)
        monkeypatch.setenv("XDG_DATA_HOME", str(folder))  # of the bundled Postgres
        yield
        monkeypatch.undo()


LIVELY = [page for page in PAGES if any(block.info in _RUNS for block in blocks_of(page))]
NEEDED = {
    "files": "deepagents",
    "langmem": "langmem",
    "command_line": "typer",
    "bigtool": "langgraph_bigtool",
    "fastapi": "fastapi",
    "ollama": "langchain_ollama",
}
"""How-tos whose examples need a package that is not there everywhere."""


def is_possible(page: Path) -> bool:
    """Whether the packages are there that the examples of a page need."""
    needed = NEEDED.get(page.stem) if page.parent.name == "howto" else None
    return needed is None or find_spec(needed) is not None


@pytest.mark.parametrize("page", LIVELY, ids=_name)
def test_the_examples_of_a_page_run(
    page: Path, clean_place: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_possible(page):
        pytest.skip(f"{NEEDED[page.stem]} is not installed")
    _try_examples(page, monkeypatch)


@pytest.mark.slow
def test_the_examples_of_all_pages_run_one_after_the_other_in_one_place(
    clean_place: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No page finds what another left, as a reader's one database and one folder show it."""
    index = DOCS / "index.md"
    linked = [DOCS / link.partition("#")[0] for link in _LINK.findall(prose_of(index))]
    in_order = [ROOT / "README.md", *(page for page in linked if page in LIVELY)]
    for page in dict.fromkeys(in_order):
        if is_possible(page):
            _try_examples(page, monkeypatch)


def _try_examples(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(page)
    monkeypatch.setitem(sys.modules, reader.module.__name__, reader.module)
    try:
        printed: list[str] = []
        for block in blocks_of(page):
            promised = []
            if block.info in _RUNS and can_run(block.text):
                printed = reader.run(block).splitlines()
                promised = _PRINTS.findall(block.text)
            elif block.info == "text printed":
                promised = block.text.splitlines()
            assert promised in ([], printed), f"{_name(page)}, line {block.line + 1}"
    finally:
        reader.leave()


def test_the_example_of_the_readme_has_at_most_twelve_lines() -> None:
    first = next(block for block in blocks_of(ROOT / "README.md") if block.info == "python")
    assert len([line for line in first.text.splitlines() if line]) <= 12


def test_the_grants_of_the_documentation_are_enough_for_every_method(fresh_database: str) -> None:
    page = DOCS / "howto" / "own_postgres.md"
    grants = next(block.text for block in blocks_of(page) if "CREATE ROLE agent_app" in block.text)
    database = fresh_database.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(fresh_database, autocommit=True) as owner:
        roles = ("agent_owner", "agent_app", "agent_reader")
        before, after = grants.replace("DATABASE app", f"DATABASE {database}").split("-- later")
        try:
            owner.execute(before.encode())
            with AgentStore(fresh_database.replace("postgres@", "agent_owner@")):
                pass
            owner.execute(after.partition("\n")[2].encode())
            _use_everything(fresh_database.replace("postgres@", "agent_app@"))
            _read_everything(fresh_database.replace("postgres@", "agent_reader@"))
        finally:
            for role in roles:
                owner.execute(f"DROP OWNED BY {role} CASCADE".encode())
                owner.execute(f"DROP ROLE {role}".encode())


def _use_everything(dsn: str) -> None:
    with AgentStore(dsn, pool={"min_size": 1, "max_size": 2}) as store:
        store.load((("a",), str(n), {"n": n}) for n in range(3))
        store.put(("a",), "9", {"n": 9}, ttl=1)
        store.update(("a",), "9", lambda old: {**(old or {}), "n": 10})
        store.delete(("a",), "0")
        assert store.sweep_ttl() == 0
        assert store.count(("a",)) == 3


def _read_everything(dsn: str) -> None:
    with AgentStore(dsn, pool={"min_size": 1, "max_size": 2}) as store:
        assert len(store.search(("a",), refresh_ttl=False)) == 3
        assert store.list_namespaces() == [("a",)]
        with pytest.raises(errors.DatabaseError):
            store.put(("a",), "1", {})


# Links


@every_page
def test_every_internal_link_of_a_page_resolves(page: Path) -> None:
    broken = [
        link
        for link in _LINK.findall(prose_of(page))
        if not re.match(r"[a-z]+:", link) and not _resolves(link, page)
    ]
    assert broken == []


def _resolves(link: str, page: Path) -> bool:
    path, _, anchor = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in _anchors(target)


def _anchors(page: Path) -> set[str]:
    """The ids that GitHub gives to headings."""
    headings = re.findall(r"^#+ +(.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_leads_to_every_page() -> None:
    index = DOCS / "index.md"
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in _LINK.findall(prose_of(index))}
    missing = {_name(page) for page in DOCS.rglob("*.md") if page.resolve() not in linked}
    assert missing - {"docs/index.md"} == set(), "docs/index.md has a row for every page"


@pytest.mark.parametrize(
    "page",
    [DOCS / "architecture.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("decisions/*.md"))],
    ids=_name,
)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    package = ROOT / "langgraph_agentstore"
    named = set(re.findall(r"`([\w/]+\.(?:py|sql)|[\w/]+/)`", prose_of(page)))
    missing = {
        name
        for name in named - {"migrations/00NN_name.sql", "site/"}
        if not (ROOT / name).exists() and not list(package.rglob(name.rstrip("/")))
    }
    assert missing == set()


# Completeness

WRITE = "docs/reference/{}.md lacks what is on the left"


def test_every_public_name_is_in_the_reference() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md"))
    assert _missing(langgraph_agentstore.__all__, text) == []


@pytest.mark.parametrize("store", [AgentStore, UserStore, PerUserStore])
def test_every_public_method_is_in_the_reference(store: type) -> None:
    methods = [
        name
        for name, member in inspect.getmembers(store)
        if not name.startswith("_") and (callable(member) or isinstance(member, property))
    ]
    # A row marked ⇄ stands for the awaitable twin too.
    both = re.findall(r"`(\w+)\([^`]*` ⇄", reference("store"))
    missing = _missing(methods, reference("store"))
    missing = [name for name in missing if name.removeprefix("a") not in both]
    assert missing == [], WRITE.format("store")


def test_every_option_is_in_the_reference() -> None:
    options = [
        *list(inspect.signature(AgentStore.__init__).parameters)[1:],
        *list(inspect.signature(AgentStore.embedded).parameters),
        *list(inspect.signature(AgentStore.from_conn_string).parameters),
        *PoolConfig.model_fields,
        *TTLConfig.__annotations__,
        *AgentIndexConfig.__annotations__,
        *AnnIndexConfig.__annotations__,
        "AGENTSTORE_DSN",
    ]
    assert _missing(options, reference("options")) == [], WRITE.format("options")


def test_every_option_of_the_pool_has_a_row_with_its_default() -> None:
    text = reference("options")
    defaults = {
        name: repr(field.get_default(call_default_factory=True)).replace("'", '"')
        for name, field in PoolConfig.model_fields.items()
    }
    rows = [f"| `{name}` | `{shown.removesuffix('.0')}` |" for name, shown in defaults.items()]
    assert [row for row in rows if row not in text] == [], WRITE.format("options")


def test_every_session_setting_is_as_documented() -> None:
    options = reference("options")
    roles = (DOCS / "howto" / "own_postgres.md").read_text(encoding="utf-8")
    told = PoolConfig().settings
    assert _missing(told, options) == []
    assert _missing(set(told.values()) - {told["statement_timeout"]}, options) == []
    # Behind PgBouncer the role is told instead, whatever name its connections have.
    del told["application_name"], told["statement_timeout"]
    written = dict(re.findall(r"ALTER ROLE agent_app SET (\w+) = '?(\w+(?:, \w+)*)'?;", roles))
    assert {name: written.get(name) for name in told} == told
    assert "statement_timeout" in written


def test_every_filter_operator_is_in_the_reference() -> None:
    assert _missing(OPERATOR_NAMES, reference("filters")) == [], WRITE.format("filters")


def test_every_error_is_in_the_reference() -> None:
    classes = [
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    ]
    assert _missing(classes, reference("errors")) == [], WRITE.format("errors")


@pytest.mark.parametrize("page", ["docstring of errors.py", "page docs/reference/errors.md"])
def test_the_tree_of_errors_is_drawn_as_it_is(page: str) -> None:
    text = errors.__doc__ or "" if page.startswith("docstring") else reference("errors")
    branches = [match for line in text.splitlines() if (match := re.search(r"[├└]── (\w+)", line))]
    left = min(branch.start() for branch in branches)
    drawn = {branch[1]: (branch.start() - left) // 4 for branch in branches}
    root = AgentStoreError
    assert drawn == {
        name: sum(issubclass(each, root) for each in cls.__mro__) - 2
        for name, cls in vars(errors).items()
        if inspect.isclass(cls) and issubclass(cls, root) and cls is not root
    }, f"the tree in the {page}"


def test_every_storage_type_is_in_the_reference() -> None:
    assert _missing(STORAGE_TYPES, reference("memory_agent")) == [], WRITE.format("memory_agent")


def test_the_limits_of_a_search_by_vectors_are_as_documented() -> None:
    options = reference("options")
    assert f"from {vector.LEAST_EXACT:,} on" in options
    assert f"returns | {vector.VECTOR_POOL}; {vector.POOL_OF_BITS:,} for `bit` |" in options
    page = (DOCS / "howto" / "vector_index.md").read_text(encoding="utf-8")
    assert f"*Few* means up to {vector.LEAST_EXACT:,}." in page
    assert f"root of {vector.INDEX_COST * vector.VECTOR_POOL:,} times the number of rows" in page


def test_every_field_of_the_records_is_in_the_reference() -> None:
    records: list[Any] = [
        langgraph_agentstore.ItemRecord,
        langgraph_agentstore.StoreStats,
        langgraph_agentstore.results.KindStats,
        langgraph_agentstore.StoreHealth,
        langgraph_agentstore.results.StoreReadiness,
        langgraph_agentstore.Explanation,
        langgraph_agentstore.MigrationReport,
        langgraph_agentstore.RefusedItem,
    ]
    fields = [field.name for record in records for field in dataclasses.fields(record)]
    assert _missing(fields, reference("store")) == [], WRITE.format("store")


def test_the_reference_of_the_schema_is_what_the_migrations_make(
    postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name):
        pass
    with psycopg.connect(postgres_dsn) as connection:
        rows = connection.execute(
            """SELECT table_name, column_name FROM information_schema.columns
                WHERE table_schema = %(schema)s
                UNION SELECT tablename, indexname FROM pg_indexes WHERE schemaname = %(schema)s""",
            {"schema": schema_name},
        ).fetchall()
    names = {name for row in rows for name in row}
    assert names
    assert _missing(sorted(names), reference("schema")) == [], WRITE.format("schema")


def _missing(names: Any, text: str) -> list[str]:
    """Those that stand nowhere in code: `name`, `name(…)` or `x.name`."""
    code = " ".join(re.findall(r"`[^`\n]+`", text))
    return [name for name in names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", code)]


def test_no_page_shows_a_secret_or_a_path_of_its_author() -> None:
    found = [
        f"{_name(page)}: {match[0]}"
        for page in PAGES
        for match in re.finditer(r"/(?:home|root|Users)/\w+", page.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_control_of_the_threat_model_names_tests_that_are_there() -> None:
    page = (DOCS / "security" / "threat_model.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/.]+|test_\w+\.py)`", page)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_table_of_controls_names_every_test_of_theirs_and_none_that_is_gone() -> None:
    page = (DOCS / "security" / "controls.md").read_text(encoding="utf-8")
    named = {
        name if "/" in name else f"tests/security/{name}"
        for name in re.findall(r"`(tests/[\w/]+\.py|test_\w+\.py)`", page)
    }
    assert {name for name in named if not (ROOT / name).is_file()} == set()
    tests = {_name(file) for file in (ROOT / "tests" / "security").glob("test_*.py")}
    assert {name for name in tests - named if not name.endswith("_sql.py")} == set()
