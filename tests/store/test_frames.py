"""`users()` and `to_pandas()`: a store as tables."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import InvalidFilterError, InvalidOperationError

pandas = pytest.importorskip("pandas")
NOTES = ("users", "ada", "notes")


@pytest.fixture
def filled_store(store: AgentStore) -> AgentStore:
    store.put(NOTES, "a", {"n": 1, "at": {"city": "Oslo", "zip": {}}, "tags": ["x"]})
    store.put((*NOTES, "old"), "b", {"n": 2, "key": "mine", "label_1": 0})
    store.for_user("bob@example.com").put(("notes",), "c", {"n": 3})
    store.put(("docs",), "d", {"n": 4})
    return store


def test_users_are_listed_with_what_each_has(filled_store: AgentStore) -> None:
    users = filled_store.users()
    assert [(u.user_id, u.records, u.namespaces) for u in users] == [
        ("", 1, 1),
        ("ada", 2, 2),
        ("bob@example.com", 1, 1),
    ]
    assert [u.user_id for u in filled_store.users(after="", limit=1)] == ["ada"]


async def test_awaited_forms_return_the_same(filled_store: AgentStore) -> None:
    assert await filled_store.ausers() == filled_store.users()
    awaited = await filled_store.ato_pandas(NOTES)
    pandas.testing.assert_frame_equal(awaited, filled_store.to_pandas(NOTES))


def test_items_are_rows_with_labels_and_flattened_values(filled_store: AgentStore) -> None:
    frame = filled_store.to_pandas(NOTES)
    assert list(frame.columns) == [
        *("label_1", "label_2", "label_3", "label_4", "key", "created_at", "updated_at"),
        *("n", "at.zip", "at.city", "tags", "value.key", "value.label_1"),
    ]
    assert list(frame["key"]) == ["a", "b"]
    assert list(frame["n"]) == [1, 2]
    assert frame.loc[0, "at.city"] == "Oslo"
    assert frame.loc[0, "at.zip"] == {}
    assert frame.loc[0, "tags"] == ["x"]
    assert frame.loc[1, "value.key"] == "mine"
    assert str(frame["created_at"].dtype).startswith("datetime64")


def test_a_view_a_filter_and_a_limit_narrow_it(filled_store: AgentStore) -> None:
    assert list(filled_store.for_user("bob@example.com").to_pandas()["label_1"]) == ["notes"]
    assert list(filled_store.to_pandas(filter={"n": {"$gte": 3}})["n"]) == [4, 3]
    assert len(filled_store.to_pandas(limit=2)) == 2
    assert len(filled_store.to_pandas(limit=0)) == 0
    with pytest.raises(InvalidFilterError):
        filled_store.to_pandas(filter={"n": {"$near": 1}})
    with pytest.raises(InvalidOperationError):
        filled_store.to_pandas(limit=-1)


def test_no_items_are_an_empty_frame(store: AgentStore) -> None:
    frame = store.to_pandas(("nothing",))
    assert frame.empty
    assert list(frame.columns) == ["key", "created_at", "updated_at"]


def test_all_pages_are_read(store: AgentStore) -> None:
    rows: list[Any] = [(("lab",), f"{n:05}", {"n": n}) for n in range(2500)]
    store.load(rows, progress=None)
    assert list(store.to_pandas(("lab",))["n"]) == list(range(2500))
    assert len(store.to_pandas(("lab",), limit=1001)) == 1001


def test_a_query_gives_the_best_first_with_scores(postgres_dsn: str, schema_name: str) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        for n, text in enumerate(["green tea", "a cup of tea with milk and sugar", "coffee"]):
            store.put(("n",), f"k{n}", {"text": text})
        frame = store.to_pandas(query="green tea")
        assert list(frame["key"]) == ["k0", "k1"]
        assert frame["score"].is_monotonic_decreasing
        assert len(store.to_pandas(query="tea", limit=1)) == 1
