"""SQL of relevance: how much a turn has to do with a query, whatever else was found.

It is the share of the query's words that the turn and its neighbors have, by weight; or how much
nearer the turn's vector is than the mean; or the mean of both where both are searched. So
"nothing is relevant" can be told, which a score cannot tell: the best turn always has the best one.
"""

from __future__ import annotations

from typing import Any

from ..errors import InvalidOperationError
from ..model.checks import is_number
from ..model.users import Region
from ..sql.region_condition import region_condition
from ..sql.statement import SqlContext
from ..sql.vector_tables import distance_sql

MIN_RELEVANCE = 0.15
"""The relevance of a turn that may answer a question.

Where no turn has it, the question is mostly about other things. See decision 0027.
"""

LONG_QUESTION = 5
"""Unknown words that weigh as much as a question of any length: to match them all is enough."""

UNSEEN_TURNS = 200
"""Turns without a word of the question that are added to a scope to weigh words for relevance.

In a few turns, all words are frequent, and none would weigh anything.
"""

UNSEEN_VECTORS = 50
"""The same for the mean distance: vectors that are as far as unrelated ones."""

SAMPLED_VECTORS = 500
"""Vectors of which the mean distance is taken where not all are measured."""

_DISTANCES = {
    "cosine": ("distance", 1.0),
    "l2": ("distance", 1.4142),
    "inner_product": ("(1 + distance)", 1.0),
}
"""Distances as they are compared with the mean, and that of unrelated vectors of length 1."""

QUESTION = f"""question AS MATERIALIZED (
    -- Weights are logarithms, so to add unseen turns to the scope is to add one number to each.
    SELECT sum(a.idf) AS idf, max(t.more) AS more, array_agg(a.idf ORDER BY a.number) AS idfs,
           least(sum(a.idf + t.more), max({LONG_QUESTION} * (ln((t.n + 1) / 0.5) + t.more)))
           AS relevant
      FROM asked_for a
     CROSS JOIN (SELECT n, ln((n + 1.0 + {UNSEEN_TURNS}) / (n + 1)) AS more FROM totals) t
)"""
"""The CTE of what the words of a query weigh; `relevant`: of how much a turn has its share."""


WORD_SHARE = """(w.idf + q.more) / q.relevant
                   * CASE WHEN w.own > 0 THEN 1 ELSE least(w.passed, 1) END"""
"""What a word of a turn adds to its share; a word of its neighbors alone adds in part."""


def check_relevance(given: object) -> float:
    """Return a least relevance, or raise.

    Raises:
        InvalidOperationError: it is not a number from 0 to 1.
    """
    if not is_number(given) or not 0 <= given <= 1:
        raise InvalidOperationError(
            f"min_relevance is a number from 0 to 1, got {given!r}; {MIN_RELEVANCE} drops most "
            "that is beside the question"
        )
    return float(given)


def typical_sql(region: Region, context: SqlContext, arguments: list[Any]) -> str:
    """Return the CTE of the mean distance in a region, of a sample where not all are measured."""
    distance, far = _DISTANCES[context.vector_index.distance]
    condition = region_condition([region], arguments, "v")
    return f"""typical AS MATERIALIZED (
    SELECT (coalesce(sum({distance}), 0) + {UNSEEN_VECTORS * far}) / (count(*) + {UNSEEN_VECTORS})
           AS distance
      FROM (SELECT distance FROM measured
            UNION ALL
            (SELECT {distance_sql(context).exact} FROM {context.vectors} v
              WHERE NOT (SELECT measured FROM way) AND {condition} AND v.embedding IS NOT NULL
              LIMIT {SAMPLED_VECTORS})) m
)"""


def closeness_sql(context: SqlContext) -> str:
    """Return how much nearer than the mean a column `distance` is, from 0 to 1."""
    distance, _ = _DISTANCES[context.vector_index.distance]
    return f"least(greatest(1 - {distance} / (SELECT distance FROM typical), 0), 1)"
