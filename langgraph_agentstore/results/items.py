"""Items and results of searches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from langgraph.store.base import Item, SearchItem

from ..html_tables import facts_table, paragraph, rows_table, shortened

ItemT = TypeVar("ItemT", bound=Item)

VALUE_CHARACTERS = 200
"""How much of a value a notebook shows in a table of several items."""

SHOWN_RESULTS = 100
"""How many results a notebook shows."""


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One full item.

    `value` is any JSON, as stored. `version` starts at 1 and grows by one with each write. Times
    have a time zone, UTC. If the item never expires, `expires_at` and `ttl_minutes` are None.
    """

    namespace: tuple[str, ...]
    key: str
    value: Any
    version: int
    metadata: dict[str, Any]
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    ttl_minutes: float | None


class ScoredItem(SearchItem):
    """A result of a search by a query: LangGraph's `SearchItem` with its scores and ranks.

    `score`: higher is better. `scored_by`: the kind of score: "cosine" (similarity, -1 to 1), "l2"
    (the negative distance), "inner_product", "bm25", "fused" (the weighted sum of
    both lists' scaled scores, in a hybrid search) or "rerank". Both are None for an item that is
    not indexed. `vector_rank`, `text_rank`: the item's
    rank in each list, from 1; None if it is not in the list.

    `similarity`: how near the item's vector is to the query's vector, independent of the score. By
    the index's `distance_type`, it is the cosine (-1 to 1), the negative distance, or the inner
    product. None if the item has no vector, or if only words are searched.
    `text_score`: the item's BM25; None if it is not in the word list.
    `matched_words`: the words of the query that the item contains; None if only vectors are
    searched.
    """

    __slots__ = (
        "matched_words",
        "scored_by",
        "similarity",
        "text_rank",
        "text_score",
        "vector_rank",
    )

    def __init__(
        self,
        namespace: tuple[str, ...],
        key: str,
        value: dict[str, Any],
        created_at: datetime,
        updated_at: datetime,
        score: float | None = None,
        *,
        scored_by: str | None = None,
        vector_rank: int | None = None,
        text_rank: int | None = None,
        similarity: float | None = None,
        text_score: float | None = None,
        matched_words: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(namespace, key, value, created_at, updated_at, score)
        self.scored_by = scored_by
        self.vector_rank = vector_rank
        self.text_rank = text_rank
        self.similarity = similarity
        self.text_score = text_score
        self.matched_words = matched_words

    def __repr__(self) -> str:
        return (
            f"ScoredItem(namespace={self.namespace!r}, key={self.key!r}, value={self.value!r}, "
            f"score={self.score!r}, scored_by={self.scored_by!r}, "
            f"vector_rank={self.vector_rank!r}, text_rank={self.text_rank!r}, "
            f"similarity={self.similarity!r}, text_score={self.text_score!r}, "
            f"matched_words={self.matched_words!r})"
        )

    def _repr_html_(self) -> str:
        return item_html(self)


class SearchResults(list[ItemT]):
    """A list of items, as a search returns it. A notebook shows it as one table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        if not self:
            return paragraph("No items found.")
        named = [
            ("namespace", _namespace),
            ("key", _item_key),
            *_ranking_columns(self),
            ("value", _short_value),
        ]
        shown = self[:SHOWN_RESULTS]
        rows = ([cell(item) for _, cell in named] for item in shown)
        table = rows_table([name for name, _ in named], rows)
        left = len(self) - len(shown)
        return table + (paragraph(f"… and {left} more.") if left else "")


def item_html(item: Item) -> str:
    """Return the HTML table of an item, with its scores if a query found it."""
    facts: dict[str, Any] = {
        "namespace": _namespace(item),
        "key": item.key,
        "value": item.value,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }
    if isinstance(item, ScoredItem):
        facts |= {
            "score": f"{item.score} ({item.scored_by})",
            "similarity": item.similarity,
            "vector_rank": item.vector_rank,
            "text_score": item.text_score,
            "text_rank": item.text_rank,
            "matched_words": _matched_words(item),
        }
    elif isinstance(item, SearchItem) and item.score is not None:
        facts["score"] = item.score
    return facts_table(facts)


_ItemCell: TypeAlias = Callable[[Any], object]


def _ranking_columns(results: Sequence[Item]) -> list[tuple[str, _ItemCell]]:
    """Return the columns that tell why the items were found; without a query, when."""
    if not any(isinstance(item, ScoredItem) for item in results):
        return [("updated", lambda item: f"{item.updated_at:%Y-%m-%d %H:%M:%S}")]
    return [
        ("score", lambda item: _rounded_score(item.score)),
        ("similarity", lambda item: _rounded_score(getattr(item, "similarity", None))),
        ("matched words", _matched_words),
    ]


def _namespace(item: Item) -> str:
    return ":".join(item.namespace)


def _item_key(item: Item) -> str:
    return item.key


def _short_value(item: Item) -> str:
    return shortened(str(item.value), VALUE_CHARACTERS)


def _matched_words(item: Item) -> str:
    return ", ".join(getattr(item, "matched_words", None) or ())


def _rounded_score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


Rerank: TypeAlias = Callable[
    [str, list[ScoredItem]],
    "Sequence[float] | Sequence[ScoredItem] | Awaitable[Sequence[float] | Sequence[ScoredItem]]",
]
"""From a query and its candidates, best first: a new score for each, or themselves in new order."""
