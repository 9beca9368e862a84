"""Search by vector alone in a small scope: a plain statement, quick to start.

Most searches are of such a scope, and there the statement of `hybrid.py` would take longer to
start than to run. This one says if the scope is larger than `SMALL`; only then that is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langgraph.store.base import SearchOp

from ...config.search_index import Distance
from ...model.users import Scope, users_of_regions
from ...results import ScoredItem
from ..filters import Filter, filter_sql
from ..item_columns import same_key
from ..items.expiry import REFRESHED
from ..region_condition import check_one_user, region_condition, user_condition
from ..sealing import first_columns, with_opened_values
from ..statement import Decoded, Queue, Row, SqlContext, Statement
from ..vector_tables import distance_sql
from .options import add_found

SMALL = 1000
"""Parts in scope."""


def plan_vector_small(
    op: SearchOp,
    filter: Filter,
    vector: bytes,
    scope: Scope,
    context: SqlContext,
    *,
    least: float | None,
    everything: Callable[[], Statement[list[ScoredItem]]],
) -> Statement[list[ScoredItem]]:
    """Plan the nearest `op.limit` items after `op.offset`, or `everything` in a large scope.

    `least`: what scores less is left out.
    """
    arguments: list[Any] = [vector, op.limit, op.offset]
    where = f"{context.live()} AND {filter_sql(filter, arguments)}"
    regions = scope.regions(op.namespace_prefix)
    check_one_user(regions, context)
    region = region_condition(regions, arguments, "v")
    where += user_condition(regions, arguments, context)
    kind, refresh = context.vector_index.distance, bool(op.refresh_ttl)

    def decode(rows: Sequence[Row]) -> Decoded[list[ScoredItem]]:
        if rows[0][-1]:
            return Decoded([], instead=everything())
        found: Decoded[list[ScoredItem]] = Decoded([])
        for position, row in enumerate(rows, op.offset + 1):
            if row[2] is None:  # the row that says so when there is none
                continue
            score = score_of(row[8], kind)
            if least is None or score >= least:
                ranking = {
                    "score": score,
                    "scored_by": kind,
                    "vector_rank": position,
                    "similarity": score,
                }
                add_found(row, scope, refresh, found, **ranking)
        return found

    # A filter may have to look at every part; a page of no great length is over soon.
    shared = not op.filter and op.limit + op.offset <= SMALL
    queue = Queue.SHARED if shared else Queue.EQUAL_READS
    sql = _vector_small_sql(region, where, context)
    opened = with_opened_values(decode, 3, first_columns, context)
    users = users_of_regions(regions)
    return Statement(
        sql, tuple(arguments), opened, queue=queue, users=users, user_column=0, kind="search_vector"
    )


def _vector_small_sql(region: str, where: str, context: SqlContext) -> str:
    vectors = context.vectors
    return f"""
SELECT found.*, scope.large
  -- OFFSET 0: in a batch, the server would look again for each row that is found.
  FROM (SELECT EXISTS (SELECT 1 FROM {vectors} v WHERE {region} OFFSET {SMALL}) AS large
        OFFSET 0) scope
  LEFT JOIN LATERAL (
    SELECT p.user_id, p.namespace, p.key, i.value, i.created_at, i.updated_at, i.expires_at,
           i.refreshed, p.distance
      FROM (SELECT v.user_id, v.namespace, v.key, v.version,
                   min({distance_sql(context).exact}) AS distance
              FROM {vectors} v
             WHERE NOT scope.large AND {region} AND v.embedding IS NOT NULL
             GROUP BY v.user_id, v.namespace, v.key, v.version
             ORDER BY distance, v.user_id, v.namespace, v.key) p
     CROSS JOIN LATERAL (
           SELECT i.value, i.created_at, i.updated_at, i.expires_at, {REFRESHED} AS refreshed
             FROM {context.tables.item} i
            WHERE {same_key("i", "p")} AND i.version = p.version AND {where} OFFSET 0) i
     LIMIT $2 OFFSET $3) found ON true"""


def score_of(distance: float, kind: Distance) -> float:
    """Return the score of a distance: cosine similarity, negative distance or inner product."""
    return 1 - distance if kind == "cosine" else -distance
