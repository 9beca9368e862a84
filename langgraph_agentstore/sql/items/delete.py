"""Deletes: of items, of namespaces with all below them, of users."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ...model.addresses import RemovedPlace
from ...model.namespaces import encode_labels
from ...model.users import SHARED, Region, users_of_regions
from ..change_notify import notify_change
from ..item_columns import key_is, same_key
from ..region_condition import region_condition
from ..statement import (
    Delete,
    ItemId,
    SqlContext,
    Statement,
    Users,
    columns_of,
    decode_count,
    written_once,
)


@written_once
def delete_one_sql(context: SqlContext) -> str:
    delete = f"""
DELETE FROM {context.tables.item} i
 WHERE {key_is()}"""
    removed = removing(delete, context, counts=of_first_user(context))
    return f"\nWITH {removed}\n{notify_change(context, gone=True)}"


@written_once
def delete_many_sql(context: SqlContext) -> str:
    delete = f"""
DELETE FROM {context.tables.item} i
 USING unnest($1::text[], $2::text[], $3::text[]) AS d (user_id, namespace, key)
 WHERE {same_key("i", "d")}{context.of_users("i", "$1::text[]")}"""
    removed = removing(delete, context, counts=context.of_users("a", "$1::text[]"))
    return f"\nWITH {removed}\n{notify_change(context, gone=True)}"


def of_first_user(context: SqlContext) -> str:
    """Return the condition that access counts `a` are of the one user of a statement.

    Only for distributed tables. On one server it would say twice what the keys say, and the
    database would expect so few counts that it compares each with each.
    """
    return context.either("", " AND a.user_id = $1")


def removing(delete: str, context: SqlContext, *others: str, counts: str = "") -> str:
    """Return the CTEs that run `delete` on the table `item i` and remove the access counts.

    `others` are further deletes, of other items. `written` has what went, and when it expired.
    `counts`: a condition on the access counts `a`, beside that of being of what went.
    """
    returned = """
    RETURNING i.user_id, i.namespace, i.key, i.version, i.expires_at"""
    parts = {f"gone_{n}": sql + returned for n, sql in enumerate((delete, *others), 1)}
    if others:
        first = "".join(f"{name} AS ({sql}\n), " for name, sql in parts.items())
        written = " UNION ALL ".join(f"SELECT * FROM {name}" for name in parts)
    else:
        first, written = "", delete + returned
    return f"""{first}written AS ({written}
), uncounted AS (
    DELETE FROM {context.tables.item_access} a USING written w
     WHERE {same_key("a", "w")}{counts}
)"""


def delete_statement(deletes: Sequence[Delete], context: SqlContext) -> tuple[str, tuple[Any, ...]]:
    """Return the statement for these deletes; missing items are no error."""
    if len(deletes) == 1:
        return delete_one_sql(context), deletes[0].item_id
    # In the order of the primary key, as puts are.
    return delete_many_sql(context), columns_of(sorted(delete.item_id for delete in deletes))


def plan_delete_regions(regions: Sequence[Region], context: SqlContext) -> Statement[int]:
    """Plan the removal of everything in the regions; it counts the items that had not expired."""
    arguments: list[Any] = []
    delete = f"""
DELETE FROM {context.tables.item} i
 WHERE {region_condition(regions, arguments)}"""
    users = users_of_regions(regions)
    removals = [RemovedPlace(r.user_id or SHARED, encode_labels(r.labels), None) for r in regions]
    return count_of_removed([delete], tuple(arguments), context, users, removals)


def plan_delete_version(
    item_id: ItemId, version: int, created_at: datetime, context: SqlContext
) -> Statement[int]:
    """Plan the removal of exactly this version of an item; it counts 0 if another is there.

    An item that was deleted and put again has its versions anew, but another `created_at`.
    """
    delete = f"""
DELETE FROM {context.tables.item} i
 WHERE {key_is()} AND i.version = $4 AND i.created_at = $5"""
    arguments, removals = (*item_id, version, created_at), [RemovedPlace(*item_id)]
    return count_of_removed([delete], arguments, context, (item_id[0],), removals)


@written_once
def _delete_user_sql(context: SqlContext) -> str:
    tables = context.tables
    # No change is told: it would keep the keys of what is erased. Who watches the user hears
    # that the watch has lapsed.
    others = (tables.item_access, tables.item_lock, tables.change, tables.watch)
    traces = "".join(
        f""", trace_{number} AS (
    DELETE FROM {table} WHERE user_id = $1
)"""
        for number, table in enumerate(others, 1)
    )
    traces += f""", unshared AS (
    DELETE FROM {tables.named("share")} WHERE user_id = $1 OR with_user = $1
)"""
    # Nobody watches over nodes.
    traces += context.either(
        f""", unwatched AS (
    DELETE FROM {tables.watch} WHERE watcher = $1
)""",
        "",
    )
    return f"""
WITH erased AS (
    DELETE FROM {tables.item} i WHERE i.user_id = $1 RETURNING i.expires_at
){traces}
SELECT count(*) FILTER (WHERE {context.live("e")}) FROM erased e"""


def plan_delete_user(user_id: str, context: SqlContext) -> Statement[int]:
    """Plan to erase a user: items with vectors, access counts, locks, watches and kept changes."""
    # The rows go once however often it runs, but a second run would count none of them.
    return Statement(
        _delete_user_sql(context),
        (user_id,),
        decode_count,
        idempotent=False,
        users=(user_id,),
        kind="delete_user",
    )


def count_of_removed(
    deletes: Sequence[str],
    arguments: tuple[Any, ...],
    context: SqlContext,
    users: Users | None = None,
    removals: Sequence[RemovedPlace] = (),
) -> Statement[int]:
    """Return a statement of deletes that counts the items that had not expired.

    `users`: whose; a single one is the argument `$1`. `removals`: what the guard of the store is
    asked about.
    """
    counts = of_first_user(context) if users is not None and len(users) == 1 else ""
    sql = f"""
WITH {removing(deletes[0], context, *deletes[1:], counts=counts)}, told AS (
{notify_change(context, f"{context.live('w')} AS live", gone=True)}
)
SELECT count(*) FILTER (WHERE live), count(told) FROM told"""

    # The rows go once however often it runs, but a second run would count none of them.
    return Statement(
        sql,
        arguments,
        decode_count,
        idempotent=False,
        users=users,
        kind="delete_items",
        removals=tuple(removals),
    )
