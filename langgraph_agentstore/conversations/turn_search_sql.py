"""SQL of the search of turns: one statement scores words, neighbors, vectors, threads, speakers.

The score of a turn, with the constants below and each part scaled as said there:

    WORDS * words + VECTORS * similarity, scaled + LENGTH * length
    + THREAD * best such score in the thread + SPEAKER if the turn is of the person asked about

`words` is BM25, divided by the weights of all words in the query. So words count less where no turn
has many of them together, as with a long message. A word of the query counts as often as the turn
has it, and in part as often as the ends of its neighbors have it: the tails of the two turns
before, the heads of the two after. The shares are smaller in a long turn. See `model/turn_text.py`
for ends, decision 0027 for the figures.

Neighbors of a turn are found by their keys, since the keys of a thread sort as its turns do. Only
the best turns by their own words, `SEEDS`, pass words on, so that this costs the same for users of
any number of turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..config.search_index import SearchMode
from ..model.identifiers import as_written
from ..model.json_values import as_mapping
from ..model.namespaces import encode_labels
from ..model.users import Address, Region
from ..sql.sealing import with_opened_values, within
from ..sql.search.text import bm25_sql, counted_sql, plain_words, quoted_sql
from ..sql.search.vector import VECTOR_POOL, VECTOR_SPAN, nearness_sql, vector_list_sql
from ..sql.statement import Decoded, Queue, Row, SqlContext, Statement
from ..sql.vector_tables import distance_sql
from .keys import moment_in_key
from .relevance_sql import QUESTION, WORD_SHARE, closeness_sql, typical_sql
from .sql import SECOND_AND_SUFFIX as _SUFFIX
from .sql import before_last_sql, within_thread
from .turn_hits_sql import (
    SEEDS,
    SEEDS_BESIDE_VECTORS,
    place_sql,
    repeats_sql,
    turn_hits_sql,
    words_within,
)
from .turn_query import TurnQuery, names_in
from .turn_scores import TurnScores

K1, B = 1.2, 0.4
"""BM25 of turns: their lengths count less than those of documents."""

WORDS = 1.25
VECTORS = 0.8
LENGTH, LENGTH_BESIDE_VECTORS = 0.4, 0.6
"""What a long enough turn gains. More beside vectors, which short turns are near to by chance."""

THREAD = 0.15
SPEAKER = 0.3

LONG_ENOUGH = 20
"""Words of a turn that is not too short to be an answer."""

FEW_WORDS = 40
"""Words of a turn up to which its neighbors' words count in full."""

AFTER, BEFORE = (0.5, 0.25), (0.35, 0.15)
"""What a word in a turn's tail counts for the next turn and the one after it, and what a word in
its head counts for the turn before and the one before that."""


@dataclass(frozen=True, slots=True)
class FoundTurn:
    """A row of the search: the turn's item and its scores."""

    key: str
    value: dict[str, Any]
    created_at: Any
    scores: TurnScores


def plan_turn_search(
    search: TurnQuery, mode: SearchMode, vector: bytes | None, address: Address, context: SqlContext
) -> Statement[list[FoundTurn]]:
    """Plan a search of turns; `vector` unless `mode` is "text"."""
    arguments: list[Any] = [] if vector is None else [vector]
    sql = _TurnSearchSql(search, mode, address, context, arguments).text()

    def decode(rows: Sequence[Row]) -> Decoded[list[FoundTurn]]:
        return Decoded(
            [
                FoundTurn(row[0], as_mapping(row[1]), row[2], _scores(row, search.query))
                for row in rows
            ]
        )

    here = within(address.user_id, encode_labels(address.labels))
    opened = with_opened_values(decode, 1, here, context)
    return Statement(sql, tuple(arguments), opened, queue=Queue.EQUAL_READS, kind="search_turns")


def _scores(row: Row, query: str) -> TurnScores:
    own, nearby = (as_written(words or (), query) for words in row[14:16])
    parts: list[Any] = [*row[3:14], own, nearby, row[16]]
    return TurnScores(*parts)


class _TurnSearchSql:
    """A statement under construction; its arguments are appended as its parts are written."""

    def __init__(
        self,
        search: TurnQuery,
        mode: SearchMode,
        address: Address,
        context: SqlContext,
        arguments: list[Any],
    ) -> None:
        self._search, self._address, self._context = search, address, context
        self._arguments = arguments
        self._has_vectors, self._has_words = mode != "text", mode != "vector"
        self._query = plain_words(search.query)
        user = self._append(address.user_id)
        namespace = self._append(encode_labels(address.labels))
        self._scope = (
            f"i.user_id = {user}::text AND i.namespace = {namespace}::text AND {context.live()}"
        )
        self._where = self._scope + self._threads() + self._window("i.key")

    def _append(self, argument: Any) -> str:
        self._arguments.append(argument)
        return f"${len(self._arguments)}"

    def _threads(self) -> str:
        conditions = ""
        if self._search.thread_id is not None:
            conditions += (
                f" AND {within_thread(self._search.thread_id, self._arguments, self._context)}"
            )
        if self._search.except_thread_id is not None:
            other = within_thread(self._search.except_thread_id, self._arguments, self._context)
            conditions += f" AND NOT coalesce({other}, false)"
        return conditions

    def _window(self, key: str) -> str:
        """Return the condition on the time of a turn, which is a part of its key."""
        said = f'right({key}, {_SUFFIX}) COLLATE "C"'
        bounds = ((">=", self._search.since), ("<", self._search.until))
        return "".join(
            f" AND {said} {compared} {self._append(moment_in_key(moment))}::text"
            for compared, moment in bounds
            if moment is not None
        )

    def text(self) -> str:
        lists = [self._words(), self._neighbors(), self._names()] if self._has_words else []
        lists += [self._vectors()] if self._has_vectors else []
        score = "b.own + b.thread_best + b.speaker"
        limit = self._append(self._search.limit)
        return f"""
WITH {", ".join(part.strip() for part in lists)}, candidates AS MATERIALIZED (
    {self._candidates()}
), scored AS MATERIALIZED (
    {self._scored()}
), best AS (
    SELECT s.*, CASE WHEN s.words > 0 THEN rank() OVER (ORDER BY s.words DESC) END AS word_rank,
           {THREAD} * max(s.own) OVER (PARTITION BY s.thread) AS thread_best,
           CASE WHEN cardinality(s.names) = 1
                 AND (SELECT count(DISTINCT name) FROM scored, unnest(names) name) = 1
                THEN {SPEAKER}::float8 ELSE 0 END AS speaker
      FROM scored s
), page AS (
    SELECT b.*, {score} AS score
      FROM best b WHERE {self._kept()}
     ORDER BY {score} DESC, b.key DESC LIMIT {limit}
)
SELECT p.key, i.value, i.created_at, p.score, m.own_words, p.words - m.own_words, p.vectors,
       p.length, p.thread_best, p.speaker, p.relevance, p.similarity, p.word_rank, p.vector_rank,
       m.own, m.passed, CASE WHEN p.speaker > 0 THEN substr(p.names[1], 2) END AS speaker_name
  FROM page p CROSS JOIN LATERAL ({self._item_at("p.place", "i.value, i.created_at")}) i
 CROSS JOIN LATERAL (SELECT {self._matched()}) m
 ORDER BY p.score DESC, p.key DESC"""

    def _kept(self) -> str:
        """Return the condition on a turn `b` that the search asks for."""
        conditions = []
        if self._search.min_similarity is not None:
            conditions.append(
                f"b.similarity >= {self._append(self._search.min_similarity)}::float8"
            )
        if self._search.min_relevance is not None:
            conditions.append(f"b.relevance >= {self._append(self._search.min_relevance)}::float8")
        # Neighbors of what was found may be outside of the window.
        return " AND ".join(conditions or ["true"]) + self._window("b.key")

    def _names(self) -> str:
        """Return CTEs: the speakers that the query may name, one by one and as one condition."""
        names = self._append(names_in(self._search.query))
        return f"""names AS MATERIALIZED (
    SELECT name, ({quoted_sql("name")})::tsquery AS query FROM unnest({names}::text[]) AS name
), any_name AS MATERIALIZED (
    SELECT string_agg({quoted_sql("name")}, ' | ')::tsquery AS query FROM names
)"""

    def _words(self) -> str:
        """Return CTEs; the last, `seeds`, has the best turns by their own words.

        See `turn_hits_sql.py` for the first of them.
        """
        seeds = SEEDS_BESIDE_VECTORS if self._has_vectors else SEEDS
        context, arguments = self._context, self._arguments
        hits = turn_hits_sql(self._query, self._where, seeds, (K1, B), context, arguments)
        score = bm25_sql("u.tf", "i.word_count", K1, B)
        repeats = repeats_sql("i.words", "i.word_count", self._query)
        columns = f"i.key, i.word_count, i.words, {repeats} AS repeats"
        return f"""{hits}, {QUESTION}, seeds AS MATERIALIZED (
    SELECT s.*, {words_within("s.words", "head")} AS heads,
           {words_within("s.words", "tail")} AS tails
      FROM (SELECT p.place, i.key, {before_last_sql(_SUFFIX, "NULL")} AS thread, i.word_count,
                   i.words, i.repeats, p.numbers
              FROM likeliest p
             CROSS JOIN totals t
             CROSS JOIN LATERAL ({self._item_at("p.place", columns)}) i
             ORDER BY CASE WHEN i.repeats THEN (
                           SELECT sum({score})
                             FROM ({counted_sql("i.words", self._query)}) u
                             JOIN asked_for w USING (number))
                      ELSE p.score END DESC, i.key DESC LIMIT {seeds}) s
)"""

    def _neighbors(self) -> str:
        """Return CTEs; the last, `frequencies`, has the words of seeds and of their neighbors.

        `passed` has the words in the ends of the seeds, once for each neighbor, with its share.
        """
        counted = counted_sql("o.words", self._query)
        return f"""neighbors AS MATERIALIZED (
    SELECT n.place, n.word_count, n.words, n.share, n.numbers
      FROM seeds s CROSS JOIN LATERAL (
           {self._next_to(is_after=True)}
           UNION ALL
           {self._next_to(is_after=False)}) n
     WHERE left(n.key, -{_SUFFIX}) = s.thread
), own AS MATERIALIZED (
    SELECT place, word_count, words, numbers, repeats FROM seeds
    UNION ALL
    SELECT n.place, n.word_count, n.words, {words_within("n.words", "query")},
           {repeats_sql("n.words", "n.word_count", self._query)}
      FROM (SELECT DISTINCT ON (place) place, word_count, words FROM neighbors
             WHERE words @@ (SELECT words FROM asked)
               -- IS TRUE keeps the planner from comparing row by row where it knows no numbers.
               AND (place IN (SELECT place FROM seeds)) IS NOT TRUE) n
), frequencies AS MATERIALIZED (
    SELECT f.place, f.number, f.word_count, sum(f.own) AS own,
           least(1, {FEW_WORDS}::float8 / greatest(f.word_count, 1)) * sum(f.passed) AS passed
      FROM (SELECT n.place, n.word_count, number, 0 AS own, n.share AS passed
              FROM neighbors n CROSS JOIN unnest(n.numbers) AS number
            UNION ALL
            SELECT o.place, o.word_count, number, 1, 0
              FROM own o CROSS JOIN unnest(o.numbers) AS number WHERE NOT o.repeats
            UNION ALL
            SELECT o.place, o.word_count, u.number, u.tf, 0
              FROM own o CROSS JOIN LATERAL ({counted}) u WHERE o.repeats) f
     GROUP BY f.place, f.number, f.word_count
)"""

    def _item_at(self, place: str, columns: str) -> str:
        """Return the SELECT of the turn at a place, which this statement has found in scope."""
        item = self._context.tables.item
        by_place = f"SELECT {columns} FROM {item} i WHERE i.ctid = {place} OFFSET 0"
        return self._context.either(by_place, self._item_of(place, columns))

    def _item_of(self, key: str, columns: str) -> str:
        """Return the SELECT of the turn of a key, by the whole key of the index: see OFFSET 0."""
        item = self._context.tables.item
        return f"SELECT {columns} FROM {item} i WHERE {self._scope} AND i.key = {key} OFFSET 0"

    def _next_to(self, *, is_after: bool) -> str:
        """Return the SELECT of the nearest keys on a side of the seed `s`, with their shares."""
        # Digits follow the thread's part, so the range has few keys of other threads.
        bound = "> s.key AND i.key < s.thread || ':'"
        order, shares, words = "i.key", AFTER, "s.tails"
        if not is_after:
            bound, order, shares = "< s.key AND i.key > s.thread || '0'", "i.key DESC", BEFORE
            words = "s.heads"
        return f"""SELECT n.place, n.key, n.word_count, n.words, {words} AS numbers,
                  ('{{{", ".join(map(str, shares))}}}'::float8[])[n.nth] AS share
             FROM (SELECT i.*, row_number() OVER (ORDER BY {order}) AS nth
                     FROM (SELECT {place_sql(self._context)} AS place, i.key, i.word_count, i.words
                             FROM {self._context.tables.item} i
                            WHERE {self._scope} AND {words} <> '{{}}' AND i.key {bound}
                            ORDER BY {order} LIMIT {len(shares)}) i) n"""

    def _vectors(self) -> str:
        """Return CTEs; the last, `nearest`, has the nearest turns, scaled from 0 to 1."""
        region = Region(self._address.user_id, self._address.labels)
        near = vector_list_sql(
            [region], self._where, None, str(VECTOR_POOL), self._context, self._arguments
        )
        similarity = distance_sql(self._context).score
        typical = typical_sql(region, self._context, self._arguments)
        return f"""{near}, {typical}, {VECTOR_SPAN}, nearest AS MATERIALIZED (
    SELECT i.place, rank, {similarity} AS similarity, {nearness_sql("distance")} AS nearness,
           {closeness_sql(self._context)} AS closeness
      FROM vector_list v
     CROSS JOIN LATERAL ({self._item_of("v.key", f"{place_sql(self._context)} AS place")}) i
)"""

    def _candidates(self) -> str:
        """Return the SELECT of the turns to score: their words and their similarity."""
        # One list, grouped: the planner would join two lists row by row.
        lists = []
        if self._has_words:
            words = f"{WORDS}::float8 * {bm25_sql('w.tf', 'w.word_count', K1, B)} / q.idf"
            lists.append(f"""SELECT w.place, {words} AS words, {WORD_SHARE} AS share,
                   NULL::bigint, NULL::float8, NULL::float8, NULL::float8
              FROM (SELECT *, own + passed AS tf, (SELECT idfs FROM question)[number] AS idf
                      FROM frequencies) w
             CROSS JOIN totals t CROSS JOIN question q""")
        if self._has_vectors:
            lists.append(
                "SELECT place, NULL::float8, NULL::float8, rank, similarity, nearness, closeness "
                "FROM nearest"
            )
        return f"""SELECT c.place, coalesce(sum(c.words), 0) AS words,
           -- LEAST ignores NULL, which the sum is for a turn that has no word of the query.
           least(coalesce(sum(c.share), 0), 1) AS share, max(c.rank) AS vector_rank,
           max(c.similarity) AS similarity, coalesce(max(c.nearness), 0) AS nearness,
           coalesce(max(c.closeness), 0) AS closeness
      FROM ({" UNION ALL ".join(lists)})
           AS c (place, words, share, rank, similarity, nearness, closeness)
     GROUP BY c.place"""

    def _scored(self) -> str:
        """Return the SELECT of the candidates with the parts of their scores."""
        length, names, relevance = "0::float8", "NULL::text[]", "c.closeness"
        if self._has_words:
            relevance = f"(c.share + {relevance}) / 2" if self._has_vectors else "c.share"
            most = LENGTH_BESIDE_VECTORS if self._has_vectors else LENGTH
            length = (
                f"{most / LONG_ENOUGH}::float8 * least(coalesce(i.word_count, 0), {LONG_ENOUGH})"
            )
            names = """CASE WHEN i.words @@ (SELECT query FROM any_name) THEN (
                        SELECT array_agg(n.name) FROM names n WHERE i.words @@ n.query) END"""
        columns = "i.key, i.words, i.word_count, i.value"
        other = "i.value->>'thread_id'" if self._context.sealing is None else "NULL::text"
        return f"""SELECT c.*, c.words + c.vectors + c.length AS own
      FROM (SELECT c.place, i.key, c.words, {VECTORS}::float8 * c.nearness AS vectors,
                   {length} AS length,
                   {relevance} AS relevance, c.similarity, c.vector_rank, {names} AS names,
                   {before_last_sql(_SUFFIX + 1, other)} AS thread
              FROM candidates c
             CROSS JOIN LATERAL ({self._item_at("c.place", columns)}) i) c"""

    def _matched(self) -> str:
        """Return the part of the score by a turn's own words, and its words of the query."""
        if not self._has_words:
            return "0::float8 AS own_words, NULL AS own, NULL AS passed"
        score, rarest = bm25_sql("w.own", "w.word_count", K1, B), "w.idf DESC, w.lexeme"
        return f"""coalesce(sum({WORDS}::float8 * {score} / q.idf), 0) AS own_words,
                  array_agg(w.lexeme ORDER BY {rarest}) FILTER (WHERE w.own > 0) AS own,
                  array_agg(w.lexeme ORDER BY {rarest}) FILTER (WHERE w.own = 0) AS passed
             FROM (SELECT * FROM frequencies JOIN asked_for USING (number)) w
             CROSS JOIN totals t CROSS JOIN question q WHERE w.place = p.place"""
