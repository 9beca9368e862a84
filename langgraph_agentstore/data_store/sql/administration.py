"""Looking after records as a whole: counts, sizes, activity, pages, removal; one statement each.

Unlike a user's own reads these see every user, the shared space, and namespaces that no string
names: the root, and those whose labels hold a colon.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...model.addresses import ItemAddress
from ...model.json_values import encode_value
from ...model.namespaces import Labels, decode_labels, encode_labels
from ...model.users import SHARED
from ...sql.item_columns import same_key
from ...sql.items.delete import count_of_removed
from ...sql.items.records import StoredRecord, plan_records_by_key
from ...sql.region_condition import at_or_below
from ...sql.sealing import with_opened_values, within
from ...sql.statement import Decoded, ItemId, Queue, ResultT, Row, SqlContext, Statement, Users


@dataclass(frozen=True, slots=True)
class Within:
    """The part to look at: `user_id` None, every user and the shared space; "", the latter alone.

    `labels` None: every namespace; else exactly that one, and with `below` those below it too.
    """

    user_id: str | None = None
    labels: Labels | None = None
    below: bool = False

    @property
    def users(self) -> Users | None:
        """The users whose rows are within it; None for all."""
        return None if self.user_id is None else (self.user_id,)

    def condition(self, arguments: list[Any]) -> str:
        """Return the condition that rows of `item i` within it meet; append its arguments."""
        parts = ["true"]
        if self.user_id is not None:
            arguments.append(self.user_id)
            parts.append(f"i.user_id = ${len(arguments)}")
        if self.labels and self.below:
            parts.append(at_or_below(encode_labels(self.labels), arguments))
        elif self.labels is not None and not self.below:
            arguments.append(encode_labels(self.labels))
            parts.append(f"i.namespace = ${len(arguments)}::text")
        return " AND ".join(parts)


@dataclass(frozen=True, slots=True)
class NamespaceCount:
    """How many records exactly this namespace of a user holds.

    `namespace` is what is shown; where no string names it, only `labels` reach it.
    """

    user_id: str
    namespace: str
    labels: Labels
    records: int
    first_created_at: datetime
    last_updated_at: datetime


@dataclass(frozen=True, slots=True)
class NamespaceSize:
    """How many bytes the values of a namespace have.

    `json_bytes`: as JSON text, as Postgres writes it; `stored_bytes`: in the table, where large
    ones are compressed; `largest_bytes`: the longest text of one value.
    """

    user_id: str
    namespace: str
    labels: Labels
    records: int
    json_bytes: int
    stored_bytes: int
    largest_bytes: int


@dataclass(frozen=True, slots=True)
class AgentCount:
    """How many records an agent created; `agent` None: written first by LangGraph's methods."""

    agent: str | None
    users: int
    records: int
    last_created_at: datetime


@dataclass(frozen=True, slots=True)
class AccessedRecord:
    """Who read a record, and how often; `last_accessed_*` also tells of who wrote it."""

    user_id: str
    namespace: str
    labels: Labels
    key: str
    access_count: int
    last_accessed_at: datetime
    last_accessed_by_agent: str


@dataclass(frozen=True, slots=True)
class LargeRecord:
    """A record with a large value; `json_bytes` of its JSON text, as Postgres writes it."""

    user_id: str
    namespace: str
    labels: Labels
    key: str
    json_bytes: int
    created_by_agent: str | None
    updated_at: datetime


def plan_namespace_counts(
    within: Within, limit: int | None, context: SqlContext
) -> Statement[list[NamespaceCount]]:
    """Namespaces, by user and labels."""
    arguments: list[Any] = [limit]
    sql = f"""
SELECT i.user_id, i.namespace, count(*), min(i.created_at), max(i.updated_at)
  FROM {context.tables.item} i
 WHERE {within.condition(arguments)} AND {context.live()}
 GROUP BY i.user_id, i.namespace, i.place
 ORDER BY i.user_id, i.place
 LIMIT $1"""
    return _listing(sql, arguments, lambda row: NamespaceCount(*_shown_row(row)), within.users)


def plan_namespace_sizes(
    within: Within, limit: int | None, context: SqlContext
) -> Statement[list[NamespaceSize]]:
    """Namespaces, the largest first. Reads every value."""
    arguments: list[Any] = [limit]
    sql = f"""
SELECT s.user_id, s.namespace, count(*), sum(s.json)::bigint, sum(s.stored)::bigint, max(s.json)
  FROM (SELECT i.user_id, i.namespace, i.place, octet_length(i.value::text) AS json,
               pg_column_size(i.value) AS stored
          FROM {context.tables.item} i
         WHERE {within.condition(arguments)} AND {context.live()}) s
 GROUP BY s.user_id, s.namespace, s.place
 ORDER BY sum(s.json) DESC, s.user_id, s.place
 LIMIT $1"""
    return _listing(sql, arguments, lambda row: NamespaceSize(*_shown_row(row)), within.users)


def plan_agent_counts(within: Within, context: SqlContext) -> Statement[list[AgentCount]]:
    """Count the records that each agent created, most first."""
    arguments: list[Any] = []
    sql = f"""
SELECT i.created_by, count(DISTINCT i.user_id), count(*), max(i.created_at)
  FROM {context.tables.item} i
 WHERE {within.condition(arguments)} AND {context.live()}
 GROUP BY i.created_by
 ORDER BY count(*) DESC, i.created_by COLLATE "C" NULLS LAST"""
    return _listing(sql, arguments, lambda row: AgentCount(*row), within.users)


def plan_accessed(
    within: Within, limit: int | None, context: SqlContext, *, recent: bool
) -> Statement[list[AccessedRecord]]:
    """Read the records that were read most often, or last touched if `recent`."""
    arguments: list[Any] = [limit]
    touched, order = "a.access_count > 0", "a.access_count DESC, a.last_accessed_at DESC"
    if recent:
        touched, order = "true", "a.last_accessed_at DESC"
    sql = f"""
SELECT i.user_id, i.namespace, i.key, a.access_count, a.last_accessed_at, a.last_accessed_by
  FROM {context.tables.item_access} a
  JOIN {context.tables.item} i
    ON {same_key("i", "a")}
   -- Counts of a record that was removed say nothing about the one that took its place.
   AND i.created_at = a.item_created_at
 WHERE {touched} AND {within.condition(arguments)} AND {context.live()}
 ORDER BY {order}, i.user_id, i.place, i.key
 LIMIT $1"""
    return _listing(sql, arguments, lambda row: AccessedRecord(*_shown_row(row)), within.users)


def plan_larger_than(
    size_bytes: int, within: Within, limit: int | None, context: SqlContext
) -> Statement[list[LargeRecord]]:
    """Read the records with larger values, largest first. Reads every value."""
    arguments: list[Any] = [size_bytes, limit]
    sql = f"""
SELECT s.user_id, s.namespace, s.key, s.json, s.created_by, s.updated_at
  FROM (SELECT i.user_id, i.namespace, i.place, i.key, i.created_by, i.updated_at,
               octet_length(i.value::text) AS json
          FROM {context.tables.item} i
         WHERE {within.condition(arguments)} AND {context.live()}) s
 WHERE s.json > $1::bigint
 ORDER BY s.json DESC, s.user_id, s.place, s.key
 LIMIT $2"""
    return _listing(sql, arguments, lambda row: LargeRecord(*_shown_row(row)), within.users)


def plan_page_of_records(
    within: Within, after: ItemId | None, size: int, context: SqlContext
) -> Statement[list[StoredRecord]]:
    """Read the next whole records, in the order of the primary key."""
    return plan_records_by_key(within.condition, after, size, context, within.users)


def plan_delete_within(within: Within, context: SqlContext) -> Statement[int]:
    """Remove what is within; without a user, of all users but not of the shared space."""
    arguments: list[Any] = []
    condition = within.condition(arguments)
    if within.user_id is None:
        condition = f"i.user_id > '{SHARED}' AND {condition}"
    delete = f"""
DELETE FROM {context.tables.item} i
 WHERE {condition}"""
    return count_of_removed([delete], tuple(arguments), context, within.users)


def plan_glance(
    at: ItemAddress, limit: int, preview: int, context: SqlContext
) -> Statement[tuple[Any, Any]]:
    """How many records a namespace has, and its first: key, and the beginning of its JSON text."""
    is_sealed = context.sealing is not None
    shown = "i.value, $4::integer" if is_sealed else "left(i.value::text, $4)"
    sql = f"""
SELECT total.count, first.*
  FROM (SELECT count(*) FROM {context.tables.item} i
         WHERE i.user_id = $1 AND i.namespace = $2 AND {context.live()}) total
  LEFT JOIN LATERAL (
    SELECT i.key, {shown} FROM {context.tables.item} i
     WHERE i.user_id = $1 AND i.namespace = $2 AND {context.live()}
     ORDER BY i.key LIMIT $3) first ON true"""

    def decode(rows: Sequence[Row]) -> Decoded[tuple[Any, Any]]:
        found = [row[1:3] for row in rows if row[1] is not None]
        if is_sealed:
            found = [(key, encode_value(value).decode()[:preview]) for key, value in found]
        return Decoded((rows[0][0], [(key, text) for key, text in found]))

    opened = with_opened_values(decode, 2, within(at.user_id, at.stored, 1), context)
    return Statement(
        sql,
        (at.user_id, at.stored, limit, preview),
        opened,
        queue=Queue.EQUAL_READS,
        kind="list_glance",
    )


def _shown_row(row: Row) -> tuple[Any, ...]:
    labels = decode_labels(row[1])
    return row[0], ":".join(labels), labels, *row[2:]


def _listing(
    sql: str, arguments: Sequence[Any], make: Callable[[Row], ResultT], users: Users | None
) -> Statement[list[ResultT]]:
    def decode(rows: Sequence[Row]) -> Decoded[list[ResultT]]:
        return Decoded([make(row) for row in rows])

    return Statement(
        sql, tuple(arguments), decode, queue=Queue.EQUAL_READS, users=users, kind="list_records"
    )
