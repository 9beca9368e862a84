"""Reranking: a user's callable puts the best items of a search into its own order."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.store.base import GetOp, SearchItem, SearchOp

from ..errors import InvalidOperationError
from ..results import Rerank, ScoredItem

CANDIDATES = 50
"""The number of best items that a `rerank` gets; later items keep their order."""


@dataclass(frozen=True, slots=True)
class Reranking:
    """The reranking of one search: the user's callable and the requested page."""

    rerank: Rerank
    op: SearchOp

    def candidates(self) -> SearchOp:
        """Return the search that finds the candidates, and whatever else the page needs."""
        deep = max(CANDIDATES, self.op.limit + self.op.offset)
        return self.op._replace(limit=deep, offset=0, refresh_ttl=False)

    def read(self, page: Sequence[SearchItem]) -> list[GetOp]:
        """Return the reads that renew the expiry of the items on the page, and of no others."""
        if not self.op.refresh_ttl:
            return []
        return [GetOp(item.namespace, item.key, True) for item in page]

    def apply(self, found: list[Any]) -> list[SearchItem]:
        """Return the page in the callable's order.

        Raises:
            InvalidOperationError: the callable is awaitable, or returned something else.
        """
        return self._page(found, outcome_of(self.rerank, self.op.query or "", found[:CANDIDATES]))

    async def aapply(self, found: list[Any]) -> list[SearchItem]:
        """Async form of `apply`; a blocking callable runs in a thread."""
        query, candidates = self.op.query or "", found[:CANDIDATES]
        return self._page(found, await aoutcome_of(self.rerank, query, candidates))

    def _page(self, found: list[Any], outcome: Sequence[Any]) -> list[SearchItem]:
        reranked = _reordered(found[:CANDIDATES], outcome) + found[CANDIDATES:]
        return reranked[self.op.offset : self.op.offset + self.op.limit]


def _reordered(candidates: list[ScoredItem], outcome: Any) -> list[ScoredItem]:
    order = new_order(candidates, outcome, SearchItem)
    for position, score in order:
        if score is not None:
            candidates[position].score, candidates[position].scored_by = score, "rerank"
    return [candidates[position] for position, _ in order]


def outcome_of(rerank: Callable[..., Any], query: str, candidates: list[Any]) -> Any:
    """Return what a callable says of the candidates of a query.

    Raises:
        InvalidOperationError: the callable is awaitable.
    """
    outcome = rerank(query, candidates)
    if inspect.isawaitable(outcome):
        if inspect.iscoroutine(outcome):
            outcome.close()
        raise InvalidOperationError("this rerank is awaitable: use asearch")
    return outcome


async def aoutcome_of(rerank: Callable[..., Any], query: str, candidates: list[Any]) -> Any:
    """Async form of `outcome_of`; a blocking callable runs in a thread."""
    outcome: Any
    if inspect.iscoroutinefunction(rerank):
        outcome = rerank(query, candidates)
    else:
        outcome = await asyncio.to_thread(rerank, query, candidates)
    return await outcome if inspect.isawaitable(outcome) else outcome


def new_order(
    candidates: Sequence[Any], outcome: Any, kind: type
) -> list[tuple[int, float | None]]:
    """Return the positions of the candidates, best first, each with its new score, if it has one.

    Args:
        candidates: instances of `kind`.
        outcome: of a reranker: a score for each candidate, or candidates in a new order.
        kind: the class of a candidate.

    Raises:
        InvalidOperationError: the outcome is neither.
    """
    if isinstance(outcome, (str, bytes)) or not hasattr(outcome, "__len__"):
        raise _not_reranked(f"{type(outcome).__name__}", candidates)
    given = list(outcome)
    if given and isinstance(given[0], kind):
        return [(position, None) for position in _in_order(candidates, given)]
    if len(given) != len(candidates):
        raise _not_reranked(f"{len(given)} scores", candidates)
    try:
        scores = [float(score) for score in given]
    except (TypeError, ValueError):
        raise _not_reranked("something that is no number", candidates) from None
    if not all(map(math.isfinite, scores)):
        raise _not_reranked("a score that is no finite number", candidates)
    best_first = sorted(range(len(scores)), key=lambda position: -scores[position])
    return [(position, scores[position]) for position in best_first]


def _in_order(candidates: Sequence[Any], given: Sequence[Any]) -> list[int]:
    """Return the positions of the given items, then of those left out: a page stays full."""
    positions = {id(item): position for position, item in enumerate(candidates)}
    if {id(item) for item in given} - set(positions):
        raise _not_reranked("items that were no candidates", candidates)
    taken = [positions[id(item)] for item in given]
    return list(dict.fromkeys([*taken, *positions.values()]))


def _not_reranked(got: str, candidates: Sequence[object]) -> InvalidOperationError:
    return InvalidOperationError(
        f"rerank returns {len(candidates)} scores, one for each item that it gets, or the items "
        f"in a new order; it returned {got}"
    )
