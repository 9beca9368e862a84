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
        outcome = self.rerank(self.op.query or "", found[:CANDIDATES])
        if inspect.isawaitable(outcome):
            if inspect.iscoroutine(outcome):
                outcome.close()
            raise InvalidOperationError("this rerank is awaitable: use asearch")
        return self._page(found, outcome)

    async def aapply(self, found: list[Any]) -> list[SearchItem]:
        """Async form of `apply`; a blocking callable runs in a thread."""
        query, candidates = self.op.query or "", found[:CANDIDATES]
        outcome: Any
        if inspect.iscoroutinefunction(self.rerank):
            outcome = self.rerank(query, candidates)
        else:
            rerank: Callable[..., Any] = self.rerank
            outcome = await asyncio.to_thread(rerank, query, candidates)
        return self._page(found, await outcome if inspect.isawaitable(outcome) else outcome)

    def _page(self, found: list[Any], outcome: Sequence[Any]) -> list[SearchItem]:
        reranked = _reordered(found[:CANDIDATES], outcome) + found[CANDIDATES:]
        return reranked[self.op.offset : self.op.offset + self.op.limit]


def _reordered(candidates: list[ScoredItem], outcome: Any) -> list[ScoredItem]:
    if isinstance(outcome, (str, bytes)) or not hasattr(outcome, "__len__"):
        raise _not_reranked(f"{type(outcome).__name__}", candidates)
    given = list(outcome)
    if given and isinstance(given[0], SearchItem):
        return _in_order(candidates, given)
    if len(given) != len(candidates):
        raise _not_reranked(f"{len(given)} scores", candidates)
    try:
        scores = [float(score) for score in given]
    except (TypeError, ValueError):
        raise _not_reranked("something that is no number", candidates) from None
    if not all(map(math.isfinite, scores)):
        raise _not_reranked("a score that is no finite number", candidates)
    for item, score in zip(candidates, scores, strict=True):
        item.score, item.scored_by = score, "rerank"
    return sorted(candidates, key=lambda item: -item.score)  # type: ignore[operator]


def _in_order(candidates: list[ScoredItem], given: list[Any]) -> list[ScoredItem]:
    """Return the given items, then those left out, so that a page stays full."""
    if {id(item) for item in given} - {id(item) for item in candidates}:
        raise _not_reranked("items that were no candidates", candidates)
    unique = list({id(item): item for item in given}.values())
    taken = {id(item) for item in unique}
    return unique + [item for item in candidates if id(item) not in taken]


def _not_reranked(got: str, candidates: Sequence[object]) -> InvalidOperationError:
    return InvalidOperationError(
        f"rerank returns {len(candidates)} scores, one for each item that it gets, or the items "
        f"in a new order; it returned {got}"
    )
