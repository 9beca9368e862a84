"""Atomic changes of records, one statement each, so that no concurrent change is lost.

They write the value alone, not what it is found by. A store with an index does not use them; see
`data_store/atomic_changes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...model.addresses import ItemAddress, RemovedPlace
from ...model.json_values import LARGEST_INTEGER, SMALLEST_INTEGER, encode_value
from ...sql.change_notify import notify_change, with_change_notify
from ...sql.item_columns import EXPIRED, UNINDEXED, UNLISTED, key_is, later, replacing
from ...sql.items.delete import count_of_removed, of_first_user, removing
from ...sql.items.put import arguments_of, insert_one
from ...sql.statement import Decoded, Put, ResultT, Row, SqlContext, Statement


def plan_delete(at: ItemAddress, key: str, context: SqlContext) -> Statement[bool]:
    """Remove a record; tell whether it was there."""
    delete = f"""
DELETE FROM {context.tables.item} i
 WHERE {key_is()}"""
    removed = removing(delete, context, counts=of_first_user(context))
    sql = f"\nWITH {removed}\n{notify_change(context, context.live('w'), gone=True)}"
    item_id = (at.user_id, at.stored, key)
    change = _change(sql, item_id, lambda rows: bool(rows) and rows[0][0])
    return replace(change, removals=(RemovedPlace(*item_id),))


def plan_clear(at: ItemAddress, context: SqlContext) -> Statement[int]:
    """Remove exactly this namespace, nothing below it; count the records."""
    delete = f"""
DELETE FROM {context.tables.item} i
 WHERE i.user_id = $1 AND i.namespace = $2"""
    removals = [RemovedPlace(at.user_id, at.stored, None)]
    return count_of_removed([delete], removals[0][:2], context, (at.user_id,), removals)


def plan_increment(put: Put, context: SqlContext) -> Statement[Any | None]:
    """Add the number in `put` to the stored one; return the sum."""
    total = "(i.value #>> '{}')::numeric + (excluded.value #>> '{}')::numeric"
    # AND need not look at its left side first, CASE does; what is no number must not be added.
    allowed = f"""CASE WHEN jsonb_typeof(i.value) <> 'number' THEN false
                ELSE {total} BETWEEN {SMALLEST_INTEGER} AND {LARGEST_INTEGER} END"""
    sql = _upsert(f"({total})::text::jsonb", allowed, "w.value", context)
    return _change(sql, arguments_of(put), lambda rows: rows[0][0] if rows else None)


def plan_append(put: Put, largest_bytes: int, context: SqlContext) -> Statement[int | None]:
    """Append the elements of the list in `put` to the stored list; return its length."""
    longer = "i.value || excluded.value"
    allowed = f"""CASE WHEN jsonb_typeof(i.value) <> 'array' THEN false
                ELSE octet_length(({longer})::text) <= $9::bigint END"""
    sql = _upsert(longer, allowed, "jsonb_array_length(w.value)", context)
    arguments = (*arguments_of(put), largest_bytes)
    return _change(sql, arguments, lambda rows: rows[0][0] if rows else None)


def plan_compare_and_set(put: Put, expected: object, context: SqlContext) -> Statement[bool]:
    """Write over just this value, compared as JSON; tell whether it was written. The TTL stays."""
    update = f"""
UPDATE {context.tables.item} AS i
   SET value = $4, {UNINDEXED},
       version = i.version + 1, updated_at = now(), {UNLISTED},
       expires_at = {later("now()", "i.ttl")}
 WHERE {key_is()} AND i.value = $5::jsonb
   AND {context.live()}"""
    arguments = (*put.item_id, put.value, encode_value(expected))
    return _change(with_change_notify(update, context, "w.version"), arguments, bool)


def _upsert(changed: str, allowed: str, result: str, context: SqlContext) -> str:
    """Write `changed` over a stored value that is `allowed`; else insert the put's own value.

    `result` selects from the rows `w` written, which have their new value.
    """
    insert = insert_one(
        context, f"{replacing(changed, keeping_ttl=True)}\n WHERE {EXPIRED} OR {allowed}"
    )
    return f"""
WITH written AS ({insert}
    RETURNING i.user_id, i.namespace, i.key, i.version, i.value
)
{notify_change(context, result)}"""


def _change(
    sql: str, arguments: tuple[Any, ...], make: Callable[[Sequence[Row]], ResultT]
) -> Statement[ResultT]:
    # Run twice, it would say something else the second time, or do it twice.
    return Statement(
        sql, arguments, lambda rows: Decoded(make(rows)), idempotent=False, kind="put_atomically"
    )
