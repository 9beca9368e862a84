"""What a search tells of each result's relevance, and how it says that nothing is relevant."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langgraph.store.base import PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore, ScoredItem
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.data_store import AsyncDataStore, DataStore
from langgraph_agentstore.errors import InvalidOperationError
from tests.support.embedders import CountingEmbedder
from tests.support.html import html_of

NS = ("users", "ann", "notes")
TOPICS = ("cat", "tea", "train")
TEXTS = {
    "cat": "My cat is called Turing",
    "tea": "I take green tea without sugar",
    "train": "The night train to Oslo was late",
    "locker": "Locker number KX4471",
}


class Topics(CountingEmbedder):
    """One number for each topic that a text names, and a last one for all else."""

    def __init__(self) -> None:
        super().__init__(4)

    def __call__(self, texts: Any) -> list[list[float]]:
        super().__call__(texts)
        named = [[float(topic in text.lower()) for topic in TOPICS] for text in texts]
        return [[*topics, float(not any(topics))] for topics in named]


@pytest.fixture
def embedder() -> Topics:
    return Topics()


@pytest.fixture
def open_store(postgres_dsn: str, schema_name: str, embedder: Topics) -> Callable[..., AgentStore]:
    """Call it with options of the index for a store on the test's schema."""

    def opened(**options: Any) -> AgentStore:
        index = {"dims": 4, "embed": embedder, "fields": ["text"], "mode": "hybrid", **options}
        return AgentStore(postgres_dsn, schema=schema_name, index=index)

    return opened


@pytest.fixture
def store(open_store: Callable[..., AgentStore]) -> Iterator[AgentStore]:
    with open_store() as store:
        store.batch([PutOp(NS, key, {"text": text}) for key, text in TEXTS.items()])
        yield store


def found_by(store: AgentStore, query: str, **options: Any) -> dict[str, ScoredItem]:
    items = store.search(NS, query=query, **options)
    return {item.key: item for item in items if isinstance(item, ScoredItem)}


# What each result tells


def test_a_hybrid_result_tells_similarity_words_and_their_score(store: AgentStore) -> None:
    found = found_by(store, "cat Turing?")
    assert found["cat"].similarity == pytest.approx(1)
    assert found["cat"].matched_words == ("cat", "Turing")
    assert found["tea"].similarity == pytest.approx(0)
    assert (found["tea"].text_score, found["tea"].matched_words) == (None, ())


def test_the_score_of_words_is_that_of_a_search_by_words(store: AgentStore) -> None:
    hybrid, words = found_by(store, "cat Turing"), found_by(store, "cat Turing", mode="text")
    assert hybrid["cat"].text_score == words["cat"].text_score == words["cat"].score
    assert words["cat"].similarity is None
    assert words["cat"].matched_words == ("cat", "Turing")


def test_a_search_by_vectors_tells_no_words(store: AgentStore) -> None:
    best = found_by(store, "cat Turing", mode="vector")["cat"]
    assert best.similarity == best.score == pytest.approx(1)
    assert (best.text_score, best.matched_words) == (None, None)


def test_the_similarity_does_not_fade(store: AgentStore) -> None:
    best = found_by(store, "cat", mode="vector", recency_half_life_days=1e-9)["cat"]
    assert best.similarity == pytest.approx(1)


@pytest.mark.parametrize(
    ("distance", "similarity"),
    [("cosine", 1 / math.sqrt(2)), ("l2", -1.0), ("inner_product", 1.0)],
)
def test_similarity_is_of_the_distance_that_the_index_has(
    open_store: Callable[..., AgentStore], distance: str, similarity: float
) -> None:
    with open_store(distance_type=distance) as store:
        store.put(NS, "both", {"text": "cat and tea"})
        assert found_by(store, "cat")["both"].similarity == pytest.approx(similarity)


def test_what_only_its_words_found_is_measured_too(store: AgentStore) -> None:
    """More items are nearer than the list of vectors holds."""
    store.batch([PutOp(NS, f"t{n}", {"text": "train"}) for n in range(300)])
    found = found_by(store, "train KX4471", limit=30)
    assert found["locker"].vector_rank is None
    assert found["locker"].similarity == pytest.approx(0)


def test_an_item_without_a_vector_has_no_similarity(store: AgentStore) -> None:
    store.put(NS, "blank", {"other": 1})
    found = found_by(store, "cat", include_unindexed=True)
    assert (found["blank"].similarity, found["blank"].matched_words) == (None, ())


def test_a_notebook_shows_how_a_result_was_ranked(store: AgentStore) -> None:
    html = html_of(found_by(store, "cat Turing")["cat"])
    for shown in ("My cat is called Turing", "similarity", "cat, Turing", "text_rank"):
        assert shown in html


def test_a_notebook_shows_no_markup_of_a_value(store: AgentStore) -> None:
    store.put(NS, "cat", {"text": "cat <script>"})
    html = html_of(found_by(store, "cat")["cat"])
    assert "<script>" not in html


# Nothing relevant


@pytest.mark.parametrize("mode", ["vector", "hybrid"])
def test_what_is_not_similar_enough_is_left_out(store: AgentStore, mode: str) -> None:
    assert list(found_by(store, "my cat", mode=mode, min_similarity=0.5)) == ["cat"]


def test_nothing_similar_gives_nothing(store: AgentStore) -> None:
    store.delete(NS, "locker")
    assert found_by(store, "quantum chromodynamics", min_similarity=0.5) == {}


def test_words_alone_do_not_make_an_item_similar(store: AgentStore) -> None:
    assert list(found_by(store, "Oslo cat", min_similarity=0.5)) == ["cat"]
    assert "train" in found_by(store, "Oslo cat", min_similarity=-1)


def test_what_has_no_vector_is_not_similar(store: AgentStore) -> None:
    store.put(NS, "blank", {"other": 1})
    assert "blank" not in found_by(store, "cat", min_similarity=-1, include_unindexed=True)


def test_both_bounds_hold(store: AgentStore) -> None:
    options: dict[str, Any] = {"mode": "vector", "min_score": 0.9, "min_similarity": 0.1}
    store.put(NS, "both", {"text": "cat and tea"})
    assert list(found_by(store, "cat", **options)) == ["cat"]
    options = {"mode": "vector", "min_score": 0.1, "min_similarity": 0.9}
    assert list(found_by(store, "cat", **options)) == ["cat"]


def test_a_page_is_full_however_much_is_left_out(store: AgentStore) -> None:
    """Of what the words rank first nothing is similar."""
    store.batch([PutOp(NS, f"w{n:03}", {"text": "Oslo Oslo"}) for n in range(150)])
    store.batch([PutOp(NS, f"c{n:03}", {"text": "cat"}) for n in range(60)])
    found = [
        key
        for offset in range(0, 70, 10)
        for key in found_by(store, "cat Oslo", min_similarity=0.5, offset=offset)
    ]
    assert sorted(found) == [f"c{n:03}" for n in range(60)] + ["cat"]


def test_similarity_is_refused_where_words_alone_are_searched(
    open_store: Callable[..., AgentStore], store: AgentStore
) -> None:
    with pytest.raises(InvalidOperationError, match="by words alone"):
        found_by(store, "cat", mode="text", min_similarity=0.5)


@pytest.mark.parametrize("wrong", [70, -1.1, "0.5", True, math.nan])
def test_a_similarity_that_is_none_is_refused(store: AgentStore, wrong: Any) -> None:
    with pytest.raises(InvalidOperationError, match="min_similarity"):
        found_by(store, "cat", min_similarity=wrong)


async def test_every_facade_takes_a_least_similarity(store: AgentStore) -> None:
    view = store.for_user("ann")
    options: dict[str, Any] = {"query": "cat", "min_similarity": 0.5}
    records = DataStore(store, "ann", None, "notes")
    awaited = AsyncDataStore(store, "ann", None, "notes")
    found: list[Any] = [
        view.search(("notes",), **options),
        await view.asearch(("notes",), **options),
        await store.asearch(NS, **options),
        records.search(**options),
        await awaited.search(**options),
    ]
    assert [[item.key for item in items] for items in found] == [["cat"]] * 5
    assert records.search(**options)[0].matched_words == ("cat",)
    assert records.search(**options)[0].similarity == pytest.approx(1)


def test_turns_that_are_not_similar_are_not_found(store: AgentStore) -> None:
    memory = ConversationMemory(store, "ann")
    memory.save_turn("My cat purrs", "Good", "monday")
    assert [turn.query for turn in memory.search("a cat", min_similarity=0.5)] == ["My cat purrs"]
    assert memory.search("which train?", min_similarity=0.5) == []


def test_turns_in_another_store_have_no_similarity() -> None:
    index: Any = {"dims": 4, "embed": Topics()}
    memory = ConversationMemory(InMemoryStore(index=index), "ann")
    with pytest.raises(InvalidOperationError, match="needs an AgentStore"):
        memory.search("a cat", min_similarity=0.5)


# Nothing asked

BLANK = ["", " ", "\n\t\u3000", "?!", "…", "。", '""', " - "]


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
@pytest.mark.parametrize("query", BLANK)
async def test_a_blank_query_is_as_none(
    store: AgentStore, embedder: Topics, caplog: pytest.LogCaptureFixture, query: str, mode: Any
) -> None:
    newest = [item.key for item in store.search(NS)]
    before = list(embedder.texts)
    records = DataStore(store, "ann", None, "notes")
    found: list[Any] = [
        store.search(NS, query=query, mode=mode),
        await store.asearch(NS, query=query, mode=mode),
        store.batch([SearchOp(NS, query=query)])[0],
        store.for_user("ann").search(("notes",), query=query, mode=mode),
        records.search(query, mode=mode),
    ]
    assert [[item.key for item in items] for items in found] == [newest] * 5
    assert embedder.texts == before
    assert caplog.text == ""


def test_a_blank_question_gives_the_latest_turns(store: AgentStore, embedder: Topics) -> None:
    memory = ConversationMemory(store, "ann")
    for said in ("first", "second", "third"):
        memory.save_turn(said, "yes", "monday")
    before = list(embedder.texts)
    assert [turn.query for turn in memory.search(" ?", limit=2)] == ["third", "second"]
    assert embedder.texts == before


def test_stop_words_alone_find_nothing_by_words(store: AgentStore) -> None:
    assert found_by(store, "what is the", mode="text") == {}


def test_stop_words_alone_are_asked_of_the_model(store: AgentStore, embedder: Topics) -> None:
    assert len(found_by(store, "what is the")) == len(TEXTS)
    assert embedder.texts[-1] == "what is the"


def test_a_blank_query_cannot_be_explained(store: AgentStore) -> None:
    with pytest.raises(InvalidOperationError, match="asks for nothing"):
        store.explain_search(NS, query=" ")
