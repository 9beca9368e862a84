"""SQL of retention: the index of each policy, and the removal of what is too old."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from ...sql.change_notify import notify_change
from ...sql.filters.indexes import FilterIndex
from ...sql.item_columns import same_key
from ...sql.items.delete import removing
from ...sql.statement import SqlContext, Statement, decode_count, written_once
from ...sql.tables import Tables


def retention_indexes(tables: Tables, namespaces: Sequence[str]) -> list[FilterIndex]:
    """Return the index of each policy: of the items of its namespace alone, oldest first."""
    return [_retention_index(tables, stored) for stored in namespaces]


def plan_retention(
    stored: str, age: timedelta, batch_size: int, context: SqlContext, *, held: bool
) -> Statement[int]:
    """Plan to delete at most `batch_size` items of a namespace that were last written too long ago.

    The oldest go first. `held`: whether there are legal holds, whose items are left out.
    """
    return Statement(
        _retention_sql(context, stored, held), (batch_size, age), decode_count, kind="sweep"
    )


@written_once
def _retention_sql(context: SqlContext, stored: str, held: bool) -> str:
    delete = f"""
DELETE FROM {context.tables.item} i USING old e
 WHERE {same_key("i", "e")}"""
    alone = context.either(" FOR UPDATE SKIP LOCKED", "")
    old = "i.updated_at < now() - $2::interval"
    if held:
        old += f" AND {context.tables.quoted}.hold_of(i.user_id, i.namespace) IS NULL"
    return f"""
WITH old AS (
    -- The namespace stands in the text, as in the index, which serves no parameter. Several
    -- processes may do this at once: each takes what no other holds.
    SELECT i.user_id, i.namespace, i.key FROM {context.tables.item} i
     WHERE {_covered("i.", stored)} AND {old}
     ORDER BY i.updated_at LIMIT $1{alone}
), {removing(delete, context)}, told AS (
{notify_change(context, "w.key", gone=True)}
)
SELECT count(*), count(told) FROM told"""


def _retention_index(tables: Tables, stored: str) -> FilterIndex:
    name = f"item_retention_{hashlib.sha256(stored.encode()).hexdigest()[:12]}"
    return FilterIndex(
        name,
        tables.item,
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {tables.item} (updated_at) "
        f"WHERE {_covered('', stored)}",
        f"DROP INDEX CONCURRENTLY IF EXISTS {tables.quoted}.{name}",
    )


def _covered(prefix: str, stored: str) -> str:
    text, column = stored.replace("'", "''"), f"{prefix}namespace"
    return (
        f"({column} = '{text}'::text OR ({column} >= '{text}:'::text "
        f"AND {column} < '{text};'::text))"
    )
