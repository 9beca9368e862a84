"""The size of a store by the catalogue: no table is read, and numbers of rows are estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..sql.statement import Decoded, Queue, Row, SqlContext, Statement, Users


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table of the store: its rows, about, and the bytes of its rows and of its indexes."""

    table: str
    rows: int
    table_bytes: int
    index_bytes: int
    last_vacuum: datetime | None


def plan_table_sizes(context: SqlContext) -> Statement[list[TableSize]]:
    """Plan the read of the sizes of the schema's tables, largest first."""
    sql = """
SELECT c.relname, greatest(c.reltuples, coalesce(s.n_live_tup, 0), 0)::bigint,
       pg_catalog.pg_table_size(c.oid), pg_catalog.pg_indexes_size(c.oid),
       greatest(s.last_vacuum, s.last_autovacuum)
  FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_stat_user_tables s ON s.relid = c.oid
 WHERE c.relnamespace = pg_catalog.to_regnamespace($1) AND c.relkind IN ('r', 'p')
 ORDER BY pg_catalog.pg_total_relation_size(c.oid) DESC, c.relname"""

    def decode(rows: Sequence[Row]) -> Decoded[list[TableSize]]:
        return Decoded([TableSize(*row) for row in rows])

    return Statement(
        sql, (context.tables.quoted,), decode, queue=Queue.EQUAL_READS, kind="count_sizes"
    )


@dataclass(frozen=True, slots=True)
class StoredSearch:
    """Tell by which index stored items are found: the model of their vectors, and their words.

    `words_by`: the digests of the settings that made the words, as `SearchIndex.words_by`.
    `has_unindexed`: whether some items that a search could find have no words.
    """

    has_vectors: bool
    model: str | None
    dims: int | None
    words_by: tuple[int, ...]
    has_unindexed: bool

    @property
    def has_words(self) -> bool:
        """Tell whether some items are found by words."""
        return bool(self.words_by)


def plan_stored_search(context: SqlContext, users: Users = ()) -> Statement[StoredSearch]:
    """Plan a look at what items are found by; words are looked for in a thousand items.

    `users`: whose items are looked at where row level security hides those of others.
    """
    sql = f"""
SELECT v.number IS NOT NULL, v.model, v.dims, words.words_by, words.has_unindexed
  FROM (SELECT array_agg(DISTINCT i.words_by) FILTER (WHERE i.words_by IS NOT NULL) AS words_by,
               bool_or(i.words_by IS NULL AND i.indexed_paths IS DISTINCT FROM '[]')
                   AS has_unindexed
          FROM (SELECT words_by, indexed_paths FROM {context.tables.item} LIMIT 1000) i) words
  LEFT JOIN {context.tables.vector_set} v ON v.state = 'active'"""

    def decode(rows: Sequence[Row]) -> Decoded[StoredSearch]:
        has_vectors, model, dims, words_by, has_unindexed = rows[0]
        words = tuple(words_by or ())
        return Decoded(StoredSearch(has_vectors, model, dims, words, bool(has_unindexed)))

    return Statement(sql, (), decode, queue=Queue.EQUAL_READS, users=users, kind="count_sizes")
