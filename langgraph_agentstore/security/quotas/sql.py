"""SQL of quotas: their limits, the triggers that count, and counting anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...config.quota_options import Limits
from ...model.namespaces import decode_labels
from ...results import Usage
from ...sql.statement import Decoded, Row, SqlContext, Statement
from ...sql.tables import Tables
from ..triggers import Trigger

QUOTA_TRIGGERS = tuple(
    Trigger(
        f"agentstore_usage_of_{event.lower()}",
        "item",
        f"AFTER {event}",
        f"REFERENCING {rows} FOR EACH STATEMENT",
        "count_usage",
    )
    for event, rows in (
        ("INSERT", "NEW TABLE AS added"),
        ("UPDATE", "OLD TABLE AS removed NEW TABLE AS added"),
        ("DELETE", "OLD TABLE AS removed"),
    )
)

_LIMITED = """(q.namespace = '' OR i.namespace = q.namespace
                  OR starts_with(i.namespace, q.namespace || ':'))"""


def limits_sql(tables: Tables) -> str:
    """Return the read of the limits in force."""
    return f"SELECT namespace, items, bytes, writes_per_minute FROM {tables.quota}"


def read_limits(rows: Sequence[Row]) -> dict[str, Limits]:
    """Return the limits by stored namespace, of the rows of `limits_sql`."""
    return {row[0]: Limits(row[1], row[2], row[3]) for row in rows}


def replace_limits_sql(tables: Tables) -> tuple[str, str]:
    """Return the statements that remove all limits, and put those of the columns `$1` to `$4`."""
    return (
        f"DELETE FROM {tables.quota}",
        f"""
INSERT INTO {tables.quota} (namespace, items, bytes, writes_per_minute)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])""",
    )


def columns_of_limits(limits: Mapping[str, Limits]) -> tuple[list[object], ...]:
    """Return the limits as the columns of `replace_limits_sql`."""
    return (
        list(limits),
        [limit.items for limit in limits.values()],
        [limit.bytes for limit in limits.values()],
        [limit.writes_per_minute for limit in limits.values()],
    )


def recount_sql(tables: Tables) -> tuple[str, str]:
    """Return the statements that count anew what all users have; nobody may write meanwhile."""
    return (
        f"DELETE FROM {tables.quota_usage}",
        f"""
INSERT INTO {tables.quota_usage} (user_id, namespace, items, bytes, minute, writes)
SELECT i.user_id, q.namespace, count(*), sum(octet_length(i.value::text)),
       date_trunc('minute', now()), 0
  FROM {tables.item} i JOIN {tables.quota} q ON {_LIMITED}
 WHERE i.user_id <> ''
 GROUP BY i.user_id, q.namespace""",
    )


def plan_usage(user_id: str, context: SqlContext) -> Statement[list[Usage]]:
    """Plan to read what a user has of each quota, by namespace; a user without items has none."""
    tables = context.tables
    sql = f"""
SELECT q.namespace, coalesce(u.items, 0), coalesce(u.bytes, 0),
       CASE WHEN u.minute >= date_trunc('minute', now()) THEN u.writes ELSE 0 END,
       q.items, q.bytes, q.writes_per_minute
  FROM {tables.quota} q
  LEFT JOIN {tables.quota_usage} u ON u.user_id = $1 AND u.namespace = q.namespace
 ORDER BY q.namespace"""
    return Statement(sql, (user_id,), _decode_usage, users=(user_id,), kind="count_usage")


def _decode_usage(rows: Sequence[Row]) -> Decoded[list[Usage]]:
    return Decoded([Usage(decode_labels(row[0]), *row[1:]) for row in rows])
