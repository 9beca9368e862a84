"""The quarantine: values that a guard kept aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ..model.json_values import encode_value
from ..model.namespaces import decode_labels
from ..model.provenance import FIELDS, Provenance
from ..model.users import Region, Scope, users_of_regions
from ..sql.indexed_content import content_of
from ..sql.region_condition import region_condition
from ..sql.statement import Decoded, Put, Row, SqlContext, Statement
from .guard import QuarantinedItem

_SHOWN = "q.user_id, q.id, q.namespace, q.key, q.value, q.reason, q.provenance, q.role"


def plan_quarantine(
    put: Put, reason: str, said: str | None, context: SqlContext
) -> Statement[None]:
    """Plan to keep a value aside."""
    sql = f"""
INSERT INTO {context.tables.named("quarantined_item")}
       (user_id, id, namespace, key, place, value, metadata, created_by, ttl, indexed_paths, reason,
        provenance, role, quarantined_at)
VALUES ($1, gen_random_uuid(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, session_user, now())"""
    arguments = (
        *(*put.item_id, put.sort_key, put.value, put.metadata, put.created_by, put.ttl),
        *(put.indexed_paths, reason, (said or "{}").encode()),
    )
    users = (put.item_id[0],)
    return Statement(
        sql, arguments, lambda _: Decoded(None), idempotent=False, users=users, kind="quarantine"
    )


def plan_quarantined(
    regions: Sequence[Region], limit: int, scope: Scope, context: SqlContext
) -> Statement[list[QuarantinedItem]]:
    """Plan the read of what is kept aside, oldest first."""
    arguments: list[Any] = [limit]
    sql = f"""
SELECT {_SHOWN}, q.quarantined_at
  FROM {context.tables.named("quarantined_item")} q
 WHERE {region_condition(regions, arguments, "q")}
 ORDER BY q.quarantined_at, q.id LIMIT $1"""

    def decode(rows: Sequence[Row]) -> Decoded[list[QuarantinedItem]]:
        return Decoded([_quarantined(row, scope, context) for row in rows])

    return Statement(
        sql, tuple(arguments), decode, users=users_of_regions(regions), kind="list_quarantined"
    )


def plan_released(
    regions: Sequence[Region], id_: UUID, context: SqlContext
) -> Statement[Put | None]:
    """Plan the read of one value as the put that writes it, past the guard."""
    arguments: list[Any] = [id_]
    sql = f"""
SELECT q.user_id, q.namespace, q.key, q.place, q.value, q.metadata, q.created_by, q.ttl,
       q.indexed_paths
  FROM {context.tables.named("quarantined_item")} q
 WHERE q.id = $1 AND {region_condition(regions, arguments, "q")}"""

    def decode(rows: Sequence[Row]) -> Decoded[Put | None]:
        return Decoded(_put_of(rows[0], context) if rows else None)

    return Statement(
        sql, tuple(arguments), decode, users=users_of_regions(regions), kind="list_released"
    )


def plan_discard(regions: Sequence[Region], id_: UUID, context: SqlContext) -> Statement[bool]:
    """Plan to remove one value from the quarantine; it tells whether it was there."""
    arguments: list[Any] = [id_]
    sql = f"""
DELETE FROM {context.tables.named("quarantined_item")} q
 WHERE q.id = $1 AND {region_condition(regions, arguments, "q")}
RETURNING q.id"""
    return Statement(
        sql,
        tuple(arguments),
        lambda rows: Decoded(bool(rows)),
        idempotent=False,
        users=users_of_regions(regions),
        kind="discard_quarantined",
    )


def _quarantined(row: Row, scope: Scope, context: SqlContext) -> QuarantinedItem:
    user_id, id_, stored, key, value, reason, said, role, at = row
    if context.sealing is not None:
        value = context.sealing.opened((user_id, stored, key), value)
    return QuarantinedItem(
        id=str(id_),
        namespace=scope.labels(user_id, decode_labels(stored)),
        key=key,
        value=scope.value(value),
        reason=reason,
        provenance=Provenance(**{name: str(said[name]) for name in FIELDS if name in said}),
        role=role,
        quarantined_at=at,
    )


def _put_of(row: Row, context: SqlContext) -> Put:
    user_id, stored, key, place, value, metadata, created_by, ttl, paths = row
    item_id = user_id, stored, key
    if context.sealing is not None:
        value = context.sealing.opened(item_id, value)
    text = encode_value(value)
    put = Put(item_id, place, text, ttl, metadata=encode_value(metadata), created_by=created_by)
    put.passed = True
    if context.index is not None:
        chosen = False if paths == [] else paths
        put.content = content_of(context.searchable(text), chosen, context.index)
    return put
