"""The order of a hybrid search is that of a plain model over the two lists it fuses."""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from langgraph.store.base import PutOp, SearchItem

from langgraph_agentstore import AgentStore, ScoredItem
from langgraph_agentstore.sql.search.scores import FUSED_POOL
from tests.support.matrices import few

NS = ("users", "ann", "notes")
DIMS = 8
COUNT = 600
WORDS = [f"word{n}" for n in range(40)]
QUERY = " ".join([*WORDS[:4], "unheard"])
EVERYTHING: dict[str, Any] = {"query": QUERY, "limit": COUNT}


def embed(texts: Sequence[str]) -> list[list[float]]:
    """Return vectors that have nothing to do with the words; of several lengths."""
    chances = [np.random.default_rng(zlib.crc32(text.encode())) for text in texts]
    return [list(map(float, chance.standard_normal(DIMS))) for chance in chances]


@pytest.fixture
def open_store(postgres_dsn: str, schema_name: str) -> Callable[..., AgentStore]:
    """Call it with options of the index for a store on the test's schema."""

    def opened(**options: Any) -> AgentStore:
        index: Any = {"dims": DIMS, "embed": embed, "fields": ["texts[*]"], "mode": "hybrid"}
        return AgentStore(postgres_dsn, schema=schema_name, index={**index, **options})

    return opened


def fill(store: AgentStore, seed: int, parts: int = 1) -> None:
    chance = random.Random(seed)

    def text() -> str:
        return " ".join(chance.choices(WORDS, k=chance.randint(3, 12)))

    for first in range(0, COUNT, 100):
        numbers = range(first, first + 100)
        values: Any = [{"texts": [text() for _ in range(parts)], "n": n % 7} for n in numbers]
        keys = (f"k{n:03}" for n in numbers)
        store.batch([PutOp(NS, key, value) for key, value in zip(keys, values, strict=True)])


def scored(found: Sequence[SearchItem]) -> list[ScoredItem]:
    return [item for item in found if isinstance(item, ScoredItem)]


def keys(found: Sequence[SearchItem]) -> list[str]:
    return [item.key for item in found]


def in_pages(store: AgentStore) -> list[str]:
    pages = (store.search(NS, query=QUERY, limit=50, offset=n) for n in range(0, COUNT, 50))
    return [key for page in pages for key in keys(page)]


def question_weight(texts: Sequence[str], query: str) -> float:
    """Return the idf of all words of a query, also of those that no text has."""
    having = [sum(word in text.split() for text in texts) for word in query.split()]
    return sum(math.log(1 + (len(texts) - n + 0.5) / (n + 0.5)) for n in having)


def fused(
    nearest: Sequence[ScoredItem],
    best: Sequence[ScoredItem],
    farthest: float,
    weights: tuple[float, float],
) -> list[tuple[str, float]]:
    """Return keys and scores of both lists' items, best first; those in neither pool come last."""
    near, words = ([item.score or 0.0 for item in found] for found in (nearest, best))
    scores: dict[str, float] = {}
    asked_for = question_weight([" ".join(item.value["texts"]) for item in nearest], QUERY)
    for item, score in zip(best[:FUSED_POOL], words, strict=False):
        scores[item.key] = weights[0] * score / asked_for
    for item, score in zip(nearest[:FUSED_POOL], near, strict=False):
        nearness = (score - farthest) / (near[0] - farthest)
        scores[item.key] = scores.get(item.key, 0.0) + weights[1] * nearness
    rank = {item.key: n for n, item in enumerate(best)}
    first = sorted(scores, key=lambda key: (-scores[key], rank.get(key, COUNT)))
    rest = [key for key in keys([*nearest, *best]) if key not in scores]
    return [(key, scores.get(key, 0.0)) for key in (*first, *dict.fromkeys(rest))]


@few(3)
@pytest.mark.parametrize(("seed", "filter"), [(1, None), (2, {"n": {"$lte": 4}})])
@pytest.mark.parametrize("distance", ["cosine", "l2", "inner_product"])
def test_the_order_is_that_of_a_plain_model(
    open_store: Callable[..., AgentStore], seed: int, distance: str, filter: Any
) -> None:
    chance = random.Random(seed)
    weights = (chance.uniform(0.2, 3), chance.uniform(0.2, 3))
    options = {"distance_type": distance, "text_weight": weights[0], "vector_weight": weights[1]}
    with open_store(**options) as store:
        fill(store, seed)
        in_scope = scored(store.search(NS, mode="vector", **EVERYTHING))
        nearest, best, found = (
            scored(store.search(NS, mode=mode, filter=filter, **EVERYTHING))
            for mode in ("vector", "text", "hybrid")
        )

    expected = fused(nearest, best, in_scope[-1].score or 0.0, weights)
    assert len(expected) > FUSED_POOL
    assert keys(found) == [key for key, _ in expected]
    assert [item.score for item in found] == pytest.approx([score for _, score in expected])


@pytest.mark.parametrize("parts", [1, 2])
def test_a_page_takes_the_index_where_it_gives_enough(
    open_store: Callable[..., AgentStore], parts: int
) -> None:
    """The index gives parts, of which an item may have several."""
    with open_store(ann_index_config={"exact_up_to": 10}) as store:
        fill(store, 3, parts)
        explained = [store.explain_search(NS, query=QUERY, limit=limit) for limit in (10, 300)]
    assert [each.way for each in explained] == ["index", "index and exact"]


@pytest.mark.parametrize("parts", [1, 2])
def test_pages_are_one_sequence_behind_what_the_index_gives(
    open_store: Callable[..., AgentStore], parts: int
) -> None:
    with open_store(ann_index_config={"exact_up_to": 10}) as store:
        fill(store, 4, parts)
        at_once = keys(store.search(NS, **EVERYTHING))
        pages = in_pages(store)
    assert len(set(at_once)) == COUNT
    assert pages == at_once


def test_pages_of_equal_vectors_are_one_sequence(open_store: Callable[..., AgentStore]) -> None:
    """All score alike; how deep a page is must not decide which of them has a rank by words."""
    with open_store(embed=lambda texts: [[1.0] * DIMS] * len(texts)) as store:
        fill(store, 5)
        at_once = keys(store.search(NS, **EVERYTHING))
        pages = in_pages(store)
    assert pages == at_once
