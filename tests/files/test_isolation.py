"""No method of either dialect sees, matches or removes a file of any other namespace or user."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import MissingUserError
from langgraph_agentstore.files import StoreBackend
from tests.files.stores import STORES
from tests.support.row_security import items_of_all

HERE = ("team", "files")
OTHERS = [
    ("team", "files", "below"),
    ("team", "files", "files"),
    ("team", "files2"),
    ("team", "file"),
    ("team",),
    ("files",),
    ("team:files",),
    ("team/files",),
    ("other", "team", "files"),
    ("users", "ada", "team", "files"),
    ("users", "ada", "files"),
]
DIALECT_1_ALONE = {"InMemoryStore", "SQLiteStore"}
OWN = ["/own.txt", "/dir/own.txt"]
FOREIGN = ["/own.txt", "/dir/own.txt", "/dir/foreign.txt", "/foreign/foreign.txt", "/foreign.txt"]


@contextmanager
def filled(kind: str, dsn: str) -> Iterator[Any]:
    """A store with files here, and with others of the same names everywhere else."""
    with STORES[kind](dsn) as store:
        for namespace in OTHERS:
            for path in FOREIGN:
                store.put(namespace, path, {"content": ["foreign"], "modified_at": "2026"})
        for path in OWN:
            store.put(HERE, path, {"content": ["own"], "modified_at": "2025"})
        yield store


def values_of_others(store: Any) -> list[Any]:
    items = [store.get(namespace, path) for namespace in OTHERS for path in FOREIGN]
    return [item if isinstance(item, dict) or item is None else item.value for item in items]


class Said(TypedDict):
    said: str


def deep_agents_backend(store: Any, namespace: tuple[str, ...]) -> Any:
    pytest.importorskip("deepagents")
    from langgraph_agentstore.files import DeepAgentsBackend

    return DeepAgentsBackend(store, namespace=namespace)


def paths(found: Any) -> list[str]:
    return sorted({one["path"] for one in found})


@pytest.mark.parametrize("kind", STORES)
def test_dialect_1_sees_its_own_files_alone(kind: str, postgres_dsn: str) -> None:
    with filled(kind, postgres_dsn) as store:
        before = values_of_others(store)
        use_dialect_1(StoreBackend(store, HERE))
        assert values_of_others(store) == before


def use_dialect_1(backend: StoreBackend) -> None:
    assert paths(backend.ls_info("/")) == ["/dir/", "/own.txt"]
    assert paths(backend.ls_info("/dir")) == ["/dir/own.txt"]
    assert paths(backend.glob_info("**")) == sorted(OWN)
    assert paths(backend.grep_raw("")) == sorted(OWN)
    assert backend.grep_raw("foreign") == []
    assert backend.read("/own.txt") == "     1\town"
    assert backend.read("/foreign.txt") == "Error: File '/foreign.txt' not found"
    assert backend.edit("/foreign.txt", "foreign", "x").error is not None
    assert backend.write("/foreign.txt", "now own").error is None
    assert backend.edit("/own.txt", "own", "mine").occurrences == 1
    assert backend.download_files(["/dir/foreign.txt"])[0].error == "file_not_found"
    backend.upload_files([("/dir/foreign.txt", b"own too")])


@pytest.mark.parametrize("kind", [kind for kind in STORES if kind not in DIALECT_1_ALONE])
def test_dialect_2_sees_its_own_files_alone(kind: str, postgres_dsn: str) -> None:
    with filled(kind, postgres_dsn) as store:
        before = values_of_others(store)
        backend = deep_agents_backend(store, namespace=HERE)
        assert paths(backend.ls("/").entries) == ["/dir/", "/own.txt"]
        assert paths(backend.glob("*").matches) == sorted(OWN)
        assert paths(backend.grep("").matches) == sorted(OWN)
        assert backend.grep("foreign").matches == []
        assert backend.read("/foreign.txt").error == "File '/foreign.txt' not found"
        assert backend.delete("/foreign").error == "Error: File '/foreign' not found"
        assert backend.delete("/foreign.txt").error is not None
        assert backend.delete("/dir").error is None
        assert backend.delete("/").error is None
        assert backend.ls("/").entries == []
        assert values_of_others(store) == before


@pytest.mark.parametrize("label", ["*", "%", "_"])
@pytest.mark.parametrize("kind", [kind for kind in STORES if kind not in DIALECT_1_ALONE])
def test_no_label_is_a_wildcard(kind: str, label: str, postgres_dsn: str) -> None:
    with STORES[kind](postgres_dsn) as store:
        store.put(("team", "a"), "/foreign.txt", {"content": "foreign", "modified_at": "2026"})
        backend = deep_agents_backend(store, namespace=("team", label))
        assert backend.ls("/").entries == backend.glob("*").matches == []
        assert backend.delete("/").error is not None
        assert backend.write("/own.txt", "own").error is None
        assert paths(backend.grep("").matches) == ["/own.txt"]
        assert backend.delete("/").error is None
        assert store.get(("team", "a"), "/foreign.txt") is not None


def test_a_user_never_meets_another_users_files(store: AgentStore) -> None:
    ada, bob = (StoreBackend(store.for_user(user)) for user in ("ada", "bob"))
    shared = StoreBackend(store)
    for backend, text in ((ada, "hers"), (bob, "his"), (shared, "everybody's")):
        assert backend.write("/notes.txt", text).error is None
    ada.write("/ada.txt", "x")
    assert paths(bob.ls_info("/")) == paths(shared.ls_info("/")) == ["/notes.txt"]
    assert bob.grep_raw("s$") == [{"path": "/notes.txt", "line": 1, "text": "his"}]
    assert paths(ada.glob_info("*")) == ["/ada.txt", "/notes.txt"]
    assert store.get(("users", "bob", "filesystem"), "/notes.txt") is not None


@pytest.mark.parametrize("form", ["blocking", "awaited"])
def test_a_graphs_files_are_those_of_its_user(store: AgentStore, form: str) -> None:
    if form == "awaited" and sys.version_info < (3, 11):
        pytest.skip("LangGraph tells awaited graphs nothing before")
    backend = StoreBackend(store.per_user())

    def work(state: Said) -> Said:
        backend.write("/said.txt", state["said"])
        return {"said": backend.read("/said.txt")}

    async def awork(state: Said) -> Said:
        await backend.awrite("/said.txt", state["said"])
        return {"said": await backend.aread("/said.txt")}

    builder = StateGraph(Said).add_edge(START, "work")
    builder.add_node("work", work if form == "blocking" else awork)
    graph = builder.compile()
    for user in ("ada", "bob"):
        task: Said = {"said": f"{user} was here"}
        config: Any = {"configurable": {"user_id": user}}
        answer = (
            graph.invoke(task, config)
            if form == "blocking"
            else asyncio.run(graph.ainvoke(task, config))
        )
        assert answer["said"] == f"     1\t{user} was here"
    with pytest.raises(MissingUserError):
        backend.ls_info("/")
    assert len(items_of_all(store)) == 2


def test_a_tree_goes_with_all_below_it_and_nothing_beside_it(store: AgentStore) -> None:
    backend = deep_agents_backend(store, namespace=HERE)
    kept = ["/a-b/x", "/a.txt", "/a0", "/aa/x", "/A/x", "/b/a/x", "a/x", "/%/x", "/a%"]
    for path in ["/a", "/a/x", "/a/b/c/d", "/a//x", "/a/é", *kept]:
        backend.write(path, "x")
    assert backend.delete("/a/").path == "/a/"
    assert paths(backend.glob("*").matches) == sorted(set(kept) - {"a/x"})
    assert backend.read("a/x").error is None
    assert backend.delete("/_").error is not None
    assert backend.delete("/%").path == "/%"
    assert backend.read("/%/x").error == "File '/%/x' not found"
    assert backend.read("/a%").error is None


def test_expired_files_are_gone(store: AgentStore) -> None:
    spoon_ai, deep_agents = StoreBackend(store, HERE), deep_agents_backend(store, namespace=HERE)
    store.put(HERE, "/kept/a", {"content": ["x"]})
    for path in ("/kept/gone", "/gone", "/gone_too/a", "/z/deep_agents/er/a"):
        store.put(HERE, path, {"content": ["x"]}, ttl=1e-6)
    while store.get(HERE, "/z/deep_agents/er/a") is not None:
        pass
    assert paths(spoon_ai.ls_info("/")) == paths(deep_agents.ls("/").entries) == ["/kept/"]
    assert paths(spoon_ai.ls_info("/kept")) == ["/kept/a"]
    assert paths(spoon_ai.glob_info("**")) == paths(deep_agents.grep("x").matches) == ["/kept/a"]
    assert spoon_ai.edit("/gone", "x", "y").error == "Error: File '/gone' not found"
    assert spoon_ai.write("/gone", "anew").error is None
    assert deep_agents.delete("/z").error == "Error: File '/z' not found"
