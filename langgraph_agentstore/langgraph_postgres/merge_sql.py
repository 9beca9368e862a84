"""Statements that merge items of another store: the newer item wins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, cast

from ..sql.change_notify import notify_change
from ..sql.items.put_indexed import (
    paths_of_put,
    vector_columns,
    vectors_ctes,
    words_sql,
)
from ..sql.statement import (
    Decoded,
    ItemId,
    Row,
    SqlContext,
    Statement,
    columns_of,
    written_once,
)
from .items_sql import Migrant

Presence: TypeAlias = Literal["absent", "older", "same", "newer", "expired"]
"""Of the item here, beside the one there. "expired": it is absent, and there it has expired."""


def plan_presence(migrants: Sequence[Migrant], context: SqlContext) -> Statement[list[Presence]]:
    """Compare the items here with those there, in order.

    "same" has the value, the times, an expiry that is no earlier, and something to be found by
    if it should have.
    """

    def decode(rows: Sequence[Row]) -> Decoded[list[Presence]]:
        return Decoded([cast("Presence", row[0]) for row in rows])

    items = [migrant.item for migrant in migrants]
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
    return Statement(_standings_sql(context), arguments, decode)


@written_once
def _standings_sql(context: SqlContext) -> str:
    found = ""
    if context.vector_set is not None:
        found = f"""
             -- Any will do: those that another reindex() made are not undone.
             AND (p.parts = 0 OR EXISTS (
                  SELECT FROM {context.vectors} v
                   WHERE v.user_id = i.user_id AND v.namespace = i.namespace AND v.key = i.key
                     AND v.version = i.version))"""
    return f"""
SELECT CASE WHEN i.user_id IS NULL
            THEN CASE WHEN p.expires_at <= now() THEN 'expired' ELSE 'absent' END
            WHEN i.updated_at > p.updated_at THEN 'newer'
            WHEN i.updated_at = p.updated_at AND i.created_at = p.created_at
             AND i.value::text = p.value::text
             AND (i.expires_at IS NOT DISTINCT FROM p.expires_at OR i.expires_at > p.expires_at)
             AND (NOT p.worded OR i.words_by IS NOT NULL){found}
            THEN 'same' ELSE 'older' END
  FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::timestamptz[],
              $6::timestamptz[], $7::timestamptz[], $8::boolean[], $9::integer[])
       WITH ORDINALITY AS p (user_id, namespace, key, value, created_at, updated_at, expires_at,
                             worded, parts, position)
  LEFT JOIN {context.tables.item} i
    ON i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key
 ORDER BY p.position"""


def plan_settle(migrants: Sequence[Migrant], context: SqlContext) -> Statement[set[ItemId]]:
    """Write the items, whose ids differ and whose vectors are there; tell which were written.

    An item that is newer here stays. A second run changes nothing.
    """
    ordered = sorted(migrants, key=lambda migrant: migrant.put.item_id)

    def decode(rows: Sequence[Row]) -> Decoded[set[ItemId]]:
        return Decoded({(row[0], row[1], row[2]) for row in rows})

    return Statement(_settle_sql(context), _settle_arguments(ordered, context), decode)


def _settle_arguments(migrants: Sequence[Migrant], context: SqlContext) -> tuple[Any, ...]:
    items = [migrant.item for migrant in migrants]
    puts = [migrant.put for migrant in migrants]
    columns = (
        *columns_of([put.item_id for put in puts]),
        [put.sort_key for put in puts],
        [put.value for put in puts],
        [put.ttl for put in puts],
        [item.created_at for item in items],
        [item.updated_at for item in items],
        [item.expires_at for item in items],
        [put.content.words if put.content is not None else None for put in puts],
        [paths_of_put(put) for put in puts],
        [len(put.vectors or ()) for put in puts],
    )
    return columns if context.vector_set is None else (*columns, *vector_columns(puts))


@written_once
def _settle_sql(context: SqlContext) -> str:
    return f"""
WITH p AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[],
                         $6::interval[], $7::timestamptz[], $8::timestamptz[],
                         $9::timestamptz[], $10::text[], $11::jsonb[], $12::integer[])
         WITH ORDINALITY AS p (user_id, namespace, key, place, value, ttl, created_at,
                               updated_at, expires_at, text, indexed_paths, parts, position)
), written AS (
    INSERT INTO {context.tables.item} AS i
           (user_id, namespace, key, place, value, ttl, created_at, updated_at, expires_at,
            words, word_count, words_by, indexed_paths)
    SELECT p.user_id, p.namespace, p.key, p.place, p.value, p.ttl, p.created_at, p.updated_at,
           p.expires_at, w.words, w.word_count, w.words_by, p.indexed_paths
      FROM p CROSS JOIN LATERAL ({words_sql(context, "p.text")}) w
        ON CONFLICT (user_id, namespace, key) DO UPDATE SET {_REPLACE}
     -- Looked at once more: somebody may have written it since.
     WHERE i.updated_at <= excluded.updated_at
    RETURNING i.user_id, i.namespace, i.key, i.version
){vectors_ctes(context, 13) if context.vector_set is not None else ""}
{notify_change(context, "w.user_id, w.namespace, w.key")}"""


# A version means one value: the same one, found by more or for longer, keeps it.
_REPLACE = """
           value = excluded.value, ttl = excluded.ttl,
           version = CASE WHEN i.updated_at = excluded.updated_at
                           AND i.value::text = excluded.value::text
                          THEN i.version ELSE i.version + 1 END,
           created_at = excluded.created_at, updated_at = excluded.updated_at,
           expires_at = excluded.expires_at, words = excluded.words,
           word_count = excluded.word_count, words_by = excluded.words_by,
           indexed_paths = excluded.indexed_paths"""
