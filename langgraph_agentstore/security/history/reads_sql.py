"""The audit of reads: who read which user's items, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...model.namespaces import decode_labels
from ...model.provenance import FIELDS, Provenance
from ...model.users import Region, Scope, users_of_regions
from ...sql.region_condition import region_condition
from ...sql.statement import Decoded, Queue, Row, SqlContext, Statement
from ...sql.tables import Tables
from .sealing_sql import FIXED_RIGHTS


@dataclass(frozen=True, slots=True)
class NotedRead:
    """Reads of one kind by one reader. `namespace` and `key`: stored, of a single item."""

    user_id: str
    operation: str
    namespace: str | None
    key: str | None
    said: str


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """Reads of a user's items by one reader.

    `operation`: "get" of the item `namespace`, `key`; "search" or "read" of what a statement
    finds, whose `namespace` and `key` are None. `reads`: how often. `read_at`: less than a second
    after the last of them. `provenance`, `role`: as in a `HistoryEntry`.
    """

    user_id: str
    operation: str
    namespace: tuple[str, ...] | None
    key: str | None
    reads: int
    read_at: datetime
    provenance: Provenance
    role: str


def reads_setup(tables: Tables) -> str:
    """Return the function that writes the audit of reads with the rights of its owner."""
    return f"""
CREATE OR REPLACE FUNCTION {tables.named("note_reads")}(_users text[], _operations text[],
        _namespaces text[], _keys text[], _reads bigint[], _said jsonb[]) RETURNS void
    LANGUAGE sql {FIXED_RIGHTS} AS $agentstore$
    INSERT INTO {tables.named("item_read")}
           (user_id, read_at, seq, xact, operation, namespace, key, reads, provenance, role, salt)
    SELECT r.user_id, clock_timestamp(),
           nextval(pg_get_serial_sequence({_literal_of(tables)}, 'seq')), pg_current_xact_id(),
           r.operation, r.namespace, r.key, r.reads, r.said, session_user, gen_random_uuid()
      FROM unnest(_users, _operations, _namespaces, _keys, _reads, _said)
           AS r (user_id, operation, namespace, key, reads, said)
$agentstore$"""


def _literal_of(tables: Tables) -> str:
    return "'" + tables.named("item_history").replace("'", "''") + "'"


def plan_note_reads(noted: Mapping[NotedRead, int], context: SqlContext) -> Statement[None]:
    """Plan to write the reads noted, each with its number."""
    sql = (
        f"SELECT {context.tables.named('note_reads')}($1::text[], $2::text[], $3::text[], "
        "$4::text[], $5::bigint[], $6::jsonb[])"
    )
    arguments = (
        [read.user_id for read in noted],
        [read.operation for read in noted],
        [read.namespace for read in noted],
        [read.key for read in noted],
        list(noted.values()),
        [read.said.encode() for read in noted],
    )
    return Statement(sql, arguments, lambda _: Decoded(None), idempotent=False, kind="note_reads")


def plan_reads(
    regions: Sequence[Region],
    within: tuple[datetime | None, datetime | None],
    limit: int,
    scope: Scope,
    context: SqlContext,
) -> Statement[list[ReadEntry]]:
    """Plan the read of the audit, newest first. `within`: the first and the last moment."""
    arguments: list[Any] = []
    conditions = [region_condition(regions, arguments, "a")]
    for sign, limited in zip((">=", "<="), within, strict=True):
        if limited is not None:
            arguments.append(limited)
            conditions.append(f"a.read_at {sign} ${len(arguments)}")
    arguments.append(limit)
    sql = f"""
SELECT a.user_id, a.operation, a.namespace, a.key, a.reads, a.read_at, a.provenance, a.role
  FROM {context.tables.named("item_read")} a
 WHERE {" AND ".join(conditions)}
 ORDER BY a.read_at DESC, a.seq DESC LIMIT ${len(arguments)}"""

    def decode(rows: Sequence[Row]) -> Decoded[list[ReadEntry]]:
        return Decoded([_read_entry(row, scope) for row in rows])

    users = users_of_regions(regions)
    return Statement(
        sql, tuple(arguments), decode, queue=Queue.ALONE, users=users, kind="list_reads"
    )


def _read_entry(row: Row, scope: Scope) -> ReadEntry:
    user_id, operation, stored, key, reads, at, said, role = row
    labels = None if stored is None else scope.labels(user_id, decode_labels(stored))
    told = Provenance(**{name: str(said[name]) for name in FIELDS if name in said})
    return ReadEntry(user_id, operation, labels, key, reads, at, told, role)
