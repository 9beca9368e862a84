"""Puts: any number of items by one statement; and the put that expects a version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ...errors import VersionConflictError
from ..change_notify import with_change_notify
from ..statement import (
    NO_METADATA,
    Decoded,
    Put,
    PutExpected,
    PutTogether,
    Row,
    SqlContext,
    Statement,
    columns_of,
    written_once,
)
from .on_conflict import (
    AUTHORED,
    COLUMNS,
    ONLY_WHERE_ABSENT,
    REPLACE,
)
from .put_indexed import put_expected_indexed_statement, put_indexed_statement


@written_once
def put_one_sql(context: SqlContext) -> str:
    return with_change_notify(_insert_one(context), context)


def _insert_one(context: SqlContext) -> str:
    return f"""
INSERT INTO {context.tables.item} AS i ({COLUMNS}, {AUTHORED})
VALUES ($1, $2, $3, $4, $5, now(), now(), now() + $6::interval, $6, $7, $8)
    ON CONFLICT (user_id, namespace, key) DO UPDATE SET {REPLACE}"""


@written_once
def put_many_sql(context: SqlContext) -> str:
    """For items that never expire, as LangGraph writes them: a tenth less work for the server."""
    item = context.tables.item
    insert = f"""
INSERT INTO {item} AS i (user_id, namespace, key, place, value, created_at, updated_at)
SELECT p.user_id, p.namespace, p.key, p.place, p.value, now(), now()
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[])
       AS p (user_id, namespace, key, place, value)
    ON CONFLICT (user_id, namespace, key) DO UPDATE SET {REPLACE}"""
    return with_change_notify(insert, context)


@written_once
def put_many_whole_sql(context: SqlContext) -> str:
    insert = f"""
INSERT INTO {context.tables.item} AS i ({COLUMNS}, {AUTHORED})
SELECT p.user_id, p.namespace, p.key, p.place, p.value, now(), now(), now() + p.ttl, p.ttl,
       p.metadata, p.created_by
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::interval[],
              $7::jsonb[], $8::text[])
       AS p (user_id, namespace, key, place, value, ttl, metadata, created_by)
    ON CONFLICT (user_id, namespace, key) DO UPDATE SET {REPLACE}"""
    return with_change_notify(insert, context)


def put_statement(puts: Sequence[Put], context: SqlContext) -> tuple[str, tuple[Any, ...]]:
    """The statement for these puts, whose ids must differ.

    All of them, or none, have something to be found by.
    """
    if puts[0].content is not None:
        return put_indexed_statement(puts, context)
    if len(puts) == 1:
        return put_one_sql(context), arguments_of(puts[0])
    # In the order of the primary key, so that two writers never wait for each other in a ring.
    ordered = sorted(puts, key=lambda put: put.item_id)
    arguments = (
        *columns_of([put.item_id for put in ordered]),
        [put.sort_key for put in ordered],
        [put.value for put in ordered],
    )
    if all(put.ttl is None and _is_plain(put) for put in ordered):
        return put_many_sql(context), arguments
    return put_many_whole_sql(context), (
        *arguments,
        [put.ttl for put in ordered],
        [put.metadata for put in ordered],
        [put.created_by for put in ordered],
    )


def _is_plain(put: Put) -> bool:
    return put.metadata is NO_METADATA and put.created_by is None


def repeated_put_statement(
    puts: Sequence[Put], context: SqlContext, within: timedelta
) -> tuple[str, tuple[Any, ...]]:
    """As `put_statement`, for puts that may have been made already, not longer ago than `within`.

    The version of what holds the value already, written within that time, does not grow: so a
    put whose answer was lost on the way counts once.
    """
    return repeated(put_statement(puts, context), within)


def repeated(
    statement: tuple[str, tuple[Any, ...]], within: timedelta
) -> tuple[str, tuple[Any, ...]]:
    """A statement that puts, for the second time."""
    sql, arguments = statement
    grown = f"""CASE WHEN i.value::text = excluded.value::text
                          AND i.updated_at >= excluded.updated_at - ${len(arguments) + 1}::interval
                         THEN i.version ELSE i.version + 1 END"""
    return sql.replace("i.version + 1", grown, 1), (*arguments, within)


def arguments_of(put: Put) -> tuple[Any, ...]:
    """One put as the arguments of `put_one_sql`."""
    return (*put.item_id, put.sort_key, put.value, put.ttl, put.metadata, put.created_by)


def put_together_statement(together: PutTogether, context: SqlContext) -> Statement[int]:
    """Makes all of these puts, or none; how many they are."""
    count = len(together.puts)
    sql, arguments = put_statement(together.puts, context)
    return Statement(sql, arguments, lambda _: Decoded(count))


@written_once
def put_absent_sql(context: SqlContext) -> str:
    return with_change_notify(f"{_insert_one(context)}\n{ONLY_WHERE_ABSENT}", context, "w.version")


@written_once
def put_expected_sql(context: SqlContext) -> str:
    """`$7` null: whenever the item was created."""
    update = f"""
UPDATE {context.tables.item} AS i
   SET value = $4, words = NULL, word_count = NULL, words_by = NULL, indexed_paths = NULL,
       version = i.version + 1, updated_at = now(), expires_at = now() + $5::interval, ttl = $5
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = $3 AND i.version = $6
   AND i.created_at = coalesce($7::timestamptz, i.created_at) AND {context.live()}"""
    return with_change_notify(update, context, "w.version")


def put_expected_statement(expected: PutExpected, context: SqlContext) -> Statement[int]:
    """Writes only over the version expected; the result is the new one.

    An item that was deleted and put again begins with version 1 anew; `created_at`, if given,
    tells the two apart. Not idempotent: after a lost connection nobody knows whether the
    version found is one's own.
    """
    put = expected.put
    if put.content is not None:
        sql, arguments = put_expected_indexed_statement(expected, context)
    elif expected.version == 0:
        sql, arguments = put_absent_sql(context), arguments_of(put)
    else:
        sql = put_expected_sql(context)
        arguments = (*put.item_id, put.value, put.ttl, expected.version, expected.created_at)

    def decode(rows: Sequence[Row]) -> Decoded[int]:
        if not rows:
            absent = expected.version == 0
            found = "the item exists already" if absent else "the item changed or is gone"
            raise VersionConflictError(
                f"expected version {expected.version} of key {expected.put.item_id[2]!r}, but "
                f"{found}; read it again and decide anew",
                expected=expected.version,
            )
        return Decoded(rows[0][0])

    return Statement(sql, arguments, decode, idempotent=False)
