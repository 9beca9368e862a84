"""Searches as of a moment, by filters and words: what was found then, not what is there now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from langgraph.store.base import SearchItem

from ...model.namespaces import decode_labels
from ...model.users import Region, Scope, users_of_regions
from ...sql.filters import Filter, filter_sql
from ...sql.item_columns import key_of, same_key
from ...sql.region_condition import region_condition
from ...sql.search.text import WordQuery, quoted_sql
from ...sql.statement import Decoded, Queue, Row, SqlContext, Statement
from .reading_sql import KNOWN_SINCE, covered_sql, not_kept, opened_value

_FOUND_COLUMNS = ("value", "created_at", "updated_at", "expires_at", "words")


def plan_search_as_of(
    regions: Sequence[Region],
    as_of: datetime,
    filter: Filter,
    words: WordQuery | None,
    page: tuple[int, int],
    scope: Scope,
    context: SqlContext,
) -> Statement[list[SearchItem]]:
    """Plan the search; `page` is limit and offset. With words, the best `ts_rank` comes first."""
    arguments: list[Any] = [as_of, *page]
    former, present = [region_condition(regions, arguments, alias) for alias in ("h", "i")]
    matched, score = "true", "NULL::float8"
    asked = ""
    if words is not None:
        asked, matched = _asked(words, context, arguments), "i.words @@ a.words"
        score = "ts_rank(i.words, a.words)::float8"
    found = f"""
        SELECT {key_of("i")}, i.value, i.created_at, i.updated_at, {score} AS score
          FROM present i{asked}
         WHERE {covered_sql("i.namespace")}
           AND {filter_sql(filter, arguments)} AND {matched}
         ORDER BY score DESC NULLS LAST, i.updated_at DESC, {key_of("i")}
         LIMIT $2 OFFSET $3"""
    sql = _sql_then(found, former, present, context)

    def decode(rows: Sequence[Row]) -> Decoded[list[SearchItem]]:
        if not rows or not rows[0][0]:
            raise not_kept(as_of, rows[0][1] if rows else None)
        return Decoded([_item_then(row[2:], scope, context) for row in rows if row[2] is not None])

    users = users_of_regions(regions)
    return Statement(
        sql,
        tuple(arguments),
        decode,
        queue=Queue.EQUAL_READS,
        users=users,
        user_column=2,
        kind="search_as_of",
    )


def _sql_then(found: str, former: str, present: str, context: SqlContext) -> str:
    return f"""
WITH former AS MATERIALIZED (
    -- The first change after the moment has what was there at it.
    SELECT DISTINCT ON ({key_of("h")}) h.*
      FROM {context.tables.named("item_history")} h
     WHERE {former} AND h.changed_at > $1
     ORDER BY {key_of("h")}, h.changed_at, h.seq
), present AS (
    SELECT {_columns("h")} FROM former h
     WHERE h.version IS NOT NULL AND (h.expires_at > $1) IS NOT FALSE
     UNION ALL
    SELECT {_columns("i")} FROM {context.tables.item} i
     WHERE {present} AND (i.expires_at > $1) IS NOT FALSE
       AND NOT EXISTS (SELECT 1 FROM former h WHERE {same_key("h", "i")})
)
SELECT $1 >= {KNOWN_SINCE}, {KNOWN_SINCE}, i.*
  FROM {context.tables.named("history_rule")} r LEFT JOIN LATERAL ({found}) i ON true
 ORDER BY score DESC NULLS LAST, i.updated_at DESC, {key_of("i")}"""


def _columns(alias: str) -> str:
    return ", ".join([key_of(alias), *(f"{alias}.{name}" for name in _FOUND_COLUMNS)])


def _asked(words: WordQuery, context: SqlContext, arguments: list[Any]) -> str:
    """Return the FROM item `a`: any of the words of the query, as a tsquery."""
    arguments.append([word.text for word in words.words])
    language = f"'{context.searched.language}'::regconfig"
    return f""" CROSS JOIN (
               SELECT string_agg({quoted_sql("lexeme")}, ' | ')::tsquery AS words
                 FROM unnest(${len(arguments)}::text[]) w (word)
                CROSS JOIN unnest(tsvector_to_array(to_tsvector({language}, w.word)))
                     AS l (lexeme)) a"""


def _item_then(row: Row, scope: Scope, context: SqlContext) -> SearchItem:
    user_id, stored, key, value, created_at, updated_at, score = row
    return SearchItem(
        scope.labels(user_id, decode_labels(stored)),
        key,
        scope.value(opened_value((user_id, stored, key), value, context)),
        created_at,
        updated_at,
        score,
    )
