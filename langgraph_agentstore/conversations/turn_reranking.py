"""Reranking of turns: a user's callable puts the best matches of a search into its own order."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from ..errors import InvalidOperationError
from ..store.reranking import CANDIDATES, aoutcome_of, new_order, outcome_of
from ..store.step_driver import Call, Steps
from .indexed_text import Match

TurnRerank: TypeAlias = Callable[
    [str, list[Match]],
    "Sequence[float] | Sequence[Match] | Awaitable[Sequence[float] | Sequence[Match]]",
]
"""From a query and its matches, best first: a new score for each, or themselves in new order."""


def searched_limit(rerank: TurnRerank | None, limit: int) -> int:
    """Return how many turns to search for, so that a reranker gets its candidates."""
    return limit if rerank is None else max(CANDIDATES, limit)


def reranked(rerank: TurnRerank | None, query: str, matches: Sequence[Match]) -> Steps[list[Match]]:
    """Return the matches in the callable's order; those behind the candidates keep theirs.

    Raises:
        InvalidOperationError: the callable is awaitable in blocking code, or returned something
            else than scores or matches.
    """
    candidates, rest = list(matches[:CANDIDATES]), list(matches[CANDIDATES:])
    if rerank is None or not candidates:
        return [*candidates, *rest]
    outcome = yield Call(
        lambda: outcome_of(rerank, query, list(candidates)),
        lambda: aoutcome_of(rerank, query, list(candidates)),
    )
    found = [
        candidates[position] if score is None else replace(candidates[position], score=score)
        for position, score in new_order(candidates, outcome, Match)
    ]
    return found + rest


def check_blocking(rerank: TurnRerank | None) -> TurnRerank | None:
    """Return the reranker of a recall, or raise.

    Raises:
        InvalidOperationError: it is no function, or an awaitable one.
    """
    if rerank is not None and not callable(rerank):
        raise InvalidOperationError(
            f"rerank is a function of a query and its matches, got {type(rerank).__name__}"
        )
    if inspect.iscoroutinefunction(rerank):
        raise InvalidOperationError(
            "the rerank of a recall is a blocking function: a recall runs in a thread of its own"
        )
    return rerank
