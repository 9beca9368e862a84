"""The states of records, by which a watch of distributed tables finds out what changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from ...model.addresses import ItemAddress
from ...sql.statement import Row, SqlContext, written_once
from .changes import StoredChange, opened_change, watched_namespaces

RecordKey: TypeAlias = tuple[str, str]
"""The stored namespace and the key of a record."""


class RecordState(NamedTuple):
    """The state of a record, to be compared; a record made anew has the first version again."""

    version: int
    created_at: datetime


@written_once
def record_states_sql(context: SqlContext, with_below: bool) -> str:
    """Return the read of the states of the records whose keys begin with `$3`."""
    namespace = watched_namespaces("i.namespace", "$2", with_below=with_below)
    return f"""
SELECT i.namespace, i.key, i.version, i.created_at FROM {context.tables.item} i
 WHERE i.user_id = $1 AND {namespace} AND starts_with(i.key, $3) AND {context.live()}"""


def record_states_statement(
    at: ItemAddress, prefix: str, context: SqlContext, *, with_below: bool
) -> tuple[str, tuple[Any, ...]]:
    """Read the states of all records whose keys begin with `prefix`."""
    return record_states_sql(context, with_below), (at.user_id, at.stored, prefix)


@written_once
def changed_records_sql(context: SqlContext) -> str:
    """Return the read of these records, in the order in which they were written."""
    # OFFSET 0: each record is looked up. A plan for few records might compare it with every row.
    return f"""
SELECT i.*
  FROM unnest($2::text[], $3::text[]) AS k (namespace, key)
 CROSS JOIN LATERAL (
       SELECT i.namespace, i.key, i.version, i.created_at, i.value, i.updated_at
         FROM {context.tables.item} i
        WHERE i.user_id = $1 AND i.namespace = k.namespace AND i.key = k.key
          AND {context.live()}
       OFFSET 0) i
 ORDER BY i.updated_at, i.namespace, i.key"""


def changed_records_statement(
    user_id: str, records: Sequence[RecordKey], context: SqlContext
) -> tuple[str, tuple[Any, ...]]:
    """Read these records with their values; missing ones are left out."""
    namespaces, keys = [namespace for namespace, _ in records], [key for _, key in records]
    return changed_records_sql(context), (user_id, namespaces, keys)


def decode_states(rows: Sequence[Row]) -> dict[RecordKey, RecordState]:
    """Return the state of each record."""
    return {(row[0], row[1]): RecordState(row[2], row[3]) for row in rows}


def decode_changed(user_id: str, row: Row, context: SqlContext) -> StoredChange:
    """Return the change that a row of `changed_records_statement` tells."""
    change = StoredChange(row[0], row[1], row[2], False, row[4], row[5])
    if context.sealing is None:
        return change
    return opened_change(user_id, change, context.sealing)
