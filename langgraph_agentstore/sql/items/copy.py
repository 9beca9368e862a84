"""Bulk loads: COPY fills a staging table, and INSERT moves its items, which may replace others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from ..change_notify import with_change_notify
from ..item_columns import (
    ADDRESS,
    INDEXED,
    KEY,
    REPLACE,
    VALUE,
    VECTOR_COUNT,
    Column,
    given,
    inserted,
    key_of,
    names,
    same_key,
)
from ..statement import Put, SqlContext, written_once
from ..vector_tables import REPLACE_PART, VECTOR_COLUMNS, column_type
from .put_indexed import vector_rows, with_words


@dataclass(frozen=True, slots=True)
class Staging:
    """A table that a COPY fills and that lasts one transaction: its columns and types."""

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
    """A load: the rows to copy into each staging table, and the statements that then move them."""

    copies: tuple[tuple[Staging, list[tuple[Any, ...]]], ...]
    moves: tuple[str, ...]


_TEXT = 'text COLLATE "C"'
_STAGED_KEY = tuple((name, _TEXT) for name in KEY.split(", "))
_LOADED = (*ADDRESS, *VALUE, *INDEXED)
_STAGED = (*given(_LOADED)[3:], VECTOR_COUNT)
_staged_of = attrgetter(*[column.given for column in _STAGED])

ITEMS = Staging(
    "agentstore_load", (*_STAGED_KEY, *((column.given, column.type) for column in _STAGED))
)

# In the order of the primary key: no ring of waiting writers, and index pages in sequence.
_IN_ORDER = f"(SELECT * FROM {ITEMS.name} ORDER BY {KEY})"

_VECTORS = "agentstore_load_vector"


def plan_load(puts: Sequence[Put], context: SqlContext) -> Load:
    """Plan a transaction that writes these puts, whose ids differ and which have their vectors."""
    items = [(*put.item_id, *_staged_of(put)) for put in puts]
    if context.index is None:
        return Load(((ITEMS, items),), (_upsert_sql(context),))
    if context.vector_set is None:
        return Load(((ITEMS, items),), (_upsert_indexed_sql(context),))
    vectors = [(*put.item_id, *row) for put in puts for row in vector_rows(put)]
    moves = (_upsert_indexed_sql(context), _stale_sql(context), _vectors_sql(context))
    return Load(((ITEMS, items), (_staged_vectors(context), vectors)), moves)


@written_once
def _upsert_sql(context: SqlContext) -> str:
    return _insert((*ADDRESS, *VALUE), _IN_ORDER, context)


@written_once
def _upsert_indexed_sql(context: SqlContext) -> str:
    return _insert(_LOADED, f"({with_words(f'{_IN_ORDER} p', context)})", context)


def _insert(columns: Sequence[Column], rows: str, context: SqlContext) -> str:
    insert = f"""
INSERT INTO {context.tables.item} AS i ({names(columns)})
SELECT {inserted(columns)}
  FROM {rows} p
    ON CONFLICT ({KEY}) DO UPDATE SET {REPLACE}"""
    return with_change_notify(insert, context)


@written_once
def _stale_sql(context: SqlContext) -> str:
    return f"""
DELETE FROM {context.vectors} v USING {ITEMS.name} p
 WHERE {same_key("v", "p")} AND v.part >= p.parts"""


def _staged_vectors(context: SqlContext) -> Staging:
    parts = (("part", "integer"), ("path", "text"), ("digest", "bigint"))
    vector = ("embedding", f"{context.tables.of_extension}vector")
    return Staging(_VECTORS, (*_STAGED_KEY, *parts, vector))


@written_once
def _vectors_sql(context: SqlContext) -> str:
    return f"""
INSERT INTO {context.vectors} AS v
       ({VECTOR_COLUMNS})
SELECT {key_of("p")}, p.part, p.path, i.version, p.digest,
       p.embedding::{column_type(context.tables, context.vector_index)}
  FROM {_VECTORS} p JOIN {context.tables.item} i USING ({KEY}){REPLACE_PART}"""
