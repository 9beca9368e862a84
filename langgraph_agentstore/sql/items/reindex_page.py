"""Reindexing: the items that a new set of vectors lacks, and the statements that fill it.

An item is done when the set has a row of its present version: one for each part, or one without
an embedding where there is nothing to embed. So what was written meanwhile is simply not done,
and a reindexing that was interrupted goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..item_columns import same_key
from ..statement import Content, ItemId, SqlContext, columns_of, written_once
from ..vector_tables import REPLACE_PART, VECTOR_COLUMNS, column_type
from .put_indexed import with_words

FIRST: ItemId = ("", "", "")
"""Before every item; a walk begins here."""


@dataclass(slots=True)
class ToIndex:
    """An item to index: as it was read, with its indexed content, and later its vectors."""

    item_id: ItemId
    version: int
    content: Content
    vectors: list[bytes]


@written_once
def page_sql(context: SqlContext) -> str:
    """Return the SELECT of the next `$4` items after `$1` to `$3` that are not done."""
    return f"""
SELECT i.user_id, i.namespace, i.key, i.version, i.value::text, i.indexed_paths
  FROM {context.tables.item} i
 WHERE (i.user_id, i.namespace, i.key) > ($1, $2, $3) AND ({_undone(context)})
 ORDER BY i.user_id, i.namespace, i.key
 LIMIT $4"""


@written_once
def undone_sql(context: SqlContext) -> str:
    """Return the count of the items that are not done."""
    return f"SELECT count(*) FROM {context.tables.item} i WHERE {_undone(context)}"


def _undone(context: SqlContext) -> str:
    undone = []
    if context.vector_set is not None:
        undone.append(
            f"""NOT EXISTS (SELECT 1 FROM {context.vectors} v
                    WHERE {same_key("v", "i")} AND v.version = i.version)"""
        )
    if context.searched.language is not None:
        undone.append(
            f"(i.words_by IS DISTINCT FROM {context.searched.words_by} "
            "AND i.indexed_paths IS DISTINCT FROM '[]')"
        )
    return " OR ".join(undone)


@written_once
def fill_sql(context: SqlContext) -> str:
    """Return the INSERT of the vectors of items that have not changed meanwhile."""
    return f"""
WITH p AS MATERIALIZED (
    SELECT p.*
      FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::integer[])
           WITH ORDINALITY AS p (user_id, namespace, key, version, parts, position)
      JOIN {context.tables.item} i USING (user_id, namespace, key, version)
     WHERE true{context.of_users("i", "$1::text[]")}
), stale AS (
    DELETE FROM {context.vectors} v USING p
     WHERE {same_key("v", "p")}{context.of_users("v", "$1::text[]")}
       AND v.part >= p.parts
)
INSERT INTO {context.vectors} AS v
       ({VECTOR_COLUMNS})
SELECT p.user_id, p.namespace, p.key, n.part, n.path, p.version, n.digest,
       n.embedding::{column_type(context.tables, context.vector_index)}
  FROM unnest($6::bigint[], $7::integer[], $8::text[], $9::bigint[],
              $10::{context.tables.of_extension}vector[])
       AS n (position, part, path, digest, embedding)
  JOIN p USING (position){REPLACE_PART}"""


@written_once
def words_again_sql(context: SqlContext) -> str:
    """Return the UPDATE that makes the words of items anew; versions and times stay."""
    rows = """unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
           AS p (user_id, namespace, key, version, text)"""
    return f"""
WITH p AS MATERIALIZED (
    {with_words(rows, context)}
)
UPDATE {context.tables.item} i
   SET words = p.words, word_count = p.word_count, words_by = p.words_by
  FROM p
 WHERE {same_key("i", "p")}{context.of_users("i", "$1::text[]")}
   AND i.version = p.version AND i.words_by IS DISTINCT FROM p.words_by"""


def fill_arguments(items: Sequence[ToIndex]) -> tuple[Any, ...]:
    """Return the arrays of `fill_sql`; an item without parts has a row without an embedding."""
    rows: list[tuple[Any, ...]] = []
    for position, item in enumerate(items, 1):
        if not item.content.parts:
            rows.append((position, 0, "", 0, None))
        for number, (part, vector) in enumerate(zip(item.content.parts, item.vectors, strict=True)):
            rows.append((position, number, part.path, part.digest, vector))
    return (
        *columns_of([item.item_id for item in items]),
        [item.version for item in items],
        [max(1, len(item.content.parts)) for item in items],
        *(list(column) for column in zip(*rows, strict=True)),
    )


def words_arguments(items: Sequence[ToIndex]) -> tuple[Any, ...]:
    """Return the arrays of `words_again_sql`."""
    return (
        *columns_of([item.item_id for item in items]),
        [item.version for item in items],
        [item.content.words for item in items],
    )
