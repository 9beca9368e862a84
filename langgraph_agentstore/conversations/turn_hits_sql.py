"""SQL of the words of a question in a user's turns: one scan, and the turns likely to be best.

The scan notes for each turn which words of the question it has, and counts turns alike in that and
in length as one. That tells all that BM25 needs to know of the scope, and the score of each turn
that has none of its words twice. How often a word occurs is dear to read, so it is read only for
the turns that would be the best ones if all had their words once.
"""

from __future__ import annotations

from typing import Any

from ..sql.search.text import WordQuery, lexemes_sql, quoted_sql
from ..sql.statement import SqlContext

SEEDS, SEEDS_BESIDE_VECTORS = 200, 400
"""Turns whose words count for their neighbors: the best by their own words.

More beside vectors: a turn that is near by its vector is scored without its neighbors' words
otherwise.
"""

READ_PER_SEED = 2.5
"""Turns of which repeated words are counted, to find each seed."""

SLOTS = 8
"""Words of a question that are each looked for by an expression of its own, which is quickest."""

BITS = 40
"""Words of a short question that are looked for."""

SHORT = 16
"""Words of a short question, by spaces: it has few enough lexemes."""


def turn_hits_sql(
    query: WordQuery,
    where: str,
    seeds: int,
    k1_and_b: tuple[float, float],
    context: SqlContext,
    arguments: list[Any],
) -> str:
    """Return CTEs; the last, `likeliest`, has the places of turns and the words that they have.

    Among them are the best `seeds`, as far as is known without the repetitions of words.

    `asked_for` has the words by number, with their idf and how they are found; `asked` all of them
    as one condition; `totals` the number of turns in scope and their mean length in words.
    """
    is_short = len(query.words) <= SHORT
    most, (k1, b) = int(READ_PER_SEED * seeds), k1_and_b
    return f"""{_asked_ctes(lexemes_sql(query, context, arguments), is_short)}, {
        _scan_ctes(f"{context.tables.item} i WHERE {where}", place_sql(context), is_short)
    }, {_LIKELIEST.format(most=most, k1=repr(k1), k2=repr(k1 + 1), b=repr(b), c=repr(1 - b))}"""


def _asked_ctes(lexemes: str, is_short: bool) -> str:
    quoted = f"{quoted_sql('lexeme')} || CASE WHEN beginning THEN ':*' ELSE ':' END"
    return f"""lexemes AS MATERIALIZED (
    SELECT lexeme, beginning, row_number() OVER ()::integer AS number,
           ({quoted} || 'ABCD')::tsquery AS query,
           ({quoted} || 'AD')::tsquery AS head, ({quoted} || 'BD')::tsquery AS tail
      FROM ({lexemes}) l{f" LIMIT {BITS}" if is_short else ""}
), asked AS MATERIALIZED (
    -- Any of the words: a question is not a conjunction.
    SELECT string_agg(query::text, ' | ')::tsquery AS words,
           array_agg(lexeme ORDER BY number) AS lexemes
      FROM lexemes
)"""


def place_sql(context: SqlContext) -> str:
    """Return where a turn `i` is: its row's place, which is no place where there are several nodes.

    There, its key; in the scope of a search no two have the same.
    """
    return context.either("i.ctid", "i.key")


def _scan_ctes(items: str, place: str, is_short: bool) -> str:
    kind, word_count, found, is_hit = _BY_BITS if is_short else _BY_NUMBERS
    return f"""scanned AS MATERIALIZED (
    SELECT {word_count} AS word_count, turns, places,
           ARRAY(SELECT number FROM lexemes WHERE {found} ORDER BY number) AS numbers
      FROM (SELECT kind, count(*) AS turns, array_agg(place) FILTER (WHERE {is_hit}) AS places
              FROM (SELECT {place} AS place, {kind} AS kind
                      FROM {items} AND i.words IS NOT NULL OFFSET 0) i
             -- One expression, of unknown statistics: of two columns the planner expects as many
             -- groups as turns, and sorts all.
             GROUP BY kind) s
)"""


_LIKELIEST = """totals AS MATERIALIZED (
    SELECT coalesce(sum(turns), 0) AS n,
           greatest(sum(turns * word_count) / sum(turns), 1)::float8 AS mean
      FROM scanned
), asked_for AS MATERIALIZED (
    SELECT l.*, ln(1 + (t.n - l.having + 0.5) / (l.having + 0.5))::float8 AS idf
      FROM (SELECT l.*, coalesce((SELECT sum(s.turns) FROM scanned s
                                   WHERE l.number = ANY (s.numbers)), 0) AS having
              FROM lexemes l OFFSET 0) l
     CROSS JOIN totals t
), likeliest AS MATERIALIZED (
    SELECT place, numbers, score
      FROM (SELECT *, sum(turns) OVER (ORDER BY score DESC) - turns AS before
              FROM (SELECT s.numbers, s.places, s.turns,
                           (SELECT sum(w.idf) FROM asked_for w WHERE w.number = ANY (s.numbers))
                           * {k2}::float8 / (1 + {k1}::float8
                               * ({c} + {b}::float8 * s.word_count / t.mean)) AS score
                      FROM scanned s CROSS JOIN totals t WHERE s.places IS NOT NULL) s) s
     CROSS JOIN unnest(places) AS place
     WHERE before < {most}
     ORDER BY score DESC, place DESC LIMIT {most}
)"""


def words_within(words: str, how: str) -> str:
    """Return the numbers of the words of the question that some words have."""
    return f"ARRAY(SELECT a.number FROM lexemes a WHERE {words} @@ a.{how})"


def repeats_sql(words: str, word_count: str, query: WordQuery) -> str:
    """Return whether some words may have a word of the question more than once."""
    if any(word.alone for word in query.words):
        return "true"
    # Speakers have no positions, and so no weight.
    return f"{word_count} > length(ts_filter({words}, '{{a,b,c,d}}'))"


_ALL_BITS = (1 << BITS) - 1


def _slot(number: int) -> str:
    query = f"(SELECT query FROM lexemes WHERE number = {number})"
    return f"CASE WHEN i.words @@ {query} THEN {1 << (number - 1)} ELSE 0 END"


_BY_BITS = (
    f"""i.word_count::bigint << {BITS} | CASE WHEN i.words @@ (SELECT words FROM asked) THEN
           CASE WHEN (SELECT count(*) > {SLOTS} FROM lexemes) THEN
               (SELECT coalesce(bit_or(1::bigint << (a.number - 1)), 0) FROM lexemes a
                 WHERE a.number > {SLOTS} AND i.words @@ a.query)
           ELSE 0 END
           | {(chr(10) + "           | ").join(map(_slot, range(1, SLOTS + 1)))} ELSE 0 END""",
    f"(kind >> {BITS})::integer",
    "kind >> (number - 1) & 1 = 1",
    f"kind & {_ALL_BITS} > 0",
)
_BY_NUMBERS = (
    f"""i.word_count || CASE WHEN i.words @@ (SELECT words FROM asked)
                        THEN {words_within("i.words", "query")} ELSE '{{}}' END""",
    "kind[1]",
    "number = ANY (kind[2:])",
    "cardinality(kind) > 1",
)
