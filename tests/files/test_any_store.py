"""Files in any LangGraph store: its rules and defaults apply, and many files go in few batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from langgraph.store.base import BaseStore, GetOp, Op, PutOp, TTLConfig
from langgraph.store.memory import InMemoryStore as LangGraphInMemoryStore

from langgraph_agentstore.errors import InvalidNamespaceError
from langgraph_agentstore.files import StoreBackend


class Recorded(BaseStore):
    """LangGraph's store in memory, with every batch that it was given."""

    def __init__(self, ttl: TTLConfig | None = None) -> None:
        self.store = LangGraphInMemoryStore()
        self.ttl_config = ttl
        self.batches: list[list[Op]] = []

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        self.batches.append(list(ops))
        return self.store.batch(self.batches[-1])

    async def abatch(self, ops: Iterable[Op]) -> list[Any]:
        return self.batch(ops)


def test_files_have_the_default_ttl_of_the_store() -> None:
    store = Recorded({"default_ttl": 5.0, "refresh_on_read": False})
    StoreBackend(store).write("/a", "x")
    [[get], [put]] = store.batches
    assert isinstance(get, GetOp)
    assert isinstance(put, PutOp)
    assert (get.refresh_ttl, put.ttl) == (False, 5.0)


def test_reads_refresh_unless_the_store_says_otherwise() -> None:
    store = Recorded()
    StoreBackend(store).write("/a", "x")
    [[get], [put]] = store.batches
    assert isinstance(get, GetOp)
    assert isinstance(put, PutOp)
    assert (get.refresh_ttl, put.ttl) == (True, None)


def test_many_files_go_in_few_batches() -> None:
    store = Recorded()
    backend = StoreBackend(store)
    files = [(f"/{number}", b"x") for number in range(250)]
    backend.upload_files(files)
    assert [len(batch) for batch in store.batches] == [100, 100, 50]
    backend.download_files([path for path, _ in files])
    assert [len(batch) for batch in store.batches[3:]] == [100, 100, 50]


@pytest.mark.parametrize("namespace", [("a.b",), ("langgraph",)])
def test_files_are_not_written_where_langgraph_allows_nothing(namespace: tuple[str, ...]) -> None:
    backend = StoreBackend(Recorded(), namespace)
    with pytest.raises(InvalidNamespaceError):
        backend.write("/a", "x")


def test_files_are_not_read_from_a_label_with_a_period() -> None:
    backend = StoreBackend(Recorded(), ("a.b",))
    with pytest.raises(InvalidNamespaceError):
        backend.ls_info("/")
