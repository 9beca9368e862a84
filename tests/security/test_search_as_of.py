"""Searches as of a moment: by filters and words, over what was there then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import HistoryNotKeptError, InvalidOperationError
from langgraph_agentstore.security import History
from tests.support.encrypted import Opened

NOTES = ("users", "ann", "notes")


@pytest.fixture
def kept(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    index = {"mode": "text"}
    with AgentStore(postgres_dsn, schema=schema_name, history=True, index=index) as store:
        yield store


def now() -> datetime:
    return datetime.now(timezone.utc)


def found(store: AgentStore, when: datetime, **asked: Any) -> list[tuple[str, Any]]:
    return [(item.key, item.value) for item in store.search(NOTES, as_of=when, **asked)]


def test_a_search_finds_what_was_there(kept: AgentStore) -> None:
    kept.put(NOTES, "a", {"text": "tea", "n": 1})
    kept.put(NOTES, "b", {"text": "coffee", "n": 2})
    then = now()
    kept.put(NOTES, "a", {"text": "coffee", "n": 3})
    kept.delete(NOTES, "b")
    kept.put(NOTES, "c", {"text": "tea", "n": 1})
    assert found(kept, then) == [
        ("b", {"text": "coffee", "n": 2}),
        ("a", {"text": "tea", "n": 1}),
    ]
    assert found(kept, then, filter={"n": 1}) == [("a", {"text": "tea", "n": 1})]
    assert found(kept, then, filter={"n": 3}) == []
    assert found(kept, then, query="tea, please") == [("a", {"text": "tea", "n": 1})]
    assert found(kept, now(), query="tea") == [("c", {"text": "tea", "n": 1})]
    assert found(kept, then, limit=1, offset=1) == [("a", {"text": "tea", "n": 1})]


def test_the_best_match_of_the_words_comes_first(kept: AgentStore) -> None:
    kept.put(NOTES, "twice", {"text": "tea, and green tea, and water"})
    kept.put(NOTES, "once", {"text": "tea and water"})
    scores = {
        item.key: item.score or 0 for item in kept.search(NOTES, query="green tea", as_of=now())
    }
    assert list(scores) == ["twice", "once"]
    assert scores["twice"] > scores["once"] > 0


def test_options_that_rank_by_more_than_words_are_refused(kept: AgentStore) -> None:
    with pytest.raises(InvalidOperationError, match="as_of goes with"):
        kept.search(NOTES, query="tea", mode="text", as_of=now())
    with pytest.raises(InvalidOperationError, match="rerank"):
        kept.search(NOTES, query="tea", rerank=lambda _query, _items: [], as_of=now())
    with pytest.raises(InvalidOperationError, match="time zone"):
        kept.search(NOTES, as_of=datetime(2026, 1, 1))  # noqa: DTZ001


def test_an_index_of_vectors_alone_searches_no_words(postgres_dsn: str, schema_name: str) -> None:
    index = {"embed": lambda texts: [[1.0] for _ in texts], "dims": 1, "mode": "vector"}
    with AgentStore(postgres_dsn, schema=schema_name, history=True, index=index) as store:
        store.put(NOTES, "a", {"text": "tea"})
        assert len(found(store, now())) == 1
        with pytest.raises(InvalidOperationError, match="only vectors"):
            store.search(NOTES, query="tea", as_of=now())


def test_a_moment_that_is_not_kept_is_an_error_even_if_nothing_is_found(kept: AgentStore) -> None:
    assert found(kept, now()) == []
    with pytest.raises(HistoryNotKeptError):
        found(kept, datetime(2001, 1, 1, tzinfo=timezone.utc))


def test_namespaces_without_history_are_left_out(postgres_dsn: str, schema_name: str) -> None:
    history = History(namespaces=[("notes",)])
    with AgentStore(postgres_dsn, schema=schema_name, history=history) as store:
        store.put(NOTES, "a", {})
        store.put(("users", "ann", "other"), "a", {})
        items = store.search(("users", "ann"), as_of=now())
        assert [item.namespace for item in items] == [NOTES]


def test_encrypted_values_are_found_by_words_that_may_be_indexed(opened: Opened) -> None:
    store = opened(store={"history": True, "index": {"mode": "text"}}, index_plaintext=True)
    store.put(NOTES, "a", {"text": "tea"})
    then = now()
    store.delete(NOTES, "a")
    assert found(store, then, query="tea") == [("a", {"text": "tea"})]


Step = tuple[str, str, int]


@settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["put", "delete"]), st.sampled_from("abc"), st.integers(0, 3)),
        max_size=12,
    )
)
def test_every_moment_is_what_a_plain_model_says(kept: AgentStore, steps: list[Step]) -> None:
    kept.delete_namespace(NOTES)
    model: dict[str, dict[str, int]] = {}
    moments = [(now(), dict(model))]
    for what, key, n in steps:
        if what == "put":
            kept.put(NOTES, key, {"n": n})
            model[key] = {"n": n}
        else:
            kept.delete(NOTES, key)
            model.pop(key, None)
        moments.append((now(), dict(model)))
    for when, then in moments:
        assert dict(found(kept, when)) == then
        records = {key: kept.get_as_of(NOTES, key, when) for key in "abc"}
        assert {key: r.value for key, r in records.items() if r is not None} == then
        ones = {key: value for key, value in then.items() if value["n"] >= 2}
        assert dict(found(kept, when, filter={"n": {"$gte": 2}})) == ones
