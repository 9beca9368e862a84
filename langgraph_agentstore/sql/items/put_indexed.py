"""Puts on a store with an index: one statement writes values, words and vectors.

Vectors belong to one version of their item, and a search looks at no others. So whoever writes
an item without its vectors, or at the same moment, leaves none behind by which it is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...model.turn_text import PIECE_MARK
from ..change_notify import notify_change
from ..item_columns import (
    INDEXED,
    ITEM,
    KEY,
    ONLY_WHERE_ABSENT,
    REPLACE,
    UNLISTED,
    VALUE,
    VECTOR_COUNT,
    arrays,
    assigned,
    given,
    inserted,
    key_of,
    names,
    same_key,
    unnested,
)
from ..statement import Put, PutExpected, SqlContext, columns_of, written_once
from ..vector_tables import REPLACE_PART, VECTOR_COLUMNS, column_type

LARGEST_INDEXED_BATCH = 128
"""Puts with vectors in one statement: every vector costs the index a search of its own."""

_MARK_SQL = f"chr({ord(PIECE_MARK)})"
_GIVEN_INDEXED = given(ITEM)
_CHANGED = tuple(column for column in (*VALUE, *INDEXED) if column.name != "created_at")


def put_indexed_statement(puts: Sequence[Put], context: SqlContext) -> tuple[str, tuple[Any, ...]]:
    """Return the statement for these puts, whose ids differ and which have their vectors."""
    ordered = sorted(puts, key=lambda put: put.item_id)
    return _put_sql(context, _replace(context)), indexed_arguments(ordered, context)


def put_expected_indexed_statement(
    expected: PutExpected, context: SqlContext
) -> tuple[str, tuple[Any, ...]]:
    """Return the statement for a put over a version; it returns the new version."""
    arguments = indexed_arguments([expected.put], context)
    if expected.version == 0:
        return _put_sql(context, f"{_replace(context)}\n   {ONLY_WHERE_ABSENT}"), arguments
    sql = _put_sql(context, _update(context, len(arguments) + 1))
    return sql, (*arguments, expected.version, expected.created_at)


def indexed_arguments(puts: Sequence[Put], context: SqlContext) -> tuple[Any, ...]:
    """Return the arrays of the statement: with an element for each put, then for each vector."""
    arguments = (*columns_of([put.item_id for put in puts]), *arrays(_GIVEN_INDEXED[3:], puts))
    if context.vector_set is None:
        return arguments
    return (*arguments, *arrays([VECTOR_COUNT], puts), *vector_columns(puts))


def vector_rows(put: Put) -> list[tuple[int, str, int, bytes]]:
    """Return number, path, digest and vector of each part."""
    parts = () if put.content is None else put.content.parts
    return [
        (number, part.path, part.digest, vector)
        for number, (part, vector) in enumerate(zip(parts, put.vectors or (), strict=True))
    ]


def vector_columns(puts: Sequence[Put]) -> tuple[list[Any], ...]:
    rows = [(position, *row) for position, put in enumerate(puts, 1) for row in vector_rows(put)]
    return tuple(list(column) for column in zip(*rows, strict=True)) if rows else ([],) * 5


@written_once
def _put_sql(context: SqlContext, write: str) -> str:
    columns, vectors = _GIVEN_INDEXED, ""
    if context.vector_set is not None:
        columns = (*_GIVEN_INDEXED, VECTOR_COUNT)
        vectors = vectors_ctes(context, len(columns) + 1)
    return f"""
WITH p AS MATERIALIZED (
    {with_words(unnested(columns, position=True), context)}
), written AS (
    {write}
    RETURNING {key_of("i")}, i.version
){vectors}
{notify_change(context, "w.version")}"""


def with_words(rows: str, context: SqlContext) -> str:
    """Return the SELECT of rows `p` with the words of their `text`; `rows` is a FROM item.

    Made before the statement's UPDATE or INSERT, which on Citus takes no LATERAL.
    """
    return f"""SELECT p.*, w.words, w.word_count, w.words_by
      FROM {rows}
     CROSS JOIN LATERAL ({words_sql(context, "p.text")}) w"""


def words_sql(context: SqlContext, text: str) -> str:
    """Return the SELECT of the words of a text, their number, and the settings that made them."""
    index = context.index
    if index is None or index.language is None:
        return (
            "SELECT NULL::tsvector AS words, NULL::integer AS word_count, NULL::integer AS words_by"
        )
    return f"""SELECT t.words, {index.words_by}::integer AS words_by,
               CASE WHEN t.words IS NOT NULL
                    THEN (SELECT coalesce(sum(cardinality(u.positions)), 0)::integer
                            FROM unnest(t.words) u) END AS word_count
          FROM (SELECT {_vector_of_words(text, f"'{index.language}'::regconfig")} AS words
                OFFSET 0) t"""


def _vector_of_words(text: str, language: str) -> str:
    """Return the tsvector of a text; for a marked text see `model/turn_text.py`."""

    def piece(number: int) -> str:
        return f"to_tsvector({language}, split_part({text}, {_MARK_SQL}, {number}))"

    return f"""CASE WHEN strpos({text}, {_MARK_SQL}) = 0 THEN to_tsvector({language}, {text})
                       ELSE setweight({piece(2)}, 'A') || {piece(3)}
                            || setweight({piece(4)}, 'C') || setweight({piece(5)}, 'B')
                            || array_to_tsvector(
                                   array_remove(string_to_array(
                                       split_part({text}, {_MARK_SQL}, 1), chr(10)), ''))
                       END"""


def _replace(context: SqlContext) -> str:
    return f"""INSERT INTO {context.tables.item} AS i ({names(ITEM)})
    SELECT {inserted(ITEM)}
      FROM p
        ON CONFLICT ({KEY}) DO UPDATE SET {REPLACE}"""


def _update(context: SqlContext, n: int) -> str:
    return f"""UPDATE {context.tables.item} AS i
       SET {assigned(_CHANGED)}, version = i.version + 1, {UNLISTED}
      FROM p
     WHERE {same_key("i", "p")}{context.of_users("i", "$1::text[]")}
       AND i.version = ${n} AND i.created_at = coalesce(${n + 1}::timestamptz, i.created_at)
       AND {context.live()}"""


def vectors_ctes(context: SqlContext, first: int) -> str:
    """Return the CTEs that replace the vectors of the items `written` of `p`.

    `first`: the number of the first of five arguments, which are arrays of parts.
    """
    position, part, path, digest, embedding = range(first, first + 5)
    return f""", stale AS (
    -- It has fewer parts now: what is left over must not be found.
    DELETE FROM {context.vectors} v
     USING p JOIN written w USING ({KEY})
     WHERE {same_key("v", "w")}{context.of_users("v", "$1::text[]")} AND v.part >= p.parts
), fresh AS (
    INSERT INTO {context.vectors} AS v
           ({VECTOR_COLUMNS})
    SELECT {key_of("w")}, n.part, n.path, w.version, n.digest,
           n.embedding::{column_type(context.tables, context.vector_index)}
      FROM unnest(${position}::bigint[], ${part}::integer[], ${path}::text[], ${digest}::bigint[],
                  ${embedding}::{context.tables.of_extension}vector[])
           AS n (position, part, path, digest, embedding)
      JOIN p USING (position) JOIN written w USING ({KEY}){REPLACE_PART}
)"""
