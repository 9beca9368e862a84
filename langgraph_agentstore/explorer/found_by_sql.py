"""By which words and texts a search finds an item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..sql.statement import Decoded, ItemId, Query, Queue, Row, SqlContext, Statement

MOST_WORDS_SHOWN = 40
MOST_PATHS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class FoundBy:
    """The words of an item as they are searched, and the paths of the texts that have vectors.

    `word_count`: of all its words, with repetitions; None if it is not indexed by words.
    """

    word_count: int | None
    words: list[str]
    paths: list[str]


def found_by_query(item_id: ItemId) -> Query[FoundBy | None]:
    """Return the question by what an item is found; only an open store knows its vectors."""
    return Query(
        None,
        lambda context, _: _plan_found_by(item_id, context),
        users=(item_id[0],),
        kind="get_indexed",
    )


def _plan_found_by(item_id: ItemId, context: SqlContext) -> Statement[FoundBy | None]:
    paths = "'{}'::text[]"
    if context.vector_set is not None:
        paths = f"""ARRAY(SELECT v.path FROM {context.vectors} v
              WHERE v.user_id = $1 AND v.namespace = $2 AND v.key = $3
                AND v.version = i.version AND v.embedding IS NOT NULL
              ORDER BY v.part LIMIT {MOST_PATHS_SHOWN})"""
    sql = f"""
SELECT i.word_count, coalesce((tsvector_to_array(i.words))[:{MOST_WORDS_SHOWN}], '{{}}'), {paths}
  FROM {context.tables.item} i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = $3"""

    def decode(rows: Sequence[Row]) -> Decoded[FoundBy | None]:
        return Decoded(FoundBy(*rows[0]) if rows else None)

    return Statement(
        sql, item_id, decode, queue=Queue.EQUAL_READS, users=(item_id[0],), kind="get_indexed"
    )
