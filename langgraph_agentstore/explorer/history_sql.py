"""The history of a store, newest first in bounded steps, and the state of its audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from ..model.namespaces import Labels, decode_labels
from ..model.provenance import FIELDS
from ..sql.statement import Decoded, Queue, Row, SqlContext, Statement

MOST_LOOKED_BACK = 10_000
"""Entries of all users that are looked at for a page of one user's."""

MOST_UNSEALED = 10_000
"""Counting entries without a seal ends here."""

HistoryCursor: TypeAlias = "tuple[int, int]"
"""The transaction and the number of an entry."""


@dataclass(frozen=True, slots=True)
class NotedEntry:
    """A write, a delete, or reads: of which item, by whom.

    `labels` and `key` are None for reads of what a search found; `number`: the version written, or
    how many reads.
    """

    user_id: str
    labels: Labels | None
    key: str | None
    at: datetime
    operation: str
    number: int | None
    by: str


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of entries; `next` is the cursor to continue after, None at the end.

    `is_short`: too few of the entries looked at are of the user.
    """

    entries: list[NotedEntry]
    next: HistoryCursor | None
    is_short: bool = False


@dataclass(frozen=True, slots=True)
class AuditState:
    """The rule of a store's history, and its newest seal; `seals` is 0 without one."""

    began_at: datetime
    retention: timedelta | None
    covered: list[str] | None
    seals: int
    sealed_at: datetime | None
    head: str | None
    unsealed: int


def plan_changes_back(
    context: SqlContext, user_id: str | None, before: HistoryCursor | None, size: int
) -> Statement[HistoryPage]:
    """Plan the read of the next older writes and deletes, of one user or of all."""
    columns = "h.changed_at AS at, h.operation, h.new_version AS number"
    return _plan_back("item_history", columns, context, user_id, before, size)


def plan_reads_back(
    context: SqlContext, user_id: str | None, before: HistoryCursor | None, size: int
) -> Statement[HistoryPage]:
    """Plan the read of the next older entries of the audit of reads, of one user or of all."""
    columns = "h.read_at AS at, h.operation, h.reads AS number"
    return _plan_back("item_read", columns, context, user_id, before, size)


def _plan_back(
    table: str,
    columns: str,
    context: SqlContext,
    user_id: str | None,
    before: HistoryCursor | None,
    size: int,
) -> Statement[HistoryPage]:
    arguments: list[Any] = [size + 1, user_id]
    older = "true"
    if before is not None:
        arguments += [str(before[0]), before[1]]
        older = "(h.xact, h.seq) < ($3::text::xid8, $4::bigint)"
    rows = f"""h.xact, h.seq, h.user_id, h.namespace, h.key, {columns}, h.provenance, h.role
      FROM {context.tables.named(table)} h"""
    looked_at = _looked_at_of_all(rows, older)
    if user_id is not None:
        looked_at = _looked_at_of_user(rows, context.tables.named(table), older)
    sql = f"""
WITH {looked_at}
SELECT p.xact::text, p.seq, p.user_id, p.namespace, p.key, p.at, p.operation, p.number,
       p.provenance, p.role,
       (SELECT l.xact::text FROM looked_at l ORDER BY l.xact, l.seq LIMIT 1),
       (SELECT l.seq FROM looked_at l ORDER BY l.xact, l.seq LIMIT 1),
       (SELECT count(*) FROM looked_at)
  FROM (SELECT 1) one
  LEFT JOIN (SELECT * FROM looked_at l WHERE $2::text IS NULL OR l.user_id = $2
              ORDER BY l.xact DESC, l.seq DESC LIMIT $1) p ON true
 ORDER BY p.xact DESC, p.seq DESC"""

    def decode(rows: Sequence[Row]) -> Decoded[HistoryPage]:
        return Decoded(_page_of(rows, size, is_of_user=user_id is not None))

    users = None if user_id is None else (user_id,)
    return Statement(
        sql, tuple(arguments), decode, queue=Queue.EQUAL_READS, users=users, kind="list_history"
    )


def _looked_at_of_all(rows: str, older: str) -> str:
    return f"""looked_at AS MATERIALIZED (
    SELECT {rows}
     WHERE {older} ORDER BY h.xact DESC, h.seq DESC LIMIT $1)"""


def _looked_at_of_user(rows: str, table: str, older: str) -> str:
    """Return CTEs: of a short history all of the user's; else the newest of all users."""
    return f"""short AS MATERIALIZED (
    SELECT NOT EXISTS (SELECT 1 FROM {table} h WHERE h.user_id = $2
                       OFFSET {MOST_LOOKED_BACK}) AS is_short
), looked_at AS MATERIALIZED (
    SELECT own.* FROM short CROSS JOIN LATERAL (
        SELECT {rows}
         WHERE short.is_short AND h.user_id = $2 AND {older}) own
    UNION ALL
    SELECT walked.* FROM short CROSS JOIN LATERAL (
        SELECT {rows}
         WHERE NOT short.is_short AND {older}
         ORDER BY h.xact DESC, h.seq DESC LIMIT {MOST_LOOKED_BACK}) walked)"""


def _page_of(rows: Sequence[Row], size: int, *, is_of_user: bool) -> HistoryPage:
    found = [row for row in rows if row[0] is not None]
    entries = [_entry_of(row) for row in found[:size]]
    if len(found) > size:
        last = found[size - 1]
        return HistoryPage(entries, (int(last[0]), last[1]))
    xact, seq, looked_at = rows[0][10:]
    if is_of_user and looked_at == MOST_LOOKED_BACK:
        return HistoryPage(entries, (int(xact), seq), is_short=True)
    return HistoryPage(entries, None)


def _entry_of(row: Row) -> NotedEntry:
    _, _, user_id, stored, key, at, operation, number, said, role = row[:10]
    labels = None if stored is None else decode_labels(stored)
    by = " ".join(str(said[name]) for name in FIELDS if name in said)
    return NotedEntry(user_id, labels, key, at, operation, number, by or role)


def plan_audit_state(context: SqlContext) -> Statement[AuditState | None]:
    """Plan the read of the state of the audit; None where no history is kept."""
    named = context.tables.named
    unsealed = "\n       + ".join(
        f"""(SELECT count(*) FROM (SELECT 1 FROM {named(table)} h
             WHERE h.xact > coalesce(s.upto, '0') LIMIT {MOST_UNSEALED + 1}) {table})"""
        for table in ("item_history", "item_read")
    )
    sql = f"""
SELECT r.began_at, r.retention, r.covered, coalesce(s.number, 0), s.sealed_at,
       encode(s.hash, 'hex'), {unsealed}
  FROM {named("history_rule")} r
  LEFT JOIN (SELECT * FROM {named("history_seal")} ORDER BY number DESC LIMIT 1) s ON true
 WHERE r.one"""

    def decode(rows: Sequence[Row]) -> Decoded[AuditState | None]:
        return Decoded(AuditState(*rows[0]) if rows else None)

    return Statement(sql, (), decode, queue=Queue.EQUAL_READS, kind="check_history")


def plan_seal_sizes(after: int, size: int, context: SqlContext) -> Statement[list[int]]:
    """Plan the read of how many entries the next `size` seals after one have."""
    sql = f"""
SELECT cardinality(s.seqs) FROM {context.tables.named("history_seal")} s
 WHERE s.number > $1 ORDER BY s.number LIMIT $2"""
    return Statement(
        sql,
        (after, size),
        lambda rows: Decoded([row[0] for row in rows]),
        queue=Queue.EQUAL_READS,
        kind="check_history",
    )
