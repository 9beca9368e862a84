"""Scores and the order of results: by distance, by words, fused, and faded by age.

A score that reorders a list does so among the first of it, its pool. The rest follows in the
list's own order, so that the pages of a search are one sequence, however deep one goes.
"""

from __future__ import annotations

from ...config.search_index import SearchMode
from ..statement import SqlContext
from ..vector_tables import distance_sql
from .vector import nearness_sql

FADED_POOL = 100
"""Items of a list that a score which fades reorders."""

FUSED_POOL = 250
"""Items of each list that are fused; see ADR 0028."""

_NEAR_POOL = f"vector_rank <= least({FUSED_POOL}, (SELECT indexed FROM vector_span))"
_WORDS_POOL = f"text_rank <= {FUSED_POOL}"

MOST_HALF_LIVES = 200
"""Whatever is older scores no less: a number of 8 bytes ends somewhere."""


def score_sql(mode: SearchMode, half_life_days: str | None, context: SqlContext) -> str:
    """Return the score of a row `merged` of `sql/search/hybrid.py`; higher is nearer."""
    if mode == "vector":
        score = distance_sql(context).score
    elif mode == "text":
        score = "words"
    else:
        ranking = context.searched.ranking
        nearness, words = nearness_sql("distance"), "words / (SELECT idf FROM question_weight)"
        score = (
            f"({_fused(_NEAR_POOL, ranking.vector_weight, nearness)} + "
            f"{_fused(_WORDS_POOL, ranking.text_weight, words)})"
        )
    if half_life_days is None:
        return score
    age = "greatest(extract(epoch FROM now() - updated_at), 0)::float8 / 86400"
    half_lives = f"least({age} / {half_life_days}, {MOST_HALF_LIVES})"
    # A negative score, such as a distance, gets worse by growing.
    return f"({score}) * 0.5 ^ (sign({score}) * {half_lives})"


def beyond_sql(mode: SearchMode) -> str:
    """Return the condition that an item comes after all that the score orders."""
    near, words = f"vector_rank <= {FADED_POOL}", f"text_rank <= {FADED_POOL}"
    if mode == "hybrid":
        near, words = _NEAR_POOL, _WORDS_POOL
    return f"""NOT (coalesce({near}, false)
                OR coalesce({words}, false))"""


def order_sql(alias: str, *, reordered: bool) -> str:
    """Return the order of all pages; `reordered`: by score in the pool, else always by rank."""
    ranks = f"{alias}.vector_rank, {alias}.text_rank"
    if reordered:
        pool = f"CASE WHEN NOT {alias}.tail"
        # Of equals the words lead, as far as every page knows their ranks.
        words = f"{pool} AND {alias}.text_rank <= {FUSED_POOL} THEN {alias}.text_rank END"
        ranks = f"{pool} THEN -{alias}.score END, {words}, {ranks}"
    item_id = f"{alias}.user_id, {alias}.namespace, {alias}.key"
    return f"{alias}.tail, {ranks}, {alias}.updated_at DESC, {item_id}"


def _fused(pool: str, weight: float, scaled: str) -> str:
    """Return what a list adds to the fused score, the same on every page."""
    return f"CASE WHEN {pool} THEN {weight!r}::float8 * {scaled} ELSE 0 END"
