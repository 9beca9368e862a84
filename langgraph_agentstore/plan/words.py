"""Text search: what a query asks for, and BM25 over the documents in scope.

A document is an item's words, as Postgres' text search makes them. Its score is that of Okapi
BM25 with the never negative idf (Robertson and Zaragoza, "The Probabilistic Relevance Framework:
BM25 and Beyond", 2009; the idf as Lucene has it): the sum over the query's words of

    ln(1 + (n - df + 0.5) / (df + 0.5)) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * words / mean))

where n, df and mean are of the items in scope, those that the filter lets through.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..index import SearchMode
from .model import Rules

LONGEST_QUERY = 10_000
"""Characters of a query whose words count; what comes after them is for the model alone."""

_TOKEN = re.compile(r'(-?)"([^"]*)"?|(\S+)')


@dataclass(frozen=True, slots=True)
class WordQuery:
    """A query in the syntax of web search, taken apart.

    Any of the words in `wanted` may match; every phrase in `required` must, and nothing in
    `excluded` may.
    """

    wanted: str
    required: tuple[str, ...]
    excluded: tuple[str, ...]


def parse_words(query: str) -> WordQuery:
    """`"a phrase"` is required, `-word` and `-"a phrase"` are excluded; any other may match."""
    wanted: list[str] = []
    required: list[str] = []
    excluded: list[str] = []
    for minus, phrase, word in _TOKEN.findall(query[:LONGEST_QUERY]):
        if word.startswith("-") and len(word) > 1:
            excluded.append(word[1:])
        elif word:
            wanted.append(word)
        elif minus and phrase.strip():
            excluded.append(phrase)
        elif phrase.strip():
            wanted.append(phrase)
            required.append(phrase)
    return WordQuery(
        " ".join(wanted), tuple(dict.fromkeys(required)), tuple(dict.fromkeys(excluded))
    )


def text_to_embed(query: str, mode: SearchMode) -> str | None:
    """What a model is to see of a query: of a hybrid one not what it excludes, nor its quotes."""
    if mode == "text":
        return None
    return query if mode == "vector" else parse_words(query).wanted or query


def word_list_sql(
    query: WordQuery, where: str, depth: str, rules: Rules, arguments: list[Any]
) -> str:
    """CTEs of which the last, `word_list`, has the best `depth` items: triple and score.

    `where`: a condition on `i` that the items in scope meet.
    """
    k1, b = rules.searched.ranking.k1, rules.searched.ranking.b
    item = rules.tables.item
    return f"""{_hits_sql(query, where, rules, arguments)}, totals AS MATERIALIZED (
    SELECT count(*) AS n, greatest(avg(i.word_count), 1)::float8 AS mean
      FROM {item} i
     WHERE {where} AND i.words IS NOT NULL
), weights AS MATERIALIZED (
    SELECT h.lexeme, ln(1 + (totals.n - count(*) + 0.5) / (count(*) + 0.5))::float8 AS idf
      FROM hits h CROSS JOIN totals GROUP BY h.lexeme, totals.n
), word_list AS MATERIALIZED (
    SELECT h.user_id, h.namespace, h.key,
           sum(w.idf * h.tf * {k1 + 1!r}::float8
               / (h.tf + {k1!r}::float8 * ({1 - b!r} + {b!r}::float8 * h.word_count / t.mean))
           ) AS score
      FROM hits h JOIN weights w USING (lexeme) CROSS JOIN totals t
     WHERE h.kept
     GROUP BY h.user_id, h.namespace, h.key
     ORDER BY score DESC, h.user_id, h.namespace, h.key
     LIMIT {depth}
)"""


def _hits_sql(query: WordQuery, where: str, rules: Rules, arguments: list[Any]) -> str:
    """CTEs of which the last, `hits`, has each word of the query in each item in scope."""
    language = _language(rules)
    arguments.append(query.wanted)
    wanted = f"${len(arguments)}::text"
    return f"""lexemes AS MATERIALIZED (
    SELECT lexeme
      FROM unnest(tsvector_to_array(to_tsvector({language}, {wanted}))) AS lexeme
), asked AS MATERIALIZED (
    -- Any of the words: a question is not a conjunction.
    SELECT array_agg(lexeme) AS lexemes,
           string_agg('''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''',
                      ' | ')::tsquery AS words
      FROM lexemes
), hits AS MATERIALIZED (
    SELECT i.user_id, i.namespace, i.key, i.word_count, i.kept,
           t.lexeme, cardinality(t.positions) AS tf
      FROM asked
     CROSS JOIN LATERAL (
           SELECT i.user_id, i.namespace, i.key, i.word_count, i.words,
                  {kept_sql(query, rules, arguments)} AS kept
             FROM {rules.tables.item} i
            WHERE {where} AND i.words @@ asked.words OFFSET 0) i
     CROSS JOIN LATERAL unnest(i.words) t
     WHERE t.lexeme = ANY (asked.lexemes)
)"""


def kept_sql(query: WordQuery, rules: Rules, arguments: list[Any]) -> str:
    """Whether an item has the phrases that it must have, and nothing that it must not."""
    conditions = []
    if query.required:
        phrases = _phrases(query.required, rules, arguments)
        conditions.append(f"coalesce(i.words @@ ALL ({phrases}), false)")
    if query.excluded:
        phrases = _phrases(query.excluded, rules, arguments)
        conditions.append(f"NOT coalesce(i.words @@ ANY ({phrases}), false)")
    return " AND ".join(conditions) or "true"


def _phrases(phrases: Sequence[str], rules: Rules, arguments: list[Any]) -> str:
    """An array of what they ask for; one of stop words alone asks for nothing."""
    arguments.append(list(phrases))
    return f"""(SELECT coalesce(array_agg(phrase), '{{}}')
                  FROM unnest(${len(arguments)}::text[]) AS given
                 CROSS JOIN phraseto_tsquery({_language(rules)}, given) AS phrase
                 WHERE numnode(phrase) > 0)::tsquery[]"""


def _language(rules: Rules) -> str:
    return f"'{rules.searched.language}'::regconfig"
