"""What a search by a query can be told: modes, weights, thresholds, reranking, recency."""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from langgraph.func import entrypoint
from langgraph.store.base import GetOp, Op, PutOp, SearchItem, SearchOp

from langgraph_agentstore import AgentStore, ScoredItem
from langgraph_agentstore.data_store import AsyncDataStore
from langgraph_agentstore.errors import (
    IndexMismatchError,
    InvalidOperationError,
    InvalidValueError,
    MissingExtensionError,
    ValueTypeError,
)
from tests.search.test_fusion import question_weight
from tests.support.faults import dsn_of, execute, until
from tests.support.matrices import few

NS = ("users", "ann", "notes")
DIMS = 16
WORDS = [f"word{n}" for n in range(40)]
K = 60


def vector_of(text: str) -> list[float]:
    chance = np.random.default_rng(zlib.crc32(text.encode()))
    return list(map(float, chance.standard_normal(DIMS)))


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [vector_of(text) for text in texts]


def index_of(**options: Any) -> dict[str, Any]:
    return {"dims": DIMS, "embed": embed, "fields": ["text"], "mode": "hybrid", **options}


def documents(count: int, seed: int = 1) -> list[PutOp]:
    """Texts of 3 to 12 words; their vectors have nothing to do with them."""
    chance = random.Random(seed)
    texts = [" ".join(chance.choices(WORDS, k=chance.randint(3, 12))) for _ in range(count)]
    return [PutOp(NS, f"k{n:03}", {"text": f"{t} n{n}", "n": n}) for n, t in enumerate(texts)]


@pytest.fixture
def open_store(postgres_dsn: str, schema_name: str) -> Callable[..., AgentStore]:
    """Call it with options of the index for a store on the test's schema."""

    def opened(**options: Any) -> AgentStore:
        return AgentStore(postgres_dsn, schema=schema_name, index=index_of(**options))

    return opened


@pytest.fixture
async def store(open_store: Callable[..., AgentStore]) -> AsyncIterator[AgentStore]:
    """Of 60 documents, for hybrid search."""
    async with open_store() as store:
        await store.abatch(documents(60))
        yield store


def scored(found: Sequence[SearchItem]) -> list[ScoredItem]:
    items = [item for item in found if isinstance(item, ScoredItem)]
    assert len(items) == len(found)
    return items


def keys(found: Sequence[SearchItem]) -> list[str]:
    return [item.key for item in found]


async def pages(store: AgentStore, size: int, count: int, **options: Any) -> list[str]:
    found: list[str] = []
    for number in range(count):
        found += keys(await store.asearch(NS, limit=size, offset=size * number, **options))
    return found


def age(dsn: str, schema: str, key: str, days: float) -> None:
    execute(
        dsn,
        "UPDATE {}.item SET updated_at = now() - %(days)s WHERE key = %(key)s",
        schema,
        key=key,
        days=timedelta(days=days),
    )


QUERY = "word1 word2 word3"

# Hybrid


@pytest.mark.parametrize(("text_weight", "vector_weight"), [(2.0, 1.0), (1.0, 0.8), (0.5, 3.0)])
async def test_a_hybrid_score_is_the_weighted_sum_of_scaled_scores(
    open_store: Callable[..., AgentStore], text_weight: float, vector_weight: float
) -> None:
    async with open_store(text_weight=text_weight, vector_weight=vector_weight) as store:
        await store.abatch(documents(60))
        by_vector = scored(await store.asearch(NS, query=QUERY, mode="vector", limit=100))
        by_text = scored(await store.asearch(NS, query=QUERY, mode="text", limit=100))
        found = scored(await store.asearch(NS, query=QUERY, limit=100))

    asked_for = question_weight([item.value["text"] for item in by_vector], QUERY)
    similarity = {item.key: item.score or 0.0 for item in by_vector}
    words = {item.key: item.score or 0.0 for item in by_text}
    low, high = min(similarity.values()), max(similarity.values())
    expected = {
        key: vector_weight * (near - low) / (high - low)
        + text_weight * words.get(key, 0) / asked_for
        for key, near in similarity.items()
    }
    assert 0 < len(by_text) < len(by_vector) == 60
    assert {item.key: item.score for item in found} == pytest.approx(expected)
    in_order = [expected[item.key] for item in found]
    assert in_order == pytest.approx(sorted(in_order, reverse=True))
    assert {item.scored_by for item in found} == {"fused"}


async def test_equal_similarities_count_in_full(open_store: Callable[..., AgentStore]) -> None:
    async with open_store() as store:
        await store.aput(NS, "only", {"text": "word1"})
        (one,) = scored(await store.asearch(NS, query="word1"))
    assert one.score == pytest.approx(1.4 + 0.8)


async def test_a_hybrid_search_tells_the_rank_in_each_list(store: AgentStore) -> None:
    by_vector = keys(await store.asearch(NS, query=QUERY, mode="vector", limit=100))
    by_text = keys(await store.asearch(NS, query=QUERY, mode="text", limit=100))
    for item in scored(await store.asearch(NS, query=QUERY, limit=100)):
        assert item.vector_rank == by_vector.index(item.key) + 1
        in_text = by_text.index(item.key) + 1 if item.key in by_text else None
        assert item.text_rank == in_text


async def test_the_text_leads_by_default(open_store: Callable[..., AgentStore]) -> None:
    async with open_store() as store:
        await store.aput(NS, "text", {"text": "alpha beta"})
        await store.aput(NS, "vector", {"text": "gamma"})
        found = scored(await store.asearch(NS, query="alpha"))
    by_rank = {item.key: (item.vector_rank, item.text_rank) for item in found}
    assert by_rank["vector"][1] is None
    assert found[0].key == "text"


@few(2)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "vector"},
        {"mode": "text"},
        {"recency_half_life_days": 5.0},
        {"mode": "vector", "recency_half_life_days": 5.0},
        {"mode": "text", "recency_half_life_days": 5.0},
    ],
    ids=["hybrid", "vector", "text", "hybrid aged", "vector aged", "text aged"],
)
async def test_pages_are_one_sequence_however_deep_they_go(
    open_store: Callable[..., AgentStore],
    postgres_dsn: str,
    schema_name: str,
    options: dict[str, Any],
) -> None:
    """450 items: past the 200 of each list that a fused or aged score reorders."""
    async with open_store() as store:
        await store.abatch(documents(450))
        execute(
            postgres_dsn,
            "UPDATE {}.item SET updated_at = now() - hashtext(key) %% 90 * interval '1 day'"
            " WHERE %(all)s",
            schema_name,
            all=True,
        )
        query = " ".join(WORDS[:15])
        at_once = keys(await store.asearch(NS, query=query, limit=500, **options))
        assert len(at_once) > 400
        assert await pages(store, 30, 16, query=query, **options) == at_once


async def test_a_hybrid_store_serves_every_mode(store: AgentStore) -> None:
    for mode, scored_by in (("vector", "cosine"), ("text", "bm25"), ("hybrid", "fused")):
        found = scored(await store.asearch(NS, query=QUERY, mode=mode))  # type: ignore[arg-type]
        assert {item.scored_by for item in found} == {scored_by}


@pytest.mark.parametrize(
    ("served", "asked"), [("vector", "text"), ("vector", "hybrid"), ("text", "vector")]
)
async def test_a_mode_that_the_index_does_not_serve_is_refused(
    open_store: Callable[..., AgentStore], served: str, asked: Any
) -> None:
    async with open_store(mode=served) as store:
        with pytest.raises(InvalidOperationError, match=f"'{asked}'.*: {served}"):
            await store.asearch(NS, query="one", mode=asked)
        with pytest.raises(InvalidOperationError, match=f"'{asked}'.*: {served}"):
            await store.aexplain_search(NS, query="one", mode=asked)


async def test_an_unknown_mode_is_refused(store: AgentStore) -> None:
    with pytest.raises(InvalidOperationError, match="'fuzzy'"):
        await store.asearch(NS, query="one", mode="fuzzy")  # type: ignore[arg-type]


# min_score


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
async def test_min_score_leaves_out_just_what_scores_less(store: AgentStore, mode: Any) -> None:
    everything = scored(await store.asearch(NS, query=QUERY, mode=mode, limit=100))
    bound = everything[len(everything) // 2].score
    assert bound is not None
    found = await store.asearch(NS, query=QUERY, mode=mode, limit=100, min_score=bound)
    wanted = [item.key for item in everything if item.score is not None and item.score >= bound]
    assert keys(found) == wanted


async def test_min_score_of_zero_is_a_bound(store: AgentStore) -> None:
    found = scored(await store.asearch(NS, query=QUERY, mode="vector", limit=100, min_score=0))
    assert 0 < len(found) < 60
    assert all(item.score is not None and item.score >= 0 for item in found)


async def test_min_score_finds_what_recency_brings_up_from_far_down(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    """The best 200 are too old to score enough; the next one is not."""
    async with open_store(mode="text") as store:
        await store.abatch(documents(450))
        query = " ".join(WORDS[:15])
        best = keys(await store.asearch(NS, query=query, limit=205))
        for key in best[:-1]:
            age(postgres_dsn, schema_name, key, 1000)
        options: dict[str, Any] = {"query": query, "recency_half_life_days": 10, "min_score": 0.01}
        assert best[-1] in keys(await store.asearch(NS, limit=450, **options))
        found = await store.asearch(NS, limit=450, **options)
        assert keys(await store.asearch(NS, limit=10, **options)) == keys(found)[:10]


@pytest.mark.parametrize("bound", ["high", True, float("nan"), float("inf")])
async def test_min_score_is_a_number(store: AgentStore, bound: Any) -> None:
    with pytest.raises(InvalidOperationError, match="min_score"):
        await store.asearch(NS, query=QUERY, min_score=bound)


# Reranking


def by_number(query: str, found: Sequence[ScoredItem]) -> list[float]:
    return [float(item.value["n"]) for item in found]


async def by_number_awaited(query: str, found: Sequence[ScoredItem]) -> list[float]:
    await asyncio.sleep(0)
    return by_number(query, found)


def reversed_items(query: str, found: list[ScoredItem]) -> list[ScoredItem]:
    return found[::-1]


async def test_a_rerank_is_given_the_query_and_the_best_50(store: AgentStore) -> None:
    best = keys(await store.asearch(NS, query=QUERY, limit=50))
    seen: list[Any] = []

    def rerank(query: str, found: list[ScoredItem]) -> list[ScoredItem]:
        seen.append((query, keys(found)))
        return found

    await store.asearch(NS, query=QUERY, limit=3, rerank=rerank)
    assert seen == [(QUERY, best)]


@pytest.mark.parametrize("rerank", [by_number, by_number_awaited], ids=["blocking", "awaitable"])
async def test_a_reranks_scores_decide_the_order(store: AgentStore, rerank: Any) -> None:
    candidates = keys(await store.asearch(NS, query=QUERY, limit=50))
    found = scored(await store.asearch(NS, query=QUERY, limit=5, rerank=rerank))
    assert keys(found) == sorted(candidates, reverse=True)[:5]
    assert [item.score for item in found] == [float(item.value["n"]) for item in found]
    assert {item.scored_by for item in found} == {"rerank"}


async def test_a_rerank_may_return_the_items_in_a_new_order(store: AgentStore) -> None:
    candidates = scored(await store.asearch(NS, query=QUERY, limit=50))
    found = scored(await store.asearch(NS, query=QUERY, limit=5, rerank=reversed_items))
    assert keys(found) == keys(candidates)[::-1][:5]
    assert [item.score for item in found] == [item.score for item in candidates][::-1][:5]
    assert {item.scored_by for item in found} == {"fused"}


async def test_what_a_rerank_leaves_out_comes_after_what_it_returns(store: AgentStore) -> None:
    candidates = keys(await store.asearch(NS, query=QUERY, limit=50))
    found = await store.asearch(NS, query=QUERY, limit=10, rerank=lambda _, found: found[4:6])
    assert keys(found) == [*candidates[4:6], *candidates[:4], *candidates[6:10]]


async def test_pages_of_a_reranked_search_are_disjoint_and_complete(store: AgentStore) -> None:
    found = await pages(store, 7, 10, query=QUERY, rerank=by_number)
    assert len(found) == len(set(found)) == 60
    assert found[:50] == sorted(found[:50], reverse=True)


@pytest.mark.parametrize(
    "returned",
    [None, 7, "text", [1.0], [], ["a"] * 50, [float("nan")] * 50, [object()] * 50],
    ids=["none", "number", "text", "too few", "empty", "texts", "nan", "objects"],
)
async def test_a_rerank_that_returns_something_else_is_refused(
    store: AgentStore, returned: Any
) -> None:
    with pytest.raises(InvalidOperationError, match="rerank returns 50 scores"):
        await store.asearch(NS, query=QUERY, rerank=lambda *_: returned)


async def test_a_reranks_own_error_reaches_the_caller(store: AgentStore) -> None:
    def fails(query: str, found: Sequence[ScoredItem]) -> list[float]:
        raise ZeroDivisionError("of its own")

    with pytest.raises(ZeroDivisionError, match="of its own"):
        await store.asearch(NS, query=QUERY, rerank=fails)


def test_an_awaitable_rerank_is_refused_in_blocking_code(
    open_store: Callable[..., AgentStore],
) -> None:
    with (
        open_store() as store,
        pytest.raises(InvalidOperationError, match="use asearch"),
    ):
        store.search(NS, query=QUERY, rerank=by_number_awaited)


async def test_the_index_may_have_a_rerank_for_all_searches(
    open_store: Callable[..., AgentStore],
) -> None:
    async with open_store(rerank=by_number) as store:
        await store.abatch(documents(20))
        wanted = [f"k{n:03}" for n in range(19, 9, -1)]
        assert keys(await store.asearch(NS, query=QUERY)) == wanted
        assert keys(store.search(NS, query=QUERY)) == wanted
        assert keys(store.batch([SearchOp(NS, query=QUERY)])[0]) == wanted  # type: ignore[arg-type]
        (found,) = await store.abatch([SearchOp(NS, query=QUERY)])
        assert keys(found) == wanted  # type: ignore[arg-type]
        own = await store.asearch(NS, query=QUERY, rerank=lambda _, found: found)
        assert keys(own) != wanted


async def test_a_rerank_has_no_say_without_a_query(store: AgentStore) -> None:
    newest = keys(await store.asearch(NS))
    assert keys(await store.asearch(NS, rerank=by_number)) == newest


# Recency


async def test_the_half_life_halves_the_score_of_what_is_so_old(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    async with open_store(mode="text") as store:
        for key, days in (("new", 0), ("month", 30), ("year", 300)):
            await store.aput(NS, key, {"text": "the plain text"})
            age(postgres_dsn, schema_name, key, days)
        plain = scored(await store.asearch(NS, query="plain"))
        aged = scored(await store.asearch(NS, query="plain", recency_half_life_days=30))
    assert keys(aged) == ["new", "month", "year"]
    whole = plain[0].score
    assert whole is not None
    assert [item.score for item in aged] == pytest.approx(
        [whole, whole / 2, whole / 1024], rel=1e-3
    )


async def test_recency_makes_a_negative_score_worse(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    async with open_store(mode="vector", distance_type="l2") as store:
        for key in ("new", "old"):
            await store.aput(NS, key, {"text": "the plain text"})
        age(postgres_dsn, schema_name, "old", 30)
        found = scored(await store.asearch(NS, query="another", recency_half_life_days=30))
    assert keys(found) == ["new", "old"]
    assert found[0].score is not None
    assert found[0].score < 0
    assert found[1].score == pytest.approx(2 * found[0].score, rel=1e-3)


@pytest.mark.parametrize(
    ("mode", "distance"), [("text", "cosine"), ("vector", "cosine"), ("vector", "l2")]
)
async def test_what_is_many_half_lives_old_is_still_found(
    open_store: Callable[..., AgentStore],
    postgres_dsn: str,
    schema_name: str,
    mode: str,
    distance: str,
) -> None:
    """0.5 to the power of 3,000 is no number that a float can hold."""
    async with open_store(mode=mode, distance_type=distance) as store:
        for key in ("new", "old", "older"):
            await store.aput(NS, key, {"text": "some text"})
        age(postgres_dsn, schema_name, "old", 3_000)
        age(postgres_dsn, schema_name, "older", 30_000)
        query = "text" if mode == "text" else "some text" if distance == "cosine" else "else"
        found = await store.asearch(NS, query=query, recency_half_life_days=1)
        assert keys(found)[0] == "new"
        assert sorted(keys(found)) == ["new", "old", "older"]


async def test_the_index_may_have_a_half_life_for_all_searches(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    async with open_store(mode="text", recency_half_life_days=10) as store:
        await store.aput(NS, "old", {"text": "plain plain"})
        await store.aput(NS, "new", {"text": "plain"})
        age(postgres_dsn, schema_name, "old", 100)
        assert keys(await store.asearch(NS, query="plain")) == ["new", "old"]
        (found,) = await store.abatch([SearchOp(NS, query="plain")])
        assert keys(found) == ["new", "old"]  # type: ignore[arg-type]
        patient = await store.asearch(NS, query="plain", recency_half_life_days=1e6)
        assert keys(patient) == ["old", "new"]


@pytest.mark.parametrize("days", [0, -1, "7", float("nan"), True])
async def test_a_half_life_is_a_number_of_days_above_zero(store: AgentStore, days: Any) -> None:
    with pytest.raises(InvalidOperationError, match="recency_half_life_days"):
        await store.asearch(NS, query=QUERY, recency_half_life_days=days)


# What has nothing to be found by


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
async def test_unindexed_items_come_at_the_end_where_they_are_asked_for(
    open_store: Callable[..., AgentStore], mode: str
) -> None:
    async with open_store(mode=mode) as store:
        await store.aput(NS, "found", {"text": "alpha"})
        await store.aput(NS, "older", {"other": "alpha"})
        await store.aput(NS, "newer", {"text": "alpha"}, index=False)
        assert keys(await store.asearch(NS, query="alpha")) == ["found"]
        found = scored(await store.asearch(NS, query="alpha", include_unindexed=True))
    assert keys(found) == ["found", "newer", "older"]
    assert [(item.score, item.scored_by) for item in found[1:]] == [(None, None)] * 2


async def test_pages_with_unindexed_items_are_disjoint_and_complete(store: AgentStore) -> None:
    await store.abatch([PutOp(NS, f"u{n:02}", {"n": n}) for n in range(25)])
    found = await pages(store, 10, 10, query=QUERY, include_unindexed=True)
    assert len(found) == len(set(found)) == 85
    assert all(key.startswith("u") for key in found[60:])


async def test_unindexed_items_have_no_score_to_pass_a_bound(store: AgentStore) -> None:
    await store.aput(NS, "u", {"n": 1})
    found = await store.asearch(NS, query=QUERY, include_unindexed=True, min_score=0, limit=100)
    assert "u" not in keys(found)


# Batches, views, expiry


async def test_a_batch_may_search_by_queries(store: AgentStore) -> None:
    by_hand = keys(await store.asearch(NS, query=QUERY))
    ops: list[Op] = [
        SearchOp(NS, query=QUERY),
        GetOp(NS, "k000"),
        SearchOp(NS),
        SearchOp(NS, query="word9"),
    ]
    for results in (store.batch(ops), await store.abatch(ops)):
        first, item, listed, other = results
        assert keys(first) == by_hand  # type: ignore[arg-type]
        assert item is not None
        assert len(listed) == len(other) == 10  # type: ignore[arg-type]


async def test_a_batch_searches_before_it_writes(store: AgentStore) -> None:
    ops: list[Op] = [PutOp(NS, "new", {"text": "fresh"}), SearchOp(NS, query="fresh", limit=100)]
    _, found = await store.abatch(ops)
    assert "new" not in keys(found)  # type: ignore[arg-type]
    assert keys(await store.asearch(NS, query="fresh", limit=1)) == ["new"]


async def test_a_users_view_finds_that_users_items(store: AgentStore) -> None:
    await store.aput(("users", "bob", "notes"), "b", {"text": QUERY})
    assert keys(await store.for_user("bob").asearch((), query=QUERY, limit=100)) == ["b"]
    found = await store.for_user("ann").asearch(("notes",), query=QUERY, limit=100)
    assert len(found) == 60
    assert {item.namespace for item in found} == {("notes",)}


def test_a_per_user_view_finds_the_running_users_items(store: AgentStore) -> None:
    view = store.per_user()

    @entrypoint()
    def found(new: str) -> list[str]:
        if new:
            view.put(("notes",), new, {"text": QUERY})
        return keys(view.search((), query=QUERY, limit=100))

    assert found.invoke("b", {"configurable": {"user_id": "bob"}}) == ["b"]
    assert len(found.invoke("", {"configurable": {"user_id": "ann"}})) == 60


async def test_a_view_shows_the_index_config(store: AgentStore) -> None:
    assert store.index_config is not None
    assert store.index_config["dims"] == DIMS
    assert store.for_user("bob").index_config == store.index_config


@pytest.fixture
async def expiring(postgres_dsn: str, schema_name: str) -> AsyncIterator[AgentStore]:
    """Items that expire in an hour, of which 50 minutes are over."""
    index = index_of(mode="text")
    async with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        await store.abatch(
            [PutOp(NS, f"k{n}", {"text": "plain text", "n": n}, ttl=60) for n in range(3)]
        )
        execute(
            postgres_dsn, "UPDATE {}.item SET expires_at = now() + interval '10 min'", schema_name
        )
        yield store


async def refreshed(dsn: str, schema: str) -> list[str]:
    rows = await asyncio.to_thread(
        execute,
        dsn,
        "SELECT key FROM {}.item WHERE expires_at > now() + interval '30 min' ORDER BY key",
        schema,
    )
    return [key for (key,) in rows]


async def test_finding_items_moves_their_expiry_on(
    expiring: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    found = await expiring.asearch(NS, query="plain", limit=2, refresh_ttl=True)
    await until(lambda: expiring.stats().refreshes == 2)
    assert await refreshed(postgres_dsn, schema_name) == sorted(keys(found))


async def test_finding_items_leaves_their_expiry_where_that_is_asked_for(
    expiring: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await expiring.asearch(NS, query="plain", refresh_ttl=False)
    await expiring.aexplain_search(NS, query="plain")
    await expiring.aclose()
    assert await refreshed(postgres_dsn, schema_name) == []


async def test_what_a_rerank_only_looked_at_keeps_its_expiry(
    expiring: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    (found,) = await expiring.asearch(
        NS, query="plain", limit=1, refresh_ttl=True, rerank=reversed_items
    )
    await expiring.aclose()  # refreshes under way end before
    assert await refreshed(postgres_dsn, schema_name) == [found.key]


# What cannot be asked


@pytest.mark.parametrize("query", [7, b"bytes", ["a", "list"]])
async def test_a_query_is_a_text(store: AgentStore, query: Any) -> None:
    with pytest.raises(ValueTypeError, match="query"):
        await store.asearch(NS, query=query)


@pytest.mark.parametrize("query", ["nul \x00", "half \ud800"])
async def test_a_query_is_a_text_that_postgres_takes(store: AgentStore, query: str) -> None:
    with pytest.raises(InvalidValueError, match="query"):
        await store.asearch(NS, query=query)


@pytest.mark.parametrize("query", [None, ""])
async def test_without_a_query_the_newest_come_first(store: AgentStore, query: Any) -> None:
    await store.aput(NS, "newest", {"text": "of all"})
    found = await store.asearch(NS, query=query)
    assert found[0].key == "newest"
    assert found[0].score is None


async def test_a_store_without_an_index_ignores_queries_and_refuses_their_options(
    postgres_dsn: str, schema_name: str
) -> None:
    async with AgentStore(postgres_dsn, schema=schema_name) as store:
        await store.aput(NS, "k", {"text": "one"})
        assert keys(await store.asearch(NS, query="else")) == ["k"]
        for options in ({"mode": "vector"}, {"min_score": 0.5}, {"include_unindexed": True}):
            with pytest.raises(InvalidOperationError, match="index"):
                await store.asearch(NS, query="else", **options)
        with pytest.raises(InvalidOperationError, match="index"):
            await store.aexplain_search(NS, query="one")


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
async def test_a_limit_of_zero_finds_nothing(store: AgentStore, mode: Any) -> None:
    assert await store.asearch(NS, query=QUERY, mode=mode, limit=0) == []
    assert await store.asearch(NS, query=QUERY, mode=mode, limit=0, rerank=by_number) == []


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
async def test_an_offset_beyond_the_end_finds_nothing(store: AgentStore, mode: Any) -> None:
    assert await store.asearch(NS, query=QUERY, mode=mode, offset=10**6) == []


# Another index than that of the vectors stored


@pytest.mark.parametrize(
    "options",
    [{"dims": 8, "embed": lambda texts: [[1.0] * 8 for _ in texts]}, {"model": "another"}],
    ids=["dims", "model"],
)
async def test_vectors_of_another_model_are_refused_while_reads_go_on(
    open_store: Callable[..., AgentStore], options: dict[str, Any]
) -> None:
    async with open_store(model="first") as store:
        await store.aput(NS, "k", {"text": "one"})
    other = open_store(**{"model": "first", **options})
    with pytest.raises(IndexMismatchError, match="reindex"):
        await other.asetup()
    with pytest.raises(IndexMismatchError, match=f"dims={DIMS}.*'first'"):
        await other.asearch(NS, query="one")
    with pytest.raises(IndexMismatchError):
        await other.aput(NS, "k", {"text": "two"})
    item = await other.aget(NS, "k")
    assert item is not None
    assert item.value == {"text": "one"}
    assert keys(await other.asearch(NS)) == ["k"]
    assert keys(await other.asearch(NS, query="one", mode="text")) == ["k"]
    await other.adelete(NS, "k")
    await other.aclose()


async def test_a_model_that_nobody_named_takes_the_name_it_is_given_first(
    open_store: Callable[..., AgentStore],
) -> None:
    async with open_store() as store:
        await store.aput(NS, "k", {"text": "one"})
    async with open_store(model="named") as store:
        assert keys(await store.asearch(NS, query="one")) == ["k"]
    with pytest.raises(IndexMismatchError):
        await open_store(model="another").asetup()


async def test_without_the_right_to_make_the_extension_the_cure_is_told(
    fresh_database: str,
) -> None:
    # Text search needs no extension: that sets up the schema for the role.
    async with AgentStore(fresh_database, index={"mode": "text"}) as store:
        await store.aput(NS, "k", {"text": "one"})
    role = "without_extension"
    execute(fresh_database, "CREATE ROLE {} LOGIN", role)
    try:
        execute(fresh_database, "GRANT ALL ON SCHEMA agentstore TO {}", role)
        execute(fresh_database, "GRANT ALL ON ALL TABLES IN SCHEMA agentstore TO {}", role)
        dsn = dsn_of(fresh_database, user=role)
        store = AgentStore(dsn, index=index_of())
        with pytest.raises(MissingExtensionError, match="CREATE EXTENSION vector"):
            await store.asearch(NS, query="one")
        assert await store.aget(NS, "k") is not None
        assert keys(await store.asearch(NS, query="one", mode="text")) == ["k"]
        await store.aclose()
    finally:
        execute(fresh_database, "DROP OWNED BY {}", role)
        execute(fresh_database, "DROP ROLE {}", role)


async def test_an_index_that_was_missing_is_made_by_setup(
    open_store: Callable[..., AgentStore],
) -> None:
    async with open_store(mode="vector") as store:
        await store.abatch(documents(60))
    ann = {"exact_up_to": 5}
    async with open_store(mode="vector", distance_type="l2", ann_index_config=ann) as store:
        explained = await store.aexplain_search(NS, query=QUERY)
        assert explained.reason is not None
        assert "no hnsw index" not in explained.reason


async def test_a_quoted_title_in_a_question_is_wanted_and_not_required(store: AgentStore) -> None:
    await store.aput(NS, "read", {"text": "we read the train to oslo"})
    asked = 'who read "the train from bergen"?'
    assert keys(await store.asearch(NS, query=asked, mode="text")) == ["read"]
    assert keys(await store.asearch(NS, query=asked, mode="text", query_syntax="web")) == []
    titled = asked.removeprefix("who ").removesuffix("?")
    assert keys(await store.asearch(NS, query=titled, mode="text")) == []
    assert keys(await store.asearch(NS, query=titled, mode="text", query_syntax="plain")) == [
        "read"
    ]
    records = AsyncDataStore(store, "ann", "reader", "notes")
    assert [one.key for one in await records.search(asked, mode="text")] == ["read"]
    assert await records.search(asked, mode="text", query_syntax="web") == []


async def test_an_unknown_query_syntax_is_refused(store: AgentStore) -> None:
    with pytest.raises(InvalidOperationError, match="'sql' is unknown; known: auto, web, plain"):
        await store.asearch(NS, query="cat", query_syntax="sql")  # type: ignore[arg-type]
