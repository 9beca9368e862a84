"""spoon_ai's stores, and the adapters between them and LangGraph's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langgraph.store.base import GetOp, ListNamespacesOp, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore as LangGraphInMemoryStore

from langgraph_agentstore.errors import InvalidOperationError
from langgraph_agentstore.files import (
    BaseStore,
    FromLangGraph,
    InMemoryStore,
    SQLiteStore,
    StoreBackend,
    ToLangGraph,
)

KINDS: dict[str, Callable[[], BaseStore]] = {
    "memory": InMemoryStore,
    "sqlite": lambda: SQLiteStore(":memory:"),
    "langgraph": lambda: FromLangGraph(LangGraphInMemoryStore()),
    "there and back": lambda: FromLangGraph(ToLangGraph(InMemoryStore())),
}


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> Iterator[BaseStore]:
    store = KINDS[request.param]()
    yield store
    if isinstance(store, SQLiteStore):
        store.close()


def keys(found: list[dict[str, Any]]) -> list[str]:
    return [one["key"] for one in found]


def test_a_value_is_put_got_and_deleted(store: BaseStore) -> None:
    assert store.get(("a",), "k") is None
    store.put(("a",), "k", {"n": 1})
    store.put(("a",), "k", {"n": 2})
    assert store.get(("a",), "k") == {"n": 2}
    store.delete(("a",), "k")
    store.delete(("a",), "k")
    assert store.get(("a",), "k") is None


def test_namespaces_are_exact(store: BaseStore) -> None:
    for namespace in (("a",), ("a", "b"), ("a/b",), ("ab",), ("b",)):
        store.put(namespace, "k", {"at": list(namespace)})
    for namespace in (("a",), ("a", "b"), ("a/b",), ("ab",), ("b",)):
        assert store.search(namespace) == [{"key": "k", "value": {"at": list(namespace)}}]
    assert store.search(("c",)) == []


def test_filter_and_query_come_before_the_page(store: BaseStore) -> None:
    for n in range(150):
        kind, text = ("odd" if n % 2 else "even"), ["First Line", f"number {n:03}"]
        store.put(("a",), f"k{n:03}", {"kind": kind, "content": text})
    assert len(store.search(("a",))) == 100
    assert keys(store.search(("a",), filter={"kind": "odd"}, limit=2, offset=1)) == ["k003", "k005"]
    assert keys(store.search(("a",), query="NUMBER 14", limit=3)) == ["k140", "k141", "k142"]
    assert keys(store.search(("a",), "line\nnumber 007", {"kind": "odd"})) == ["k007"]
    assert store.search(("a",), filter={"kind": "none"}) == []
    assert store.search(("a",), offset=150) == []


def test_a_text_is_searched_as_lines_are(store: BaseStore) -> None:
    store.put(("a",), "k", {"content": "Some TEXT"})
    store.put(("a",), "other", {"n": 1})
    assert keys(store.search(("a",), query="text")) == ["k"]


def test_a_value_put_or_got_is_not_the_stores_own() -> None:
    store, value = InMemoryStore(), {"content": ["a"]}
    store.put(("a",), "k", value)
    value["content"].append("b")
    got = store.get(("a",), "k")
    assert got == {"content": ["a"]}
    got["content"].append("c")
    store.search(("a",))[0]["value"]["content"].append("d")
    assert store.get(("a",), "k") == {"content": ["a"]}


def test_a_store_of_ones_own_holds_files() -> None:
    class Own(InMemoryStore):
        pass

    store = Own()
    assert StoreBackend(store).write("/a", "x").error is None
    assert store.get(("filesystem",), "/a") is not None
    assert asyncio.run(StoreBackend(store).aread("/a")) == "     1\tx"


def test_a_store_is_langgraphs_too() -> None:
    store = ToLangGraph(InMemoryStore())
    at = "2026-01-02T03:04:05+00:00"
    store.put(("a",), "k", {"content": ["x"], "created_at": at, "modified_at": at})
    store.put(("a",), "l", {"created_at": "no time", "modified_at": 7})
    item = store.get(("a",), "k")
    assert item is not None
    assert (item.namespace, item.key) == (("a",), "k")
    assert item.updated_at.isoformat() == at
    other = asyncio.run(store.aget(("a",), "l"))
    assert other is not None
    assert other.created_at.year == 1970
    found = store.search(("a",), filter={"modified_at": at})
    assert [(one.namespace, one.key) for one in found] == [(("a",), "k")]
    ops: Any = [GetOp(("a",), "k"), PutOp(("a",), "k", None), SearchOp(("a",))]
    assert [type(result).__name__ for result in store.batch(ops)] == ["Item", "NoneType", "list"]
    assert store.get(("a",), "k") is None


def test_a_store_cannot_list_its_namespaces() -> None:
    with pytest.raises(InvalidOperationError, match="cannot list namespaces"):
        ToLangGraph(InMemoryStore()).list_namespaces()
    with pytest.raises(InvalidOperationError, match="ListNamespacesOp"):
        ToLangGraph(InMemoryStore()).batch([ListNamespacesOp()])
