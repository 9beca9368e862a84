"""Writing records as they once were: with their times, authors, counts and expiry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from ..change_notify import notify_change
from ..statement import (
    Decoded,
    ItemId,
    Put,
    Row,
    SqlContext,
    Statement,
    columns_of,
    written_once,
)
from .put_indexed import vector_columns, vectors_ctes, words_sql

Conflict: TypeAlias = Literal["upsert", "skip", "fail"]


@dataclass(frozen=True, slots=True)
class Imported:
    """A record to write: `put` has its value, metadata, creator and TTL.

    `last_accessed_*` are None, both, where nothing is known of accesses.
    """

    put: Put
    version: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    access_count: int
    last_accessed_at: datetime | None
    last_accessed_by: str | None


def plan_import(
    records: Sequence[Imported], conflict: Conflict, context: SqlContext
) -> Statement[set[ItemId]]:
    """Writes the records, whose ids differ and whose vectors are there; which it wrote.

    "upsert" replaces a record that is there, metadata and counts too; the others leave it. An
    expired one counts as absent.
    """
    ordered = sorted(records, key=lambda record: record.put.item_id)

    def decode(rows: Sequence[Row]) -> Decoded[set[ItemId]]:
        return Decoded({(row[0], row[1], row[2]) for row in rows})

    sql = _sql(context, conflict == "upsert")
    return Statement(sql, _arguments(ordered, context), decode, idempotent=False)


def _arguments(records: Sequence[Imported], context: SqlContext) -> tuple[Any, ...]:
    puts = [record.put for record in records]
    columns = (
        *columns_of([put.item_id for put in puts]),
        [put.sort_key for put in puts],
        [put.value for put in puts],
        [put.metadata for put in puts],
        [put.created_by for put in puts],
        [put.ttl for put in puts],
        [record.version for record in records],
        [record.created_at for record in records],
        [record.updated_at for record in records],
        [record.expires_at for record in records],
        [record.access_count for record in records],
        [record.last_accessed_at for record in records],
        [record.last_accessed_by for record in records],
        [put.content.words if put.content is not None else None for put in puts],
        [len(put.vectors or ()) for put in puts],
    )
    if context.vector_set is None:
        return columns
    return (*columns, *vector_columns(puts))


@written_once
def _sql(context: SqlContext, replace: bool) -> str:
    return f"""
WITH p AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[],
                         $6::jsonb[], $7::text[], $8::interval[], $9::bigint[],
                         $10::timestamptz[], $11::timestamptz[], $12::timestamptz[],
                         $13::bigint[], $14::timestamptz[], $15::text[], $16::text[],
                         $17::integer[])
         WITH ORDINALITY AS p (user_id, namespace, key, place, value, metadata, created_by, ttl,
                               version, created_at, updated_at, expires_at, access_count,
                               last_accessed_at, last_accessed_by, text, parts, position)
), written AS (
    INSERT INTO {context.tables.item} AS i
           (user_id, namespace, key, place, value, metadata, created_by, ttl, version,
            created_at, updated_at, expires_at, words, word_count, words_by)
    SELECT p.user_id, p.namespace, p.key, p.place, p.value, p.metadata, p.created_by, p.ttl,
           p.version, p.created_at, p.updated_at, p.expires_at, w.words, w.word_count, w.words_by
      FROM p CROSS JOIN LATERAL ({words_sql(context, "p.text")}) w
        ON CONFLICT (user_id, namespace, key) DO UPDATE SET {_REPLACE}
    {"" if replace else "WHERE i.expires_at <= now()"}
    RETURNING i.user_id, i.namespace, i.key, i.version
), uncounted AS (
    DELETE FROM {context.tables.item_access} a
     USING written w JOIN p USING (user_id, namespace, key)
     WHERE a.user_id = w.user_id AND a.namespace = w.namespace AND a.key = w.key
       AND p.last_accessed_at IS NULL
), counted AS (
    INSERT INTO {context.tables.item_access} AS a
           (user_id, namespace, key, item_created_at, access_count, last_accessed_at,
            last_accessed_by)
    SELECT p.user_id, p.namespace, p.key, p.created_at, p.access_count, p.last_accessed_at,
           p.last_accessed_by
      FROM p JOIN written w USING (user_id, namespace, key)
     WHERE p.last_accessed_at IS NOT NULL
        ON CONFLICT (user_id, namespace, key) DO UPDATE SET
           item_created_at = excluded.item_created_at, access_count = excluded.access_count,
           last_accessed_at = excluded.last_accessed_at,
           last_accessed_by = excluded.last_accessed_by
){vectors_ctes(context, 18) if context.vector_set is not None else ""}
{notify_change(context, "w.user_id, w.namespace, w.key")}"""


# A version means one value: that of the record that is there goes on.
_REPLACE = """
           value = excluded.value, metadata = excluded.metadata,
           created_by = excluded.created_by, ttl = excluded.ttl,
           version = greatest(i.version + 1, excluded.version),
           created_at = excluded.created_at, updated_at = excluded.updated_at,
           expires_at = excluded.expires_at, words = excluded.words,
           word_count = excluded.word_count, words_by = excluded.words_by, indexed_paths = NULL"""
