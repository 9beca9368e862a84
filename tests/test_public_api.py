"""What a user can import and call."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from types import ModuleType

import pytest
from langgraph.store.base import BaseStore

import langgraph_agentstore
from langgraph_agentstore import AgentStore, PerUserStore, UserStore, errors

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGE = DOCS / "reference" / "public_api.md"

# Every public module, and the pages that have its names and their methods.
PUBLIC = {
    "langgraph_agentstore": ("store", "options", "data_store", "errors"),
    "langgraph_agentstore.errors": ("errors",),
    "langgraph_agentstore.data_store": ("data_store", "../data_store/administration"),
    "langgraph_agentstore.conversations": ("conversations",),
    "langgraph_agentstore.memory_tools": ("memory_tools",),
    "langgraph_agentstore.files": ("files",),
    "langgraph_agentstore.agent_server": ("../howto/agent_server",),
    "langgraph_agentstore.security": ("security", "../howto/encryption"),
    "langgraph_agentstore.transfer": ("transfer",),
    "langgraph_agentstore.memory_agent": ("memory_agent",),
    "langgraph_agentstore.mcp_server": ("../howto/mcp",),
    "langgraph_agentstore.explorer": ("../howto/explorer",),
    "langgraph_agentstore.telemetry": ("../howto/telemetry",),
    "langgraph_agentstore.conformance": ("../howto/conformance",),
    "langgraph_agentstore.embedded": ("../howto/bundled_postgres",),
    "memory_agent": ("memory_agent",),
}
INNER = {
    "_support",
    "cli",
    "config",
    "langgraph_postgres",
    "migrations",
    "model",
    "results",
    "runtime",
    "sql",
    "store",
    "testing",
    "tools",
}
OF_ONE_FILE = {"agent_server", "errors"}

every_public_module = pytest.mark.parametrize("name", PUBLIC)

# Beyond LangGraph's methods; each that does I/O has an awaitable twin.
METHODS = {
    "tree",
    "sample",
    "sql",
    "plot_map",
    "explore",
    "find_reads",
    "discard",
    "quarantined",
    "ready",
    "release",
    "audit_seal",
    "audit_verify",
    "close",
    "consistency",
    "count",
    "delete_namespace",
    "delete_user",
    "destroy_keys",
    "diagnose",
    "diff",
    "embedded",
    "erase_user",
    "explain",
    "explain_recall",
    "explain_search",
    "find_changes",
    "for_user",
    "from_conn_string",
    "get_as_of",
    "get_record",
    "health",
    "history",
    "hold",
    "holds",
    "iter_items",
    "load",
    "migrate_from_langgraph_postgres",
    "per_user",
    "readmit_user",
    "reindex",
    "release_hold",
    "restore",
    "revoke",
    "rewrap_keys",
    "rotate",
    "setup",
    "share",
    "shared_by_me",
    "shared_with_me",
    "setup_sql",
    "start_ttl_sweeper",
    "stats",
    "stop_ttl_sweeper",
    "sweep_ttl",
    "to_pandas",
    "update",
    "usage",
    "users",
}
WITHOUT_TWIN = {
    "consistency",
    "explore",
    "embedded",
    "explain",
    "for_user",
    "from_conn_string",
    "per_user",
    "setup_sql",
    "stats",
}
STORE_ONLY = {
    "tree",
    "sample",
    "sql",
    "plot_map",
    "explore",
    "discard",
    "quarantined",
    "ready",
    "release",
    "audit_seal",
    "audit_verify",
    "close",
    "delete_user",
    "destroy_keys",
    "diagnose",
    "embedded",
    "erase_user",
    "explain_recall",
    "for_user",
    "from_conn_string",
    "health",
    "hold",
    "holds",
    "migrate_from_langgraph_postgres",
    "per_user",
    "readmit_user",
    "reindex",
    "release_hold",
    "rewrap_keys",
    "rotate",
    "setup",
    "setup_sql",
    "start_ttl_sweeper",
    "stats",
    "stop_ttl_sweeper",
    "sweep_ttl",
    "usage",
    "users",
}


def module_of(name: str) -> ModuleType:
    """The module; the test skips where an extra that it needs is not there."""
    if name.endswith(".files"):
        pytest.importorskip("deepagents")
    return importlib.import_module(name)


def listed(name: str) -> list[str]:
    """The names in the first column of a module's tables on the page."""
    section = PAGE.read_text("utf-8").partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def code_of(page: str) -> str:
    text = (PAGE.parent / f"{page}.md").read_text("utf-8")
    return " ".join(re.findall(r"`[^`\n]+`", text)) + " ".join(
        re.findall(r"^```python.*?^```", text, re.MULTILINE | re.DOTALL)
    )


def own_methods(module: ModuleType) -> Iterator[str]:
    """Methods of a module's classes that this package wrote, awaitable twins left out."""
    for name in module.__all__:
        cls = getattr(module, name)
        if not inspect.isclass(cls) or issubclass(cls, Exception):
            continue
        langgraphs = set(dir(BaseStore)) if issubclass(cls, BaseStore) else set()
        for method in set(dir(cls)) - langgraphs:
            if method.startswith(("_", "test_", "pytest_")):
                continue
            made_in = getattr(getattr(cls, method), "__module__", None) or ""
            is_twin = method.startswith("a") and hasattr(cls, method[1:])
            if made_in.startswith("langgraph_agentstore") and not is_twin:
                yield method


def methods(cls: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(cls, callable) if not name.startswith("_")}


def test_the_public_names_are_sorted_and_all_there() -> None:
    names = langgraph_agentstore.__all__
    assert names == sorted(names)
    assert all(hasattr(langgraph_agentstore, name) for name in names)


@every_public_module
def test_the_page_of_public_names_and_the_module_agree(name: str) -> None:
    assert sorted(listed(name)) == sorted(module_of(name).__all__)


@every_public_module
def test_no_submodule_hides_a_public_name(name: str) -> None:
    # Importing a submodule binds it in its package, over a name that is looked up lazily.
    package = module_of(name)
    for found in pkgutil.iter_modules(getattr(package, "__path__", ())):
        if found.name in package.__all__:
            importlib.import_module(f"{package.__name__}.{found.name}")
    modules = {each for each in package.__all__ if inspect.ismodule(getattr(package, each))}
    assert modules - {"agent"} == set()  # users import `memory_agent.agent` as a module


def test_the_page_has_every_module_that_is_not_inner() -> None:
    headings = re.findall(r"^## `([\w.]+)`$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert headings == list(PUBLIC)
    packages = {path.parent.name for path in (ROOT / "langgraph_agentstore").glob("*/__init__.py")}
    public = {name.rpartition(".")[2] for name in PUBLIC if "." in name}
    assert {name for name in packages if not name.startswith("_")} - INNER | OF_ONE_FILE == public


def test_the_short_module_has_the_names_of_the_long_one() -> None:
    short, long = (
        module_of(name) for name in ("memory_agent.agent", "langgraph_agentstore.memory_agent")
    )
    assert short.__all__ == long.__all__
    assert all(getattr(short, name) is getattr(long, name) for name in long.__all__)


@every_public_module
def test_every_public_method_is_on_a_page_of_its_module(name: str) -> None:
    code = " ".join(map(code_of, PUBLIC[name]))
    told = set(re.findall(r"\w+", code))
    missing = sorted(set(own_methods(module_of(name))) - told)
    assert missing == [], f"none of these pages of docs/reference has them: {PUBLIC[name]}"


@every_public_module
def test_what_can_be_closed_works_in_a_block(name: str) -> None:
    module = module_of(name)
    for each in module.__all__:
        cls = getattr(module, each)
        if inspect.isclass(cls) and hasattr(cls, "close"):
            awaited = inspect.iscoroutinefunction(cls.close)
            assert awaited or hasattr(cls, "__exit__"), each
            if awaited or hasattr(cls, "aclose"):
                assert hasattr(cls, "__aexit__"), each


def test_every_error_is_public_and_drawn_in_the_tree() -> None:
    tree = errors.__doc__ or ""
    defined = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert defined == set(errors.__all__), "errors.py: __all__"
    assert {name for name in defined if name not in tree} == set(), "docstring of errors.py"


def test_every_error_is_an_agent_store_error_and_survives_pickling() -> None:
    import pickle

    for name in errors.__all__:
        value = getattr(errors, name)
        assert issubclass(value, errors.AgentStoreError)
        copied = pickle.loads(pickle.dumps(value("said")))
        assert (type(copied), str(copied)) == (value, "said")


@pytest.mark.parametrize("name", sorted({*errors.__all__} - {"AgentStoreError"}))
def test_an_error_is_found_where_an_earlier_release_had_it(name: str) -> None:
    with pytest.warns(
        DeprecationWarning, match=rf"import {name} from langgraph_agentstore\.errors"
    ):
        found = getattr(langgraph_agentstore, name)
    assert found is getattr(errors, name)


def test_few_names_are_at_the_top() -> None:
    assert len(langgraph_agentstore.__all__) <= 20


def test_the_store_has_these_methods_and_no_others() -> None:
    twins = {f"a{name}" for name in METHODS - WITHOUT_TWIN}
    found = methods(AgentStore) - methods(BaseStore)
    assert found == METHODS | twins, "METHODS, and where they belong the other two lists above"


@pytest.mark.parametrize("view", [UserStore, PerUserStore])
def test_a_view_has_all_but_what_concerns_the_store_as_a_whole(view: type) -> None:
    store_only = STORE_ONLY | {f"a{name}" for name in STORE_ONLY - WITHOUT_TWIN}
    assert methods(view) == methods(AgentStore) - store_only


@pytest.mark.parametrize("name", sorted(methods(AgentStore)))
def test_every_method_says_what_it_does(name: str) -> None:
    assert inspect.getdoc(getattr(AgentStore, name))


@pytest.mark.parametrize("name", sorted(METHODS - WITHOUT_TWIN))
def test_a_method_and_its_awaitable_twin_take_the_same_arguments(name: str) -> None:
    blocking = inspect.signature(getattr(AgentStore, name))
    awaitable = inspect.signature(getattr(AgentStore, f"a{name}"))
    assert blocking.parameters == awaitable.parameters


@pytest.mark.parametrize("name", ["get", "put", "delete", "search", "list_namespaces"])
def test_langgraphs_methods_keep_langgraphs_arguments(name: str) -> None:
    for method in (name, f"a{name}"):
        theirs = inspect.signature(getattr(BaseStore, method)).parameters
        ours = inspect.signature(getattr(AgentStore, method)).parameters
        assert {n: (p.kind, p.default) for n, p in theirs.items()}.items() <= {
            n: (p.kind, p.default) for n, p in ours.items()
        }.items()


def test_types_and_migrations_are_shipped() -> None:
    package = resources.files("langgraph_agentstore")
    assert (package / "py.typed").is_file()
    assert (package / "migrations" / "0001_items.sql").is_file()


def test_the_repr_names_the_place_and_no_secret() -> None:
    store = AgentStore("postgresql://ada:s3cr%40t@db.example:5433/main?password=hidden")
    assert repr(store) == (
        "AgentStore('postgresql://ada@db.example:5433/main', schema='agentstore', "
        "users=('users', '{user_id}'))"
    )
    assert repr(store.for_user("bob")).endswith(".for_user('bob')")
    assert repr(store.per_user()).endswith(".per_user()")


def test_the_old_name_of_the_conformance_suite_works_and_tells_the_new_one() -> None:
    sys.modules.pop("langgraph_agentstore.testing", None)
    with pytest.warns(DeprecationWarning, match=r"now langgraph_agentstore\.conformance"):
        old = importlib.import_module("langgraph_agentstore.testing")
    assert old.StoreConformance is module_of("langgraph_agentstore.conformance").StoreConformance
