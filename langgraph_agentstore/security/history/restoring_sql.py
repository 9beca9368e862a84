"""Restoring: items become again what they were at a moment, page by page.

A restore is a write like any other: the triggers keep what it replaces, so it can be undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from ...model.users import Region, users_of_regions
from ...sql.change_notify import notify_change
from ...sql.item_columns import ADDRESS, ITEM, KEY, STILL_LISTED, key_of, names, same_key
from ...sql.region_condition import region_condition
from ...sql.statement import Decoded, ItemId, Row, SqlContext, Statement
from .reading_sql import KNOWN_SINCE, not_kept
from .restored import RestoreAction

_RESTORED_COLUMNS = ITEM[len(ADDRESS) :]
# What an item is: a version that grew meanwhile, or words that were made anew, are no difference.
_COMPARED = ("value", "metadata", "created_by", "created_at", "updated_at", "ttl", "expires_at")


@dataclass(frozen=True, slots=True)
class Restored:
    """An item of a page: what is to be done with it, or was done.

    `version`, `value` and `paths` are of an item that was written, in a store with an index.
    """

    item_id: ItemId
    action: RestoreAction
    version: int | None = None
    value: Any = None
    paths: Any = None


def plan_extent(
    regions: Sequence[Region], as_of: datetime, context: SqlContext
) -> Statement[tuple[int, datetime]]:
    """Plan to count the items that changed since a moment, and to tell the time."""
    arguments: list[Any] = [as_of]
    condition = region_condition(regions, arguments, "h")
    sql = f"""
SELECT $1 >= {KNOWN_SINCE}, {KNOWN_SINCE}, clock_timestamp(),
       (SELECT count(*) FROM (
               SELECT DISTINCT {key_of("h")} FROM {context.tables.named("item_history")} h
                WHERE {condition} AND h.changed_at > $1) changed)
  FROM {context.tables.named("history_rule")} r"""

    def decode(rows: Sequence[Row]) -> Decoded[tuple[int, datetime]]:
        if not rows or not rows[0][0]:
            raise not_kept(as_of, rows[0][1] if rows else None)
        _, _, now, count = rows[0]
        return Decoded((count, now))

    return Statement(
        sql, tuple(arguments), decode, users=users_of_regions(regions), kind="restore_extent"
    )


def plan_restore_page(
    regions: Sequence[Region],
    as_of: datetime,
    after: ItemId,
    size: int,
    context: SqlContext,
    *,
    dry_run: bool,
) -> Statement[list[Restored]]:
    """Plan to restore the next `size` items after one; with `dry_run`, only to tell what differs.

    An item that has expired since is gone: it stays away.
    """
    arguments: list[Any] = [*after, as_of, size]
    condition = region_condition(regions, arguments, "h")
    sql = f"""
WITH page AS MATERIALIZED (
    -- The first change after the moment has what was there at it.
    SELECT DISTINCT ON ({key_of("h")}) h.*
      FROM {context.tables.named("item_history")} h
     WHERE (h.user_id, h.namespace, h.key) > ($1, $2, $3) AND {condition} AND h.changed_at > $4
     ORDER BY {key_of("h")}, h.changed_at, h.seq
     LIMIT $5
), plan AS MATERIALIZED (
    SELECT p.*, CASE WHEN p.version IS NULL OR p.expires_at <= now()
                     THEN CASE WHEN i.user_id IS NULL THEN 'same' ELSE 'delete' END
                     WHEN {_differ()} THEN 'put' ELSE 'same' END AS action
      FROM page p LEFT JOIN {context.tables.item} i ON {same_key("i", "p")}
){"" if dry_run else _writes(context)}
{_page_told(context, dry_run=dry_run)}"""

    def decode(rows: Sequence[Row]) -> Decoded[list[Restored]]:
        return Decoded([_restored(row) for row in rows])

    users = users_of_regions(regions)
    return Statement(sql, tuple(arguments), decode, idempotent=False, users=users, kind="restore")


def _differ() -> str:
    compared = ", ".join(f"i.{name}" for name in _COMPARED)
    former = ", ".join(f"p.{name}" for name in _COMPARED)
    return f"ROW({compared}) IS DISTINCT FROM ROW({former})"


def _writes(context: SqlContext) -> str:
    columns = ", ".join(f"p.{column.name}" for column in (*ADDRESS, *_RESTORED_COLUMNS))
    replaced = ",\n           ".join(f"{c.name} = excluded.{c.name}" for c in _RESTORED_COLUMNS)
    return f""", removed AS (
    DELETE FROM {context.tables.item} i USING plan p
     WHERE {same_key("i", "p")} AND p.action = 'delete'
    RETURNING {key_of("i")}, i.version
), uncounted AS (
    DELETE FROM {context.tables.item_access} a USING removed w
     WHERE {same_key("a", "w")}
), restored AS (
    INSERT INTO {context.tables.item} AS i ({names((*ADDRESS, *_RESTORED_COLUMNS))}, version)
    SELECT {columns}, p.version FROM plan p WHERE p.action = 'put'
        ON CONFLICT ({KEY}) DO UPDATE SET
           version = greatest(i.version, excluded.version) + 1,
           {replaced},
           {STILL_LISTED}
    RETURNING {key_of("i")}, i.version
), written AS (
    SELECT * FROM removed UNION ALL SELECT * FROM restored
), told AS (
{notify_change(context, key_of("w"))}
)"""


def _page_told(context: SqlContext, *, dry_run: bool) -> str:
    """Return the SELECT of the page; what is to be indexed comes with its value."""
    if dry_run:
        return f"SELECT {key_of('p')}, p.action, NULL, NULL, NULL FROM plan p ORDER BY {KEY}"
    indexed = ", p.value, p.indexed_paths" if context.index is not None else ", NULL, NULL"
    return f"""SELECT {key_of("p")}, p.action, r.version{indexed}
  FROM plan p LEFT JOIN restored r USING ({KEY}) LEFT JOIN told t USING ({KEY})
 ORDER BY {key_of("p")}"""


def _restored(row: Row) -> Restored:
    user_id, stored, key, action, version, value, paths = row
    return Restored((user_id, stored, key), cast("RestoreAction", action), version, value, paths)
