"""Text search: the syntax of queries, and BM25 over the documents in scope.

A document is an item's words, as Postgres' text search makes them. Its score is that of Okapi
BM25 with the never negative idf (Robertson and Zaragoza, "The Probabilistic Relevance Framework:
BM25 and Beyond", 2009; the idf as Lucene has it): the sum over the query's words of

    ln(1 + (n - df + 0.5) / (df + 0.5)) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * words / mean))

where n, df and mean are of the items in scope, those that the filter lets through.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from ...config.search_index import QuerySyntax, SearchMode
from ...model.bigrams import QueryWord, last_characters, query_words, spaced
from ...model.identifiers import with_identifiers
from ..statement import SqlContext

LONGEST_QUERY = 10_000
"""Characters of a query whose words count; what comes after them is for the model alone."""

MOST_CHARACTERS = 2**20
"""Of a query at all; a longer one is refused."""

MOST_WORDS = 256
"""The first words, and as many phrases, of a query; each costs a look into the index."""

# Full-width signs are what keyboards for Chinese and Japanese write.
_QUESTION = re.compile(
    r"^\W*(who|whom|whose|what|when|where|which|why|how)\b|[?\uff1f\u061f\u037e][\s\"'”’)]*$", re.I
)
_TOKEN = re.compile(r'([-－]?)["＂]([^"＂]*)["＂]?|(\S+)')


@dataclass(frozen=True)
class WordQuery:
    """A query in the syntax of web search, taken apart.

    Any of the words in `wanted` may match; every phrase in `required` must, and nothing in
    `excluded` may.
    """

    wanted: str
    required: tuple[str, ...]
    excluded: tuple[str, ...]

    @cached_property
    def words(self) -> tuple[QueryWord, ...]:
        """The words of `wanted`."""
        return query_words(self.wanted)[:MOST_WORDS]


def is_blank(query: object) -> bool:
    """Return whether a query is empty or has only white space and punctuation."""
    return not query or (
        isinstance(query, str)
        and len(query) <= MOST_CHARACTERS
        and all(sign.isspace() or unicodedata.category(sign)[0] in "PZ" for sign in query)
    )


def parse_words(query: str) -> WordQuery:
    """Parse a query: "a phrase" is required, -word is excluded, any other word may match."""
    wanted: list[str] = []
    required: list[str] = []
    excluded: list[str] = []
    for minus, phrase, word in _TOKEN.findall(query[:LONGEST_QUERY]):
        if word.startswith(("-", "－")) and len(word) > 1:
            excluded.append(word[1:])
        elif word:
            wanted.append(word)
        elif minus and phrase.strip():
            excluded.append(phrase)
        elif phrase.strip():
            wanted.append(phrase)
            required.append(phrase)
    phrases = [tuple(islice(dict.fromkeys(each), MOST_WORDS)) for each in (required, excluded)]
    return WordQuery(" ".join(wanted), *phrases)


def plain_words(query: str) -> WordQuery:
    """Parse a query of which any word may match."""
    return WordQuery(query[:LONGEST_QUERY], (), ())


def word_query(query: str, syntax: QuerySyntax) -> WordQuery:
    """Parse a query in a syntax; "auto" is "plain" for a question, else "web".

    A title in the quotes of a question is something to look for, not something to require.
    """
    is_plain = syntax == "plain" or (syntax == "auto" and is_question(query))
    return plain_words(query) if is_plain else parse_words(query)


def is_question(query: str) -> bool:
    """Return whether a query ends with a question mark, or begins with an English question word."""
    return bool(_QUESTION.search(query[:LONGEST_QUERY]))


def text_to_embed(query: str, mode: SearchMode, syntax: QuerySyntax) -> str | None:
    """Return the text to embed: of a hybrid query without quotes and what it excludes."""
    if mode == "text":
        return None
    return query if mode == "vector" else word_query(query, syntax).wanted or query


def word_list_sql(
    query: WordQuery, where: str, depth: str, context: SqlContext, arguments: list[Any]
) -> str:
    """Return CTEs; the last, `word_list`, has id, score and lexemes of the best `depth` items.

    `where`: a condition on `i` that the items in scope meet. `lexemes`: those of the query that
    the item has; CTE `query_words` tells to which of the query's words they belong.
    """
    ranking = context.searched.ranking
    score = bm25_sql("h.tf", "h.word_count", ranking.k1, ranking.b)
    return f"""{word_hits_sql(query, where, context, arguments)}, word_list AS MATERIALIZED (
    SELECT h.user_id, h.namespace, h.key,
           sum({score}) AS score, array_agg(h.lexeme) AS lexemes
      FROM hits h JOIN weights w USING (lexeme) CROSS JOIN totals t
     WHERE h.kept
     GROUP BY h.user_id, h.namespace, h.key
     ORDER BY score DESC, h.user_id, h.namespace, h.key
     LIMIT {depth}
)"""


def word_hits_sql(query: WordQuery, where: str, context: SqlContext, arguments: list[Any]) -> str:
    """Return CTEs: `hits` has each word of the query in each item in scope, and how often.

    `totals` has the number of items in scope and their mean length in words; `weights` the idf of
    each word.
    """
    item = context.tables.item
    return f"""{_query_words_sql(query, context, arguments)},
{_hits_sql(query, where, context, arguments)}, totals AS MATERIALIZED (
    SELECT count(*) AS n, greatest(avg(i.word_count), 1)::float8 AS mean
      FROM {item} i
     WHERE {where} AND i.words IS NOT NULL
), weights AS MATERIALIZED (
    SELECT h.lexeme, ln(1 + (totals.n - count(*) + 0.5) / (count(*) + 0.5))::float8 AS idf
      FROM hits h CROSS JOIN totals GROUP BY h.lexeme, totals.n
)"""


QUESTION_WEIGHT = """question_weight AS MATERIALIZED (
    -- A word that no item has weighs most: what is asked for in other words is found by vectors.
    SELECT sum(coalesce(w.idf, ln(1 + (t.n + 0.5) / 0.5))) AS idf
      FROM lexemes l LEFT JOIN weights w USING (lexeme) CROSS JOIN totals t
)"""
"""The CTE of what all words of the query weigh, behind those of `word_hits_sql`."""


def bm25_sql(frequency: str, words: str, k1: float, b: float) -> str:
    """Return the score of a word `w` of `weights` in an item; `t` is `totals`."""
    return f"""w.idf * {frequency} * {k1 + 1!r}::float8
               / ({frequency} + {k1!r}::float8 * ({1 - b!r} + {b!r}::float8 * {words} / t.mean))
           """


def quoted_sql(lexeme: str) -> str:
    """Return a lexeme in the form that tsquery reads: in quotes."""
    return rf"""'''' || replace(replace({lexeme}, '\', '\\'), '''', '''''') || ''''"""


def matched_sql(lexemes: str) -> str:
    """Return the positions in `WordQuery.words` of the words that have one of these lexemes."""
    return f"""(SELECT array_agg(q.position ORDER BY q.position)
          FROM query_words q WHERE q.lexemes && {lexemes})"""


def _query_words_sql(query: WordQuery, context: SqlContext, arguments: list[Any]) -> str:
    """Return CTE `query_words`: each word of the query with its lexemes."""
    arguments.append([with_identifiers(word.text) for word in query.words])
    language = _language_sql(context)
    return f"""query_words AS MATERIALIZED (
    SELECT position::integer, tsvector_to_array(to_tsvector({language}, word)) AS lexemes
      FROM unnest(${len(arguments)}::text[]) WITH ORDINALITY AS q (word, position)
)"""


def _hits_sql(query: WordQuery, where: str, context: SqlContext, arguments: list[Any]) -> str:
    """Return CTEs; the last, `hits`, has each word of the query in each item in scope."""
    beginnings = any(word.alone for word in query.words)
    counted = _COUNTED_BEGINNINGS if beginnings else _COUNTED
    ending = "|| CASE WHEN beginning THEN ':*' ELSE '' END" if beginnings else ""
    return f"""lexemes AS MATERIALIZED (
    {lexemes_sql(query, context, arguments)}
), asked AS MATERIALIZED (
    -- Any of the words: a question is not a conjunction.
    SELECT array_agg(lexeme) AS lexemes,
           string_agg({quoted_sql("lexeme")}{ending}, ' | ')::tsquery AS words
      FROM lexemes
), hits AS MATERIALIZED (
    SELECT i.user_id, i.namespace, i.key, i.word_count, i.kept, t.lexeme, t.tf
      FROM asked
     CROSS JOIN LATERAL (
           SELECT i.user_id, i.namespace, i.key, i.word_count, i.words,
                  {kept_sql(query, context, arguments)} AS kept
             FROM {context.tables.item} i
            WHERE {where} AND i.words @@ asked.words OFFSET 0) i
     CROSS JOIN LATERAL ({counted}) t
)"""


_COUNTED = """
           SELECT u.lexeme, cardinality(u.positions) AS tf
             FROM unnest(i.words) u WHERE u.lexeme = ANY (asked.lexemes)"""

_COUNTED_BEGINNINGS = """
           SELECT l.lexeme, sum(cardinality(u.positions)) AS tf
             FROM unnest(i.words) u
             JOIN lexemes l ON u.lexeme = l.lexeme
                            OR l.beginning AND starts_with(u.lexeme, l.lexeme)
            GROUP BY l.lexeme"""


def lexemes_sql(query: WordQuery, context: SqlContext, arguments: list[Any]) -> str:
    """Return the lexemes that match; `beginning`: so does a word that begins with the lexeme."""

    def lexemes(alone: bool) -> str:
        chosen = (word.text for word in query.words if word.alone == alone)
        arguments.append(with_identifiers(" ".join(chosen)))
        words = f"to_tsvector({_language_sql(context)}, ${len(arguments)}::text)"
        return f"""SELECT lexeme, {str(alone).lower()} AS beginning
      FROM unnest(tsvector_to_array({words})) AS lexeme"""

    kinds = sorted({word.alone for word in query.words} | {False})
    return "\n     UNION ALL\n    ".join(map(lexemes, kinds))


def counted_sql(words: str, query: WordQuery) -> str:
    """Return the SELECT of how often some words have each of `lexemes`, by number."""
    same = "u.lexeme = l.lexeme"
    if any(word.alone for word in query.words):
        return f"""
           SELECT l.number, sum(cardinality(u.positions)) AS tf
             FROM unnest({words}) u
             JOIN lexemes l ON {same} OR l.beginning AND starts_with(u.lexeme, l.lexeme)
            GROUP BY l.number"""
    return f"""
           SELECT array_position((SELECT lexemes FROM asked), u.lexeme) AS number,
                  cardinality(u.positions) AS tf
             FROM unnest({words}) u WHERE u.lexeme = ANY ((SELECT lexemes FROM asked)::text[])"""


def kept_sql(query: WordQuery, context: SqlContext, arguments: list[Any]) -> str:
    """Return the condition that an item has all required phrases and nothing excluded."""
    conditions = []
    if query.required:
        phrases = _phrases(query.required, context, arguments)
        conditions.append(f"coalesce(i.words @@ ALL ({phrases}), false)")
    if query.excluded:
        phrases = _phrases(query.excluded, context, arguments)
        conditions.append(f"NOT coalesce(i.words @@ ANY ({phrases}), false)")
    return " AND ".join(conditions) or "true"


def _phrases(phrases: Sequence[str], context: SqlContext, arguments: list[Any]) -> str:
    """Return an array of the phrases as tsquery, without those of stop words alone."""
    arguments.append([spaced(phrase) for phrase in phrases])
    given = f"${len(arguments)}::text[]"
    phrase = f"phraseto_tsquery({_language_sql(context)}, given)"
    if lasts := [last for phrase in phrases for last in last_characters(phrase)]:
        # A phrase may end within a run: a word that begins with its last character will do.
        arguments.append(f"'({'|'.join(lasts)})'")
        pattern = f"${len(arguments)}::text"
        phrase = rf"""LATERAL (
                       SELECT regexp_replace({phrase}::text, {pattern}, '''\1'':*', 'g')::tsquery
                              AS phrase)"""
    return f"""(SELECT coalesce(array_agg(phrase), '{{}}')
                  FROM unnest({given}) AS given
                 CROSS JOIN {phrase} AS phrases (phrase)
                 WHERE numnode(phrase) > 0)::tsquery[]"""


def _language_sql(context: SqlContext) -> str:
    return f"'{context.searched.language}'::regconfig"
