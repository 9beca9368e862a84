"""Search by words where there are too many items to rank all: a bounded choice, ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..model.users import Region, Scope, users_of_regions
from ..results import ScoredItem
from ..sql.filters import Filter, filter_sql
from ..sql.item_columns import same_key
from ..sql.region_condition import region_condition
from ..sql.sealing import first_columns, with_opened_values
from ..sql.search.options import add_found
from ..sql.search.text import WordQuery, lexemes_sql, quoted_sql
from ..sql.statement import Decoded, Query, Queue, Row, SqlContext, Statement

MOST_RANKED_WHOLE = 50_000
"""Items in scope up to which the store's own search ranks all that have a word."""

MOST_CHOSEN = 1_000
"""Items that are chosen, and then ranked."""


@dataclass(frozen=True, slots=True)
class ScopeSize:
    """The size of a scope: whether it is too large to rank whole, and vectors have an index."""

    is_large: bool
    is_approximate: bool

    @property
    def is_measured_in_time(self) -> bool:
        """Tell whether a search by vectors takes a bounded time."""
        return self.is_approximate or not self.is_large


def scope_size_query(regions: Sequence[Region]) -> Query[ScopeSize]:
    """Return the question how large the regions are; only an open store knows its index."""
    return Query(
        None,
        lambda context, _: _plan_scope_size(regions, context),
        users=users_of_regions(regions),
        kind="count_items",
    )


def _plan_scope_size(regions: Sequence[Region], context: SqlContext) -> Statement[ScopeSize]:
    arguments: list[Any] = []
    region = region_condition(regions, arguments)
    sql = f"""
SELECT EXISTS (SELECT 1 FROM {context.tables.item} i WHERE {region} OFFSET {MOST_RANKED_WHOLE})"""
    return Statement(
        sql,
        tuple(arguments),
        lambda rows: Decoded(ScopeSize(rows[0][0], context.approximate)),
        queue=Queue.EQUAL_READS,
        users=users_of_regions(regions),
        kind="count_items",
    )


def plan_some_with_words(
    query: WordQuery,
    filter: Filter,
    regions: Sequence[Region],
    limit: int,
    scope: Scope,
    context: SqlContext,
) -> Statement[list[ScoredItem]]:
    """Plan the read of items that have all words of a query, or else any; the best rank first.

    Required phrases and excluded words do not count. The rank is that of `ts_rank`.
    """
    arguments: list[Any] = [limit]
    chosen = _chosen_sql(query, regions, context, arguments)
    item, passes = context.tables.item, filter_sql(filter, arguments)
    sql = f"""{chosen}
SELECT i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at, i.expires_at,
       NULL, c.rank
  FROM (SELECT * FROM with_all UNION ALL SELECT * FROM with_any) c
  JOIN {item} i ON {same_key("i", "c")}
 WHERE {passes}
 ORDER BY c.rank DESC, i.user_id, i.namespace, i.key
 LIMIT $1"""

    def decode(rows: Sequence[Row]) -> Decoded[list[ScoredItem]]:
        found: Decoded[list[ScoredItem]] = Decoded([])
        words = tuple(word.text for word in query.words)
        for row in rows:
            ranking = {"score": row[8], "scored_by": "ts_rank", "matched_words": words}
            add_found(row, scope, False, found, **ranking)
        return found

    return Statement(
        sql,
        tuple(arguments),
        with_opened_values(decode, 3, first_columns, context),
        queue=Queue.EQUAL_READS,
        users=users_of_regions(regions),
        kind="search_text",
    )


def _chosen_sql(
    query: WordQuery, regions: Sequence[Region], context: SqlContext, arguments: list[Any]
) -> str:
    """Return CTEs: `with_all` has items with all words, `with_any`, if none has, with any."""
    region = region_condition(regions, arguments)
    lexeme = f"{quoted_sql('lexeme')} || CASE WHEN beginning THEN ':*' ELSE '' END"

    def chosen(words: str, condition: str) -> str:
        return f"""SELECT c.* FROM asked CROSS JOIN LATERAL (
        SELECT i.user_id, i.namespace, i.key, ts_rank(i.words, asked.{words}) AS rank
          FROM {context.tables.item} i
        -- Within CASE no index serves the region: of its items too many have to be looked at.
         WHERE i.words @@ asked.{words} AND CASE WHEN {region} THEN {context.live()} ELSE false END
           AND {condition}
         LIMIT {MOST_CHOSEN}) c"""

    return f"""
WITH lexemes AS MATERIALIZED (
    {lexemes_sql(query, context, arguments)}
), asked AS MATERIALIZED (
    SELECT string_agg({lexeme}, ' & ')::tsquery AS every,
           string_agg({lexeme}, ' | ')::tsquery AS some
      FROM lexemes
), with_all AS MATERIALIZED (
    {chosen("every", "true")}
), with_any AS MATERIALIZED (
    {chosen("some", "NOT (SELECT EXISTS (SELECT 1 FROM with_all))")}
)"""
