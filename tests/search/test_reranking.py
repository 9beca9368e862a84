"""Reranking puts the best candidates in another order, and leaves none of them out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any

import pytest
from langgraph.store.base import GetOp, SearchItem, SearchOp

from langgraph_agentstore import ScoredItem
from langgraph_agentstore.errors import InvalidOperationError
from langgraph_agentstore.store.reranking import CANDIDATES, Reranking

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)


def items(count: int) -> list[ScoredItem]:
    return [ScoredItem(("a",), f"k{n}", {"n": n}, NOW, NOW, 1.0 / (n + 1)) for n in range(count)]


def reranking(rerank: Any, limit: int = 10, offset: int = 0) -> Reranking:
    return Reranking(rerank, SearchOp(("a",), None, limit, offset, "a query"))


def page(rerank: Any, found: list[ScoredItem], limit: int = 10, offset: int = 0) -> list[str]:
    return [item.key for item in reranking(rerank, limit, offset).apply(found)]


def descending(query: str, found: Sequence[ScoredItem]) -> list[float]:
    return [float(item.value["n"]) for item in found]


@pytest.mark.parametrize(("limit", "offset", "asked"), [(3, 0, 50), (40, 5, 50), (40, 30, 70)])
def test_the_search_is_for_the_candidates_and_what_the_page_needs(
    limit: int, offset: int, asked: int
) -> None:
    op = reranking(descending, limit, offset).candidates()
    assert (op.limit, op.offset, op.query) == (asked, 0, "a query")


def test_only_what_is_on_the_page_is_read_as_far_as_expiries_go() -> None:
    asked = reranking(descending)
    assert not asked.candidates().refresh_ttl
    assert asked.read(items(2)) == [GetOp(("a",), "k0", True), GetOp(("a",), "k1", True)]
    assert Reranking(descending, asked.op._replace(refresh_ttl=False)).read(items(2)) == []


def test_scores_order_the_candidates_and_become_theirs() -> None:
    found = reranking(descending, 2).apply(items(4))
    assert [(item.key, item.score) for item in found] == [("k3", 3.0), ("k2", 2.0)]
    assert [item.scored_by for item in found if isinstance(item, ScoredItem)] == ["rerank"] * 2


def test_equal_scores_keep_the_order_of_the_candidates() -> None:
    assert page(lambda *_: [1, 2, 1, 2], items(4)) == ["k1", "k3", "k0", "k2"]


def test_a_page_is_cut_from_the_new_order() -> None:
    assert page(descending, items(6), limit=2, offset=2) == ["k3", "k2"]


def test_what_comes_after_the_candidates_keeps_its_order() -> None:
    found = page(descending, items(CANDIDATES + 3), limit=5, offset=CANDIDATES - 2)
    assert found == ["k1", "k0", f"k{CANDIDATES}", f"k{CANDIDATES + 1}", f"k{CANDIDATES + 2}"]


def test_no_more_than_the_candidates_are_shown_to_the_callable() -> None:
    seen: list[Any] = []

    def rerank(query: str, found: list[ScoredItem]) -> list[ScoredItem]:
        seen.append((query, len(found)))
        return found

    page(rerank, items(CANDIDATES + 9))
    assert seen == [("a query", CANDIDATES)]


def test_items_may_come_back_in_another_order() -> None:
    assert page(lambda _, found: found[::-1], items(3)) == ["k2", "k1", "k0"]


def test_items_left_out_come_after_those_returned() -> None:
    assert page(lambda _, found: [found[2]], items(4)) == ["k2", "k0", "k1", "k3"]


def test_an_item_returned_twice_counts_once() -> None:
    assert page(lambda _, found: [found[1], found[1], found[0]], items(3)) == ["k1", "k0", "k2"]


def test_nothing_found_is_nothing_reranked() -> None:
    assert page(lambda *_: [], []) == []


def test_an_array_of_scores_is_as_good_as_a_list() -> None:
    numpy = pytest.importorskip("numpy")
    assert page(lambda *_: numpy.array([1.0, 3.0, 2.0]), items(3)) == ["k1", "k2", "k0"]


@pytest.mark.parametrize(
    "returned",
    [
        None,
        7,
        "text",
        b"bytes",
        [1.0],
        [1.0, 2.0, 3.0, 4.0],
        ["a", "b", "c"],
        [None, None, None],
        [float("nan"), 1.0, 2.0],
        [float("inf"), 1.0, 2.0],
        items(3),
        iter([1.0, 2.0, 3.0]),
    ],
    ids=[
        "none",
        "number",
        "text",
        "bytes",
        "too few",
        "too many",
        "texts",
        "nones",
        "nan",
        "infinity",
        "strangers",
        "iterator",
    ],
)
def test_anything_else_is_refused(returned: Any) -> None:
    with pytest.raises(InvalidOperationError, match="rerank returns 3 scores"):
        page(lambda *_: returned, items(3))


def test_items_mixed_with_scores_are_refused() -> None:
    with pytest.raises(InvalidOperationError, match="rerank returns 3 scores"):
        page(lambda _, found: [1.0, found[0], 2.0], items(3))
    with pytest.raises(InvalidOperationError, match="rerank returns 3 scores"):
        page(lambda _, found: [found[0], 1.0, 2.0], items(3))


async def awaited(query: str, found: Sequence[ScoredItem]) -> list[float]:
    await asyncio.sleep(0)
    return descending(query, found)


class Awaitable:
    """No coroutine, but awaitable all the same."""

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return [1.0, 2.0]


@pytest.mark.parametrize("rerank", [awaited, lambda *_: Awaitable()], ids=["coroutine", "other"])
def test_an_awaitable_one_is_refused_in_blocking_code(rerank: Any) -> None:
    with pytest.raises(InvalidOperationError, match="use asearch"):
        page(rerank, items(2))


@pytest.mark.parametrize(
    "rerank",
    [awaited, descending, partial(awaited), lambda *_: Awaitable()],
    ids=["coroutine function", "function", "partial of one", "returns an awaitable"],
)
async def test_any_is_taken_in_async_code(rerank: Any) -> None:
    found: list[SearchItem] = await reranking(rerank).aapply(items(2))
    assert [item.key for item in found] == ["k1", "k0"]


async def test_a_blocking_one_does_not_block_the_loop() -> None:
    threads: list[threading.Thread] = []

    def rerank(query: str, found: list[ScoredItem]) -> list[ScoredItem]:
        threads.append(threading.current_thread())
        return found

    await reranking(rerank).aapply(items(2))
    assert len(threads) == 1
    assert threads != [threading.current_thread()]
