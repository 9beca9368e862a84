"""Search by a query: lists of the nearest and of the best matching items, ranked and paged.

A list is in `vector.py` (vectors) or `text.py` (words). Where a score reorders a list (hybrid,
recency) it does so among the first of each, as many as `scores.py` says; the rest follows in the
list's own order, so that the pages of a search are one sequence, however deep one goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from langgraph.store.base import SearchOp

from ...model.bigrams import QueryWord, words_at
from ...model.users import Region, Scope, users_of_regions
from ...results import Explanation, ScoredItem
from ..filters import Filter, filter_sql
from ..item_columns import same_key
from ..items.expiry import REFRESHED
from ..region_condition import check_one_user, region_condition, user_condition
from ..sealing import first_columns, with_opened_values
from ..statement import Decoded, Queue, Row, SqlContext, Statement
from ..vector_tables import distance_sql
from .options import QueryOptions, add_found
from .scores import FADED_POOL, FUSED_POOL, beyond_sql, order_sql, score_sql
from .text import QUESTION_WEIGHT, kept_sql, matched_sql, word_list_sql, word_query
from .vector import VECTOR_SPAN, vector_list_sql, way_and_reason
from .vector_small import plan_vector_small

_WORDS_REASON = "words are ranked over all items in scope that have one of them"

_VECTOR_LIST = """SELECT user_id, namespace, key, distance, rank AS vector_rank,
                    NULL::bigint AS text_rank, NULL::float8 AS words, NULL::text[] AS lexemes
               FROM vector_list"""

_WORD_LIST = """SELECT user_id, namespace, key, NULL::float8 AS distance,
                    NULL::bigint AS vector_rank,
                    row_number() OVER (ORDER BY score DESC, user_id, namespace, key) AS text_rank,
                    score AS words, lexemes
               FROM word_list"""

_UNINDEXED = """
     UNION ALL
    SELECT user_id, namespace, key, updated_at, NULL, NULL, NULL, NULL, NULL, NULL, true
      FROM unindexed"""


def plan_query(
    op: SearchOp,
    filter: Filter,
    options: QueryOptions,
    vector: bytes | None,
    scope: Scope,
    context: SqlContext,
) -> Statement[list[ScoredItem]]:
    """Plan the search for `op.limit` items after `op.offset`; `vector` unless mode is "text"."""
    everything = partial(plan_query_anywhere, op, filter, options, vector, scope, context)
    by_distance = options.mode == "vector" and options.recency_half_life_days is None
    if vector is None or not by_distance or options.include_unindexed:
        return everything()
    return plan_vector_small(
        op, filter, vector, scope, context, least=_least_of_vectors(options), everything=everything
    )


def plan_query_anywhere(
    op: SearchOp,
    filter: Filter,
    options: QueryOptions,
    vector: bytes | None,
    scope: Scope,
    context: SqlContext,
) -> Statement[list[ScoredItem]]:
    """Plan a search by one statement that serves scopes of any size and all options.

    Raises:
        DistributedError: it spans users whose items are on several nodes.
    """
    check_one_user(scope.regions(op.namespace_prefix), context)
    arguments: list[Any] = [] if vector is None else [vector]
    sql = _QuerySql(op, filter, options, scope.regions(op.namespace_prefix), context, arguments)
    scored_by = _scored_by(options, context)
    words = (
        None if options.mode == "vector" else word_query(op.query or "", options.query_syntax).words
    )

    def decode(rows: Sequence[Row]) -> Decoded[list[ScoredItem]]:
        found: Decoded[list[ScoredItem]] = Decoded([])
        for row in rows:
            if row[2] is not None:
                add_found(row, scope, op.refresh_ttl, found, **_ranking_of(row, scored_by, words))
        return found

    opened = with_opened_values(decode, 3, first_columns, context)
    users = users_of_regions(scope.regions(op.namespace_prefix))
    return Statement(
        sql.text(),
        tuple(arguments),
        opened,
        queue=Queue.EQUAL_READS,
        users=users,
        kind=f"search_{options.mode}",
    )


def plan_explanation(
    statement: Statement[Any], options: QueryOptions, context: SqlContext
) -> Statement[Explanation]:
    """Plan the same search, with its way and the reason as its result."""

    def decode(rows: Sequence[Row]) -> Decoded[Explanation]:
        way, reason = "exact", _WORDS_REASON
        if options.mode != "text":
            way, reason = way_and_reason(rows[0][-1], context)
        return Decoded(Explanation(statement.sql.strip(), statement.arguments, way, reason))

    return Statement(
        statement.sql,
        statement.arguments,
        decode,
        queue=Queue.EQUAL_READS,
        users=statement.users,
        kind="explain_search",
    )


def _scored_by(options: QueryOptions, context: SqlContext) -> str:
    if options.mode == "vector":
        return context.vector_index.distance
    return "bm25" if options.mode == "text" else "fused"


def _least_of_vectors(options: QueryOptions) -> float | None:
    """Return the lower bound of a search that scores by similarity alone."""
    bounds = [one for one in (options.min_score, options.min_similarity) if one is not None]
    return max(bounds, default=None)


def _ranking_of(row: Row, scored_by: str, words: Sequence[QueryWord] | None) -> dict[str, Any]:
    """Return the ranking of a row for `ScoredItem`; `words`: of the query, None if none count."""
    score, vector_rank, text_rank, similarity, text_score, matched, _ = row[8:]
    return {
        "score": score,
        "scored_by": scored_by if score is not None else None,
        "vector_rank": vector_rank,
        "text_rank": text_rank,
        "similarity": similarity,
        "text_score": text_score,
        "matched_words": None if words is None else words_at(words, matched or ()),
    }


class _QuerySql:
    """A statement under construction; its arguments are appended as its parts are written."""

    def __init__(
        self,
        op: SearchOp,
        filter: Filter,
        options: QueryOptions,
        regions: Sequence[Region],
        context: SqlContext,
        arguments: list[Any],
    ) -> None:
        self._op, self._options, self._regions, self._rules = op, options, regions, context
        self._arguments = arguments
        self._limit, self._offset = self._append(op.limit), self._append(op.offset)
        self._filter = filter_sql(filter, arguments) if op.filter else None
        self._where = f"{context.live()} AND {self._filter}" if self._filter else context.live()
        self._user = user_condition(regions, arguments, context)
        self._where += self._user
        self._words = word_query(op.query or "", options.query_syntax)
        self._has_vectors = options.mode != "text"
        self._has_words = options.mode != "vector"
        self._reordered = options.mode == "hybrid" or options.recency_half_life_days is not None
        pool = FUSED_POOL if options.mode == "hybrid" else FADED_POOL
        need = f"({self._limit}::bigint + {self._offset}::bigint)"
        if not self._reordered:
            self._depth = need
        elif options.min_score is None:
            self._depth = f"greatest({need}, {pool})"
        else:
            # What scores enough may stand anywhere in a list.
            self._depth = str(2**40)
        # A score that must be high enough may be that of any item; else a page is enough.
        is_page = options.mode == "hybrid" and options.min_score is None
        self._need = need if is_page else self._depth

    def _append(self, argument: Any) -> str:
        self._arguments.append(argument)
        return f"${len(self._arguments)}"

    @property
    def _user_of_vectors(self) -> str:
        return self._user.replace("i.user_id", "v.user_id")

    def text(self) -> str:
        lists = []
        if self._has_vectors:
            lists.append(self._vector_list())
        if self._has_words:
            lists.append(self._word_list())
        if self._has_vectors and self._has_words:
            lists += [VECTOR_SPAN, QUESTION_WEIGHT]
        if self._options.include_unindexed:
            lists.append(self._unindexed())
        way = "(SELECT name FROM way)" if self._has_vectors else "'exact'"
        matched = matched_sql("r.lexemes") if self._has_words else "NULL::integer[]"
        listed = ", ".join(part.strip().rstrip(",") for part in lists)
        return f"""
WITH {listed}, ranked AS (
    {self._ranked()}
), page AS (
    SELECT r.* FROM ranked r WHERE {self._high_enough()} AND {self._similar_enough()}
     ORDER BY {order_sql("r", reordered=self._reordered)} LIMIT {self._limit} OFFSET {self._offset}
)
SELECT r.user_id, r.namespace, r.key, i.value, i.created_at, i.updated_at, i.expires_at,
       {REFRESHED} AS refreshed, r.score, r.vector_rank, r.text_rank,
       {self._similarity()} AS similarity, r.words AS text_score,
       {matched} AS matched, {way} AS way
  FROM (SELECT 1) one
  LEFT JOIN (page r JOIN {self._rules.tables.item} i
             ON {same_key("i", "r")}{self._user}) ON true
 ORDER BY {order_sql("r", reordered=self._reordered)}"""

    def _vector_list(self) -> str:
        where = self._where
        if self._has_words:
            # What must and what must not be there holds for both lists.
            where += f" AND {kept_sql(self._words, self._rules, self._arguments)}"
        return vector_list_sql(
            self._regions,
            where,
            self._filter,
            self._depth,
            self._rules,
            self._arguments,
            need=self._need,
            spanned=self._has_words,
        )

    def _word_list(self) -> str:
        region = region_condition(self._regions, self._arguments)
        return word_list_sql(
            self._words,
            f"{region} AND {self._where}",
            self._depth,
            self._rules,
            self._arguments,
        )

    def _unindexed(self) -> str:
        """Return the CTE of items in scope that nothing finds, so that no list has them."""
        context = self._rules
        region = region_condition(self._regions, self._arguments)
        without = []
        if self._has_vectors:
            without.append(
                f"""NOT EXISTS (SELECT 1 FROM {context.vectors} v
                        WHERE {same_key("v", "i")}{self._user_of_vectors}
                          AND v.version = i.version
                          AND v.embedding IS NOT NULL)"""
            )
        if self._has_words:
            without.append("coalesce(i.word_count, 0) = 0")
        return f"""unindexed AS MATERIALIZED (
    SELECT i.user_id, i.namespace, i.key, i.updated_at
      FROM {context.tables.item} i
     WHERE {region} AND {self._where} AND {" AND ".join(without)}
     ORDER BY i.updated_at DESC, i.user_id, i.namespace, i.key LIMIT {self._depth}
)"""

    def _ranked(self) -> str:
        """Return the SELECT of item id, score, ranks and `tail`: whether it follows the pool."""
        lists = [_VECTOR_LIST] if self._has_vectors else []
        lists += [_WORD_LIST] if self._has_words else []
        together = "\n             UNION ALL\n             ".join(lists)
        tail = beyond_sql(self._options.mode) if self._reordered else "false"
        unindexed = _UNINDEXED if self._options.include_unindexed else ""
        days = self._options.recency_half_life_days
        half_life = None if days is None else f"{self._append(days)}::float8"
        score = score_sql(self._options.mode, half_life, self._rules)
        return f"""SELECT user_id, namespace, key, updated_at, {score} AS score,
           vector_rank, text_rank, distance, words, lexemes, {tail} AS tail
      FROM (SELECT user_id, namespace, key, {self._updated_at()} AS updated_at,
                   min(distance) AS distance, min(vector_rank) AS vector_rank,
                   min(text_rank) AS text_rank, max(words) AS words, max(lexemes) AS lexemes
              FROM ({together}) listed
             GROUP BY user_id, namespace, key) merged{unindexed}"""

    def _updated_at(self) -> str:
        """Return the time of the update, which only a fading score needs."""
        if self._options.recency_half_life_days is None:
            return "NULL::timestamptz"
        return f"""(SELECT i.updated_at FROM {self._rules.tables.item} i
                     WHERE {same_key("i", "listed")}{self._user})"""

    def _high_enough(self) -> str:
        if self._options.min_score is None:
            return "true"
        return f"r.score >= {self._append(self._options.min_score)}::float8"

    def _similar_enough(self) -> str:
        """Return the condition on similarity; it cuts the end of the list, which gets no deeper."""
        if self._options.min_similarity is None:
            return "true"
        return f"{self._similarity()} >= {self._append(self._options.min_similarity)}::float8"

    def _similarity(self) -> str:
        """Return the similarity of an item's vector; measured now if only its words were found."""
        if not self._has_vectors:
            return "NULL::float8"
        context, distance = self._rules, distance_sql(self._rules)
        listed = distance.score.replace("distance", "r.distance")
        if not self._has_words:
            return f"({listed})"
        return f"""coalesce({listed}, (
           SELECT max({distance.score})
             FROM (SELECT {distance.exact} AS distance
                     FROM {context.vectors} v JOIN {context.tables.item} i
                          USING (user_id, namespace, key, version)
                    WHERE {same_key("v", "r")}{self._user}{self._user_of_vectors}
                      AND v.embedding IS NOT NULL) measured))"""
