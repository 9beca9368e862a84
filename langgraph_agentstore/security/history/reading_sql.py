"""Reads of history: an item's entries, entries by provenance, and an item as of a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ...errors import HistoryNotKeptError, InvalidOperationError
from ...model.json_values import shown
from ...model.namespaces import decode_labels
from ...model.provenance import FIELDS, Provenance
from ...model.users import Region, Scope, users_of_regions
from ...results import ItemRecord
from ...sql.item_columns import key_is, same_key
from ...sql.region_condition import region_condition
from ...sql.statement import Decoded, ItemId, Queue, Row, SqlContext, Statement, Users, written_once
from .entries import HistoryEntry

_RECORD = (
    "value",
    "version",
    "metadata",
    "created_by",
    "created_at",
    "updated_at",
    "expires_at",
    "ttl",
)
"""The columns of `ItemRecord`, after its address."""

KNOWN_SINCE = "greatest(r.began_at, now() - r.retention)"
"""From when on the rule `r` tells of every moment."""


def moment(name: str, given: object) -> datetime:
    """Return a moment; raise InvalidOperationError unless it is a datetime with a time zone."""
    if not isinstance(given, datetime) or given.tzinfo is None:
        raise InvalidOperationError(
            f"{name} is a datetime with a time zone, such as datetime.now(timezone.utc), got "
            f"{shown(given)}"
        )
    return given


def covered_sql(namespace: str) -> str:
    """Return the condition that the rule `r` covers a namespace."""
    return f"""(r.covered IS NULL OR EXISTS (
               SELECT 1 FROM unnest(r.covered) c (label)
                WHERE c.label = '' OR {namespace} = c.label
                   OR starts_with({namespace}, c.label || ':')))"""


def plan_as_of(
    item_id: ItemId, labels: tuple[str, ...], when: datetime, scope: Scope, context: SqlContext
) -> Statement[ItemRecord | None]:
    """Plan the read of an item as it was at a moment: before the first change after it."""

    def decode(rows: Sequence[Row]) -> Decoded[ItemRecord | None]:
        known, since, _, *record = rows[0] if rows else (False, None, None)
        if not known:
            raise not_kept(when, since)
        return Decoded(_record_of(item_id, labels, record, scope, context))

    arguments = (*item_id, when.isoformat())
    return Statement(
        _as_of_sql(context),
        arguments,
        decode,
        queue=Queue.SHARED,
        users=(item_id[0],),
        user_column=2,
        kind="list_as_of",
    )


@written_once
def _as_of_sql(context: SqlContext) -> str:
    columns = ", ".join(
        f"CASE WHEN h.seq IS NULL THEN i.{name} ELSE h.{name} END AS {name}" for name in _RECORD
    )
    return f"""
SELECT {covered_sql("$2::text")} AND w.moment >= {KNOWN_SINCE}, {KNOWN_SINCE}, was.*
  FROM {context.tables.named("history_rule")} r
 CROSS JOIN (SELECT $4::text::timestamptz AS moment) w
  LEFT JOIN LATERAL (
       SELECT h.* FROM {context.tables.named("item_history")} h
        WHERE {key_is("h")} AND h.changed_at > w.moment
        ORDER BY h.changed_at, h.seq LIMIT 1) h ON true
  LEFT JOIN {context.tables.item} i
    ON h.seq IS NULL AND {key_is()}
  LEFT JOIN LATERAL (SELECT coalesce(h.user_id, i.user_id), {columns}) was
    ON (was.expires_at > w.moment) IS NOT FALSE
 WHERE r.one"""


def no_history() -> HistoryNotKeptError:
    """Return the error for a store without history."""
    return HistoryNotKeptError("no history is kept here: make the store with history=True")


def not_kept(when: datetime, since: datetime | None) -> HistoryNotKeptError:
    """Return the error for a moment of which history does not tell."""
    if since is None:
        return no_history()
    return HistoryNotKeptError(
        f"history does not tell of {when:%Y-%m-%d %H:%M:%S %Z} here: it goes back to "
        f"{since:%Y-%m-%d %H:%M:%S %Z}, in the namespaces of the store's history="
    )


def plan_history(
    item_id: ItemId, limit: int, before: datetime | None, scope: Scope, context: SqlContext
) -> Statement[list[HistoryEntry]]:
    """Plan the read of an item's newest entries, newest first."""
    arguments: list[Any] = [*item_id]
    conditions = [key_is("h")]
    if before is not None:
        arguments.append(before)
        conditions.append(f"h.changed_at < ${len(arguments)}")
    sql = _history_rows_sql(conditions, len(arguments) + 1, context, users="ARRAY[$1::text]")
    return _read_of_entries(sql, (*arguments, limit), (item_id[0],), scope, context)


def plan_changes(
    regions: Sequence[Region],
    said: Provenance,
    within: tuple[datetime | None, datetime | None],
    limit: int,
    scope: Scope,
    context: SqlContext,
) -> Statement[list[HistoryEntry]]:
    """Plan the read of the newest entries of the regions whose provenance has these fields.

    `within`: the first and the last moment, None for any.
    """
    arguments: list[Any] = []
    conditions = [region_condition(regions, arguments, "h")]
    if said.said:
        arguments.append(said.text.encode())
        conditions.append(f"h.provenance @> ${len(arguments)}::jsonb")
    for sign, limited in zip((">=", "<="), within, strict=True):
        if limited is not None:
            arguments.append(limited)
            conditions.append(f"h.changed_at {sign} ${len(arguments)}")
    users = users_of_regions(regions)
    sql = _history_rows_sql(conditions, len(arguments) + 1, context)
    return _read_of_entries(sql, (*arguments, limit), users, scope, context)


def _read_of_entries(
    sql: str, arguments: tuple[Any, ...], users: Users | None, scope: Scope, context: SqlContext
) -> Statement[list[HistoryEntry]]:
    def decode(rows: Sequence[Row]) -> Decoded[list[HistoryEntry]]:
        return Decoded([_history_entry(row, scope, context) for row in rows])

    return Statement(
        sql,
        arguments,
        decode,
        queue=Queue.EQUAL_READS,
        users=users,
        user_column=0,
        kind="list_history",
    )


def _history_rows_sql(
    conditions: Sequence[str], limit: int, context: SqlContext, users: str = ""
) -> str:
    """Return the read of entries; `users`: the array of whose they are, if there is one."""
    later, present = (context.of_users(alias, users) if users else "" for alias in ("n", "i"))
    kept = ", ".join(f"h.{name}" for name in _RECORD)
    return f"""
SELECT h.user_id, h.namespace, h.key, h.changed_at, h.seq, h.operation, h.new_version,
       h.provenance, h.role,
       -- What the write left: the next one replaced it, or it is there still.
       CASE WHEN h.new_version IS NULL THEN NULL
            WHEN n.seq IS NOT NULL THEN n.value ELSE i.value END,
       {kept}
  FROM (SELECT h.* FROM {context.tables.named("item_history")} h
         WHERE {" AND ".join(conditions)}
         ORDER BY h.changed_at DESC, h.seq DESC LIMIT ${limit}) h
  LEFT JOIN LATERAL (
       SELECT n.seq, n.value FROM {context.tables.named("item_history")} n
        WHERE {same_key("n", "h")}{later}
          AND (n.changed_at, n.seq) > (h.changed_at, h.seq)
        ORDER BY n.changed_at, n.seq LIMIT 1) n ON true
  LEFT JOIN {context.tables.item} i
    ON n.seq IS NULL AND {same_key("i", "h")}{present}
 ORDER BY h.changed_at DESC, h.seq DESC"""


def _history_entry(row: Row, scope: Scope, context: SqlContext) -> HistoryEntry:
    user_id, stored, key, changed_at, number, operation, version, said, role, value, *kept = row
    item_id, labels = (user_id, stored, key), scope.labels(user_id, decode_labels(stored))
    return HistoryEntry(
        namespace=labels,
        key=key,
        changed_at=changed_at,
        number=number,
        operation=operation,
        version=version,
        value=None if version is None else scope.value(opened_value(item_id, value, context)),
        provenance=_provenance(said),
        role=role,
        replaced=_record_of(item_id, labels, kept, scope, context),
    )


def _provenance(said: Any) -> Provenance:
    return Provenance(**{name: str(said[name]) for name in FIELDS if name in said})


def _record_of(
    item_id: ItemId,
    labels: tuple[str, ...],
    columns: Sequence[Any],
    scope: Scope,
    context: SqlContext,
) -> ItemRecord | None:
    value, version, *others = columns
    if version is None:
        return None
    *others, ttl = others
    minutes = None if ttl is None else ttl / timedelta(minutes=1)
    value = scope.value(opened_value(item_id, value, context))
    return ItemRecord(labels, item_id[2], value, version, *(*others, minutes))


def opened_value(item_id: ItemId, stored: Any, context: SqlContext) -> Any:
    """Return a value as it was written: history keeps it as it was stored."""
    sealing = context.sealing
    return stored if sealing is None or stored is None else sealing.opened(item_id, stored)
