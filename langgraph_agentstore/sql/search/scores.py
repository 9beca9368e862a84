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
        nearness, words = nearness_sql("distance"), "words / (SELECT max(score) FROM word_list)"
        score = (
            f"({_fused('vector_rank', ranking.vector_weight, nearness)} + "
            f"{_fused('text_rank', ranking.text_weight, words)})"
        )
    if half_life_days is None:
        return score
    age = "greatest(extract(epoch FROM now() - updated_at), 0)::float8 / 86400"
    half_lives = f"least({age} / {half_life_days}, {MOST_HALF_LIVES})"
    # A negative score, such as a distance, gets worse by growing.
    return f"({score}) * 0.5 ^ (sign({score}) * {half_lives})"


def beyond_sql(pool: int) -> str:
    """Return the condition that an item comes after all that the score orders."""
    return f"""NOT (coalesce(vector_rank <= {pool}, false)
                OR coalesce(text_rank <= {pool}, false))"""


def order_sql(alias: str, *, reordered: bool) -> str:
    """Return the order of all pages; `reordered`: by score in the pool, else always by rank."""
    ranks = f"{alias}.vector_rank, {alias}.text_rank"
    if reordered:
        pool = f"CASE WHEN NOT {alias}.tail THEN"
        # Of equals the words lead.
        ranks = f"{pool} -{alias}.score END, {pool} {alias}.text_rank END, {ranks}"
    item_id = f"{alias}.user_id, {alias}.namespace, {alias}.key"
    return f"{alias}.tail, {ranks}, {alias}.updated_at DESC, {item_id}"


def _fused(rank: str, weight: float, scaled: str) -> str:
    """Return what a list adds to the fused score, the same on every page."""
    return f"CASE WHEN {rank} <= {FUSED_POOL} THEN {weight!r}::float8 * {scaled} ELSE 0 END"
