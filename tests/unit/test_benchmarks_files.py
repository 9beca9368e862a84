"""What the measurements of files fill the stores with, and how they compare answers; no server."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("deepagents")

from deepagents.backends import StoreBackend
from deepagents.backends.protocol import GlobResult, GrepResult
from langgraph.store.memory import InMemoryStore

from benchmarks.files import FILE, FOLDER, NEEDLE, ROWS, SIZE, backend_over, comparable, files


def test_there_are_as_many_files_as_asked_for_of_the_size_promised() -> None:
    made = list(files(10_000))
    assert {len(record.value["content"]) for record in made} == {SIZE}
    assert len({record.key for record in made}) == len({record.at for record in made}) == 10_000
    assert set(Counter(record.key.rpartition("/")[0] for record in made).values()) == {100}
    assert sum(record.key.endswith(".py") for record in made) == 1_000
    assert sum(NEEDLE in record.value["content"] for record in made) == 10
    assert FILE in {record.key for record in made}
    assert {f"{FOLDER}/file_7.md", f"{FOLDER}/file_9.md"} <= {record.key for record in made}


def test_the_order_of_matches_is_not_compared_but_all_else_is() -> None:
    first, second = {"path": "/a"}, {"path": "/b"}
    one = GlobResult(matches=[first, second])  # type: ignore[list-item]
    other = GlobResult(matches=[second, first])  # type: ignore[list-item]
    assert comparable(one) == comparable(other)
    assert comparable(GrepResult(error="x")) != comparable(GrepResult(error="y"))


def test_every_row_runs_on_any_store() -> None:
    store = InMemoryStore()
    for record in files(4_100):
        store.put(record.namespace, record.key, record.value)
    backend = backend_over(store)
    assert isinstance(backend, StoreBackend)
    for name in ("read", "write over", "edit there and back", "write one, delete it"):
        do, _ = ROWS[name]
        assert "not found" not in str(do(backend))
