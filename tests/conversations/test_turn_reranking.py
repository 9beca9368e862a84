"""A reranker puts the best 50 turns into its own order, in searches and in recalls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import SearchItem

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import (
    ConversationMemory,
    CrossEncoderRerank,
    Match,
    new_turn,
    recall_conversation,
)
from langgraph_agentstore.errors import ConfigurationError, InvalidOperationError
from langgraph_agentstore.store.reranking import CANDIDATES
from tests.conversations.talking import config_of

TURNS = 60
ASKED = "the cat"


@pytest.fixture(scope="module")
def store(postgres_dsn: str) -> Iterator[AgentStore]:
    index: Any = {"mode": "text"}
    with AgentStore(postgres_dsn, schema="turn_reranking", index=index) as store:
        turns = [
            new_turn("monday", f"the cat {'purrs ' * (n % 7)}number{n}", "") for n in range(TURNS)
        ]
        ConversationMemory(store, "ann").save_turns(turns)
        yield store


@pytest.fixture
def memory(store: AgentStore) -> ConversationMemory:
    return ConversationMemory(store, "ann")


def number(match: Match) -> int:
    return int(match.turn.query.rsplit("number", 1)[1])


def by_number(query: str, found: Sequence[Match]) -> list[float]:
    return [number(match) for match in found]


async def by_number_awaited(query: str, found: Sequence[Match]) -> list[float]:
    return by_number(query, found)


def test_a_reranks_scores_decide_the_order(memory: ConversationMemory) -> None:
    candidates = memory.explain_search(ASKED, limit=CANDIDATES)
    found = memory.explain_search(ASKED, limit=5, rerank=by_number)
    best = sorted(map(number, candidates), reverse=True)[:5]
    assert [number(match) for match in found] == best
    assert [match.score for match in found] == best
    assert all(match.scores is not None and match.scores.words > 0 for match in found)
    assert memory.search(ASKED, limit=5, rerank=by_number) == [match.turn for match in found]


def test_a_rerank_gets_the_question_and_the_best_50(memory: ConversationMemory) -> None:
    seen: list[Any] = []

    def in_their_order(query: str, found: list[Match]) -> list[Match]:
        seen.append((query, len(found)))
        return found[::-1]

    found = memory.explain_search('"the cat"', limit=TURNS, rerank=in_their_order)
    usual = memory.explain_search('"the cat"', limit=TURNS)
    assert seen == [('"the cat"', CANDIDATES)]
    assert found == usual[:CANDIDATES][::-1] + usual[CANDIDATES:]


async def test_an_awaitable_rerank_works_in_awaited_searches_alone(
    memory: ConversationMemory,
) -> None:
    found = await memory.asearch(ASKED, limit=3, rerank=by_number_awaited)
    assert found == await memory.asearch(ASKED, limit=3, rerank=by_number)
    with pytest.raises(InvalidOperationError, match="awaitable"):
        memory.search(ASKED, rerank=by_number_awaited)


def test_another_result_is_refused(memory: ConversationMemory) -> None:
    with pytest.raises(InvalidOperationError, match="rerank returns 50 scores"):
        memory.search(ASKED, rerank=lambda *_: [1.0])


def test_nothing_found_is_not_reranked(memory: ConversationMemory) -> None:
    def unasked(query: str, found: list[Match]) -> list[Match]:
        raise AssertionError

    assert memory.search("zeppelin", rerank=unasked) == []


def test_a_recall_takes_the_turns_that_a_rerank_prefers(memory: ConversationMemory) -> None:
    reranked = memory.explain_recall(ASKED, mode="relevant", max_turns=3, rerank=by_number)
    best = max(map(number, memory.explain_search(ASKED, limit=CANDIDATES)))
    assert reranked.parts[0].score == best
    assert reranked.text is not None
    assert f"number{best}" in reranked.text


def test_the_recall_of_a_graph_reranks(store: AgentStore) -> None:
    def oldest_first(query: str, found: Sequence[Match]) -> list[float]:
        return [-number(match) for match in found]

    builder = StateGraph(MessagesState)
    recall = recall_conversation(mode="relevant", max_turns=1, rerank=oldest_first)
    graph: Any = builder.add_node("recall", recall).add_edge(START, "recall").compile(store=store)
    state = graph.invoke({"messages": [("user", ASKED)]}, config_of("ann", "friday"))
    candidates = ConversationMemory(store, "ann").explain_search(ASKED, limit=CANDIDATES)
    assert f"number{min(map(number, candidates))}" in state["messages"][0].text


@pytest.mark.parametrize(
    ("mode", "rerank", "error", "told"),
    [
        ("relevant", by_number_awaited, InvalidOperationError, "blocking function"),
        ("relevant", "cohere", InvalidOperationError, "got str"),
        ("latest", by_number, ConfigurationError, "rerank="),
    ],
)
def test_a_recall_refuses_a_rerank_that_it_cannot_call(
    mode: Any, rerank: Any, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        recall_conversation(mode=mode, rerank=rerank)


class Overlap:
    """A model of the form of a cross-encoder: the share of the words that a pair has in common."""

    def predict(self, pairs: Sequence[tuple[str, str]], *, show_progress_bar: bool) -> list[float]:
        return [len(set(a.split()) & set(b.split())) / len(b.split()) for a, b in pairs]


def test_a_cross_encoder_reads_query_and_response_of_turns() -> None:
    found = [Match(new_turn("t", "who", "a dog"), None), Match(new_turn("t", "a", "cat"), None)]
    assert CrossEncoderRerank(Overlap())("a cat", found) == [1 / 3, 1.0]
    assert CrossEncoderRerank(Overlap())("a cat", []) == []


def test_a_cross_encoder_reads_the_text_of_items_or_what_it_is_told() -> None:
    items = [
        SearchItem((), "k", value, None, None)  # type: ignore[arg-type]
        for value in ({"text": "a cat"}, {"title": "cat", "text": "a dog"})
    ]
    assert CrossEncoderRerank(Overlap())("a cat", items) == [1.0, 0.5]
    titles = CrossEncoderRerank(Overlap(), text_of=lambda item: item.value.get("title", "none"))
    assert titles("a cat", items) == [0.0, 1.0]


@pytest.mark.slow
def test_a_cross_encoder_is_loaded_from_a_folder_and_never_from_the_network(
    tmp_path: Path,
) -> None:
    """Proves the real class; sentence-transformers is not among the tools of development."""
    pytest.importorskip("sentence_transformers")
    transformers = pytest.importorskip("transformers")
    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "purrs", "cat", "dog")
    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = transformers.BertConfig(vocab_size=len(words), **small)
    config.num_labels = 1
    transformers.BertForSequenceClassification(config).save_pretrained(tmp_path)
    vocabulary = {word: position for position, word in enumerate(words)}
    transformers.BertTokenizerFast(vocab=vocabulary).save_pretrained(tmp_path)
    found = [Match(new_turn("t", text, ""), None) for text in ("cat", "dog")]
    cat, dog = CrossEncoderRerank(tmp_path)("who purrs", found)
    assert cat != dog
    with pytest.raises(ConfigurationError, match="no cross-encoder 'nobody/nothing'"):
        CrossEncoderRerank("nobody/nothing")
