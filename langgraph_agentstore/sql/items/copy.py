"""The statements around a COPY: items go to a staging table first, so that they may replace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..change_notify import with_change_notify
from ..statement import Put, SqlContext, written_once
from ..vector_tables import COLUMNS as VECTOR_COLUMNS
from ..vector_tables import REPLACE_PART, column_type
from .on_conflict import COLUMNS, REPLACE
from .put_indexed import INDEXED, paths_of_put, vector_rows, words_sql


@dataclass(frozen=True, slots=True)
class Staging:
    """A table that a COPY fills and that exists for one transaction: its columns and types."""

    name: str
    types: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.types)

    @property
    def create(self) -> str:
        columns = ", ".join(f"{name} {type_}" for name, type_ in self.types)
        return f"\nCREATE TEMPORARY TABLE {self.name} ({columns}) ON COMMIT DROP"


@dataclass(frozen=True, slots=True)
class Load:
    """What a load copies, to where, and the statements that then bring it to its place."""

    copies: tuple[tuple[Staging, list[tuple[Any, ...]]], ...]
    moves: tuple[str, ...]


_TEXT = 'text COLLATE "C"'
_TRIPLE = (("user_id", _TEXT), ("namespace", _TEXT), ("key", _TEXT))

ITEMS = Staging(
    "agentstore_load",
    (*_TRIPLE, ("place", "text"), ("value", "jsonb"), ("ttl", "interval"), ("text", "text"),
     ("indexed_paths", "jsonb"), ("parts", "integer")),
)  # fmt: skip

_VECTORS = "agentstore_load_vector"


def plan_load(puts: Sequence[Put], context: SqlContext) -> Load:
    """One transaction that writes these puts, whose ids differ and whose vectors are there."""
    items = [
        (
            *put.item_id,
            put.sort_key,
            put.value,
            put.ttl,
            put.content.words if put.content is not None else None,
            paths_of_put(put),
            len(put.vectors or ()),
        )
        for put in puts
    ]
    if context.index is None:
        return Load(((ITEMS, items),), (_upsert_sql(context),))
    if context.vector_set is None:
        return Load(((ITEMS, items),), (_upsert_indexed_sql(context),))
    vectors = [(*put.item_id, *row) for put in puts for row in vector_rows(put)]
    moves = (_upsert_indexed_sql(context), _stale_sql(context), _vectors_sql(context))
    return Load(((ITEMS, items), (_staged_vectors(context), vectors)), moves)


@written_once
def _upsert_sql(context: SqlContext) -> str:
    insert = f"""
INSERT INTO {context.tables.item} AS i ({COLUMNS})
SELECT user_id, namespace, key, place, value, now(), now(), now() + ttl, ttl
  FROM {ITEMS.name}
 -- In the order of the primary key: no ring of waiting writers, and index pages in sequence.
 ORDER BY user_id, namespace, key
    ON CONFLICT (user_id, namespace, key) DO UPDATE SET {REPLACE}"""
    return with_change_notify(insert, context)


@written_once
def _upsert_indexed_sql(context: SqlContext) -> str:
    insert = f"""
INSERT INTO {context.tables.item} AS i ({COLUMNS}, {INDEXED})
SELECT p.user_id, p.namespace, p.key, p.place, p.value, now(), now(), now() + p.ttl, p.ttl,
       w.words, w.word_count, w.words_by, p.indexed_paths
  FROM (SELECT * FROM {ITEMS.name} ORDER BY user_id, namespace, key) p
 CROSS JOIN LATERAL ({words_sql(context, "p.text")}) w
    ON CONFLICT (user_id, namespace, key) DO UPDATE SET {REPLACE}"""
    return with_change_notify(insert, context)


@written_once
def _stale_sql(context: SqlContext) -> str:
    return f"""
DELETE FROM {context.vectors} v USING {ITEMS.name} p
 WHERE v.user_id = p.user_id AND v.namespace = p.namespace AND v.key = p.key
   AND v.part >= p.parts"""


def _staged_vectors(context: SqlContext) -> Staging:
    parts = (("part", "integer"), ("path", "text"), ("digest", "bigint"))
    vector = ("embedding", f"{context.tables.of_extension}vector")
    return Staging(_VECTORS, (*_TRIPLE, *parts, vector))


@written_once
def _vectors_sql(context: SqlContext) -> str:
    return f"""
INSERT INTO {context.vectors} AS v
       ({VECTOR_COLUMNS})
SELECT p.user_id, p.namespace, p.key, p.part, p.path, i.version, p.digest,
       p.embedding::{column_type(context.tables, context.vector_index)}
  FROM {_VECTORS} p JOIN {context.tables.item} i USING (user_id, namespace, key){REPLACE_PART}"""
