"""Statements that merge items of another store: the newer item wins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, cast

from ..model.json_values import decode_value, same_json
from ..security.encryption.sealed_values import SEALED_FIELD
from ..sql.change_notify import notify_change
from ..sql.item_columns import (
    ADDRESS,
    INDEXED,
    KEY,
    VALUE,
    VECTOR_COUNT,
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
from ..sql.items.put_indexed import vector_columns, vectors_ctes, with_words
from ..sql.statement import (
    Decoded,
    ItemId,
    Row,
    Sealing,
    SqlContext,
    Statement,
    columns_of,
    written_once,
)
from .items_sql import Migrant
from .tables_sql import OfficialItem

_SETTLED = dated((*ADDRESS, *VALUE, *INDEXED))
_SETTLED_OF_PUT = (*given((*ADDRESS, *VALUE, *INDEXED)), VECTOR_COUNT)
_SETTLED_OF_ITEM = tuple(c for c in given(_SETTLED) if c not in _SETTLED_OF_PUT)

# A version means one value: the same one, found by more or for longer, keeps it.
_REPLACE_SETTLED = overwriting(
    _SETTLED,
    """CASE WHEN i.updated_at = excluded.updated_at
                           AND i.value::text = excluded.value::text
                          THEN i.version ELSE i.version + 1 END""",
)

Presence: TypeAlias = Literal["absent", "older", "same", "newer", "expired"]
"""Of the item here, beside the one there. "expired": it is absent, and there it has expired."""


def plan_presence(migrants: Sequence[Migrant], context: SqlContext) -> Statement[list[Presence]]:
    """Compare the items here with those there, in order.

    "same" has the value, the times, an expiry that is no earlier, and something to be found by
    if it should have.
    """
    items = [migrant.item for migrant in migrants]

    def decode(rows: Sequence[Row]) -> Decoded[list[Presence]]:
        found = [cast("Presence", row[0]) for row in rows]
        if context.sealing is not None:
            compared = zip(found, rows, items, strict=True)
            found = [_opened_presence(*each, context.sealing) for each in compared]
        return Decoded(found)

    puts = [migrant.put for migrant in migrants]
    arguments = (
        *columns_of([put.item_id for put in puts]),
        [item.value for item in items],
        [item.created_at for item in items],
        [item.updated_at for item in items],
        [item.expires_at for item in items],
        [put.content is not None and put.content.words is not None for put in puts],
        [len(migrant.names) for migrant in migrants],
    )
    return Statement(_standings_sql(context), arguments, decode, kind="migrate")


def _opened_presence(
    presence: Presence, row: Row, item: OfficialItem, sealing: Sealing
) -> Presence:
    """Return whether an item is the same by its opened value, which the server cannot compare."""
    if presence != "same":
        return presence
    opened = sealing.opened((row[1], row[2], row[3]), row[4])
    return "same" if same_json(opened, decode_value(item.value)) else "older"


@written_once
def _standings_sql(context: SqlContext) -> str:
    found, same, columns = "", "i.value::text = p.value::text", ""
    if context.sealing is not None:
        same, columns = f"i.value ? '{SEALED_FIELD}'", f",\n       {key_of('i')}, i.value"
    if context.vector_set is not None:
        found = f"""
             -- Any will do: those that another reindex() made are not undone.
             AND (p.parts = 0 OR EXISTS (
                  SELECT 1 FROM {context.vectors} v
                   WHERE {same_key("v", "i")} AND v.version = i.version))"""
    return f"""
SELECT CASE WHEN i.user_id IS NULL
            THEN CASE WHEN p.expires_at <= now() THEN 'expired' ELSE 'absent' END
            WHEN i.updated_at > p.updated_at THEN 'newer'
            WHEN i.updated_at = p.updated_at AND i.created_at = p.created_at
             AND {same}
             AND (i.expires_at IS NOT DISTINCT FROM p.expires_at OR i.expires_at > p.expires_at)
             AND (NOT p.worded OR i.words_by IS NOT NULL){found}
            THEN 'same' ELSE 'older' END{columns}
  FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::timestamptz[],
              $6::timestamptz[], $7::timestamptz[], $8::boolean[], $9::integer[])
       WITH ORDINALITY AS p (user_id, namespace, key, value, created_at, updated_at, expires_at,
                             worded, parts, position)
  LEFT JOIN {context.tables.item} i
    ON {same_key("i", "p")}{context.of_users("i", "$1::text[]")}
 ORDER BY p.position"""


def plan_settle(migrants: Sequence[Migrant], context: SqlContext) -> Statement[set[ItemId]]:
    """Write the items, whose ids differ and whose vectors are there; tell which were written.

    An item that is newer here stays. A second run changes nothing.
    """
    ordered = sorted(migrants, key=lambda migrant: migrant.put.item_id)

    def decode(rows: Sequence[Row]) -> Decoded[set[ItemId]]:
        return Decoded({(row[0], row[1], row[2]) for row in rows})

    return Statement(
        _settle_sql(context), _settle_arguments(ordered, context), decode, kind="migrate"
    )


def _settle_arguments(migrants: Sequence[Migrant], context: SqlContext) -> tuple[Any, ...]:
    puts = [migrant.put for migrant in migrants]
    columns = (
        *columns_of([put.item_id for put in puts]),
        *arrays(_SETTLED_OF_PUT[3:], puts),
        *arrays(_SETTLED_OF_ITEM, [migrant.item for migrant in migrants]),
    )
    return columns if context.vector_set is None else (*columns, *vector_columns(puts))


@written_once
def _settle_sql(context: SqlContext) -> str:
    columns = (*_SETTLED_OF_PUT, *_SETTLED_OF_ITEM)
    return f"""
WITH p AS MATERIALIZED (
    {with_words(unnested(columns, position=True), context)}
), written AS (
    INSERT INTO {context.tables.item} AS i ({names(_SETTLED)})
    SELECT {inserted(_SETTLED)}
      FROM p
        ON CONFLICT ({KEY}) DO UPDATE SET {_REPLACE_SETTLED}
     -- Looked at once more: somebody may have written it since.
     WHERE i.updated_at <= excluded.updated_at
    RETURNING {key_of("i")}, i.version
){vectors_ctes(context, len(columns) + 1) if context.vector_set is not None else ""}
{notify_change(context, key_of("w"))}"""
