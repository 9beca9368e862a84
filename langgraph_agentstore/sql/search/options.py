"""Options of a search by a query with their defaults, and the decoding of its results."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeGuard, get_args

from ...config.search_index import QuerySyntax, SearchIndex, SearchMode
from ...errors import InvalidOperationError
from ...model.checks import is_number
from ...model.namespaces import decode_labels
from ...model.users import Scope
from ...results import ScoredItem
from ..statement import Decoded, Refresh, Row


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """The options of one search by a query, all decided."""

    mode: SearchMode
    min_score: float | None = None
    min_similarity: float | None = None
    recency_half_life_days: float | None = None
    include_unindexed: bool = False
    query_syntax: QuerySyntax = "auto"


def default_options(index: SearchIndex) -> QueryOptions:
    """Return the options of a search that gives none."""
    return QueryOptions(
        index.mode,
        recency_half_life_days=index.ranking.recency_half_life_days,
        query_syntax=index.query_syntax,
    )


def query_options(
    index: SearchIndex,
    *,
    mode: SearchMode | None = None,
    min_score: float | None = None,
    min_similarity: float | None = None,
    recency_half_life_days: float | None = None,
    include_unindexed: bool = False,
    query_syntax: QuerySyntax | None = None,
) -> QueryOptions:
    """Return the options of a search, completed by the index's defaults.

    Raises:
        InvalidOperationError: the index does not have that mode, the syntax is unknown, or a
            number makes no sense.
    """
    if query_syntax is not None and query_syntax not in get_args(QuerySyntax):
        raise InvalidOperationError(
            f"query_syntax {query_syntax!r} is unknown; known: {', '.join(get_args(QuerySyntax))}"
        )
    if mode is not None and mode not in index.modes:
        raise InvalidOperationError(
            f"mode {mode!r} is not one that this store's index serves: {', '.join(index.modes)}; "
            "an index with an embedder and mode 'hybrid' serves all"
        )
    if min_score is not None and not _is_finite(min_score):
        raise InvalidOperationError(f"min_score is a number, got {min_score!r}")
    mode = index.mode if mode is None else mode
    if min_similarity is not None:
        _check_similarity(min_similarity, mode, index)
    half_life = recency_half_life_days
    if half_life is not None and not (_is_finite(half_life) and half_life > 0):
        raise InvalidOperationError(
            f"recency_half_life_days is a number of days above 0, got {half_life!r}"
        )
    return QueryOptions(
        mode,
        None if min_score is None else float(min_score),
        None if min_similarity is None else float(min_similarity),
        index.ranking.recency_half_life_days if half_life is None else float(half_life),
        include_unindexed,
        query_syntax or index.query_syntax,
    )


def add_found(
    row: Row, scope: Scope, refresh: bool, found: Decoded[list[ScoredItem]], **ranking: Any
) -> None:
    """Add the item of a row; `ranking` has the other fields of `ScoredItem`.

    The row begins with user, namespace, key, value, the times of creation, update and expiry, and
    where reading moves the expiry to.
    """
    user_id, stored, key, value, created_at, updated_at, expires_at, refreshed = row[:8]
    labels = scope.labels(user_id, decode_labels(stored))
    item = ScoredItem(labels, key, scope.value(value), created_at, updated_at, **ranking)
    found.result.append(item)
    if refresh and refreshed is not None:
        found.refreshes.append(Refresh((user_id, stored, key), expires_at, refreshed))


def _check_similarity(given: object, mode: SearchMode, index: SearchIndex) -> None:
    if index.vectors is None or mode == "text":
        raise InvalidOperationError(
            "min_similarity needs vectors to compare, and this search is by words alone (mode "
            "'text'); use mode 'hybrid' or 'vector', or min_score"
        )
    if not _is_finite(given):
        raise InvalidOperationError(f"min_similarity is a number, got {given!r}")
    if index.vectors.distance == "cosine" and not -1 <= given <= 1:
        raise InvalidOperationError(
            f"min_similarity is a cosine, from -1 to 1, got {given!r}; 0.5 is a start, to be "
            "moved by what item.similarity says of your texts"
        )


def _is_finite(given: object) -> TypeGuard[int | float]:
    return is_number(given) and math.isfinite(given)
