"""Imports: records are written with their original times, authors, counts and expiry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from ..change_notify import notify_change
from ..item_columns import (
    ITEM,
    ITEM_VERSION,
    KEY,
    VECTOR_COUNT,
    Column,
    arrays,
    dated,
    given,
    inserted,
    key_of,
    names,
    overwriting,
    same_key,
    unnested,
)
from ..statement import Decoded, ItemId, Put, Row, SqlContext, Statement, columns_of, written_once
from .put_indexed import vector_columns, vectors_ctes, with_words

Conflict: TypeAlias = Literal["upsert", "skip", "fail"]

_IMPORTED = (*dated(ITEM), ITEM_VERSION)
_IMPORTED_OF_PUT = (*given(ITEM), VECTOR_COUNT)
_ACCESSES = (
    Column("access_count", "bigint", "access_count"),
    Column("last_accessed_at", "timestamptz", "last_accessed_at"),
    Column("last_accessed_by", "text", "last_accessed_by"),
)
_IMPORTED_OF_RECORD = (*(c for c in given(_IMPORTED) if c not in _IMPORTED_OF_PUT), *_ACCESSES)

# A version means one value: that of the record that is there goes on.
REPLACE_IMPORTED = overwriting(_IMPORTED[:-1], "greatest(i.version + 1, excluded.version)")


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
    records: Sequence[Imported],
    conflict: Conflict,
    context: SqlContext,
    moment: datetime | None = None,
) -> Statement[set[ItemId]]:
    """Plan to write records, whose ids differ and which have their vectors; return those written.

    "upsert" replaces a record that is there, metadata and counts too; the others leave it. An
    expired one counts as absent. `moment`: the server's time, needed where `needs_moment` says so.
    """
    ordered = sorted(records, key=lambda record: record.put.item_id)

    def decode(rows: Sequence[Row]) -> Decoded[set[ItemId]]:
        return Decoded({(row[0], row[1], row[2]) for row in rows})

    sql = _import_sql(context, conflict == "upsert")
    arguments = _arguments(ordered, context)
    if needs_moment(conflict, context):
        arguments = (*arguments, moment)
    return Statement(sql, arguments, decode, idempotent=False, kind="put_import")


def needs_moment(conflict: Conflict, context: SqlContext) -> bool:
    """Return whether the statement of an import is to be told the present time."""
    return bool(context.distributed) and conflict != "upsert"


def _arguments(records: Sequence[Imported], context: SqlContext) -> tuple[Any, ...]:
    puts = [record.put for record in records]
    columns = (
        *columns_of([put.item_id for put in puts]),
        *arrays(_IMPORTED_OF_PUT[3:], puts),
        *arrays(_IMPORTED_OF_RECORD, records),
    )
    if context.vector_set is None:
        return columns
    return (*columns, *vector_columns(puts))


@written_once
def _import_sql(context: SqlContext, replace: bool) -> str:
    columns = (*_IMPORTED_OF_PUT, *_IMPORTED_OF_RECORD)
    # In ON CONFLICT, Citus takes no function of the present time.
    arguments = len(columns) + 5 * (context.vector_set is not None)
    moment = context.either("now()", f"${arguments + 1}::timestamptz")
    return f"""
WITH p AS MATERIALIZED (
    {with_words(unnested(columns, position=True), context)}
), written AS (
    INSERT INTO {context.tables.item} AS i ({names(_IMPORTED)})
    SELECT {inserted(_IMPORTED)}
      FROM p
        ON CONFLICT ({KEY}) DO UPDATE SET {REPLACE_IMPORTED}
    {"" if replace else f"WHERE i.expires_at <= {moment}"}
    RETURNING {key_of("i")}, i.version
), uncounted AS (
    DELETE FROM {context.tables.item_access} a
     USING written w JOIN p USING ({KEY})
     WHERE {same_key("a", "w")}{context.of_users("a", "$1::text[]")}
       AND p.last_accessed_at IS NULL
), counted AS (
    INSERT INTO {context.tables.item_access} AS a
           ({KEY}, item_created_at, {names(_ACCESSES)})
    SELECT {key_of("p")}, p.created_at, {inserted(_ACCESSES)}
      FROM p JOIN written w USING ({KEY})
     WHERE p.last_accessed_at IS NOT NULL
        ON CONFLICT ({KEY}) DO UPDATE SET
           item_created_at = excluded.item_created_at, access_count = excluded.access_count,
           last_accessed_at = excluded.last_accessed_at,
           last_accessed_by = excluded.last_accessed_by
){vectors_ctes(context, len(columns) + 1) if context.vector_set is not None else ""}
{notify_change(context, key_of("w"))}"""
