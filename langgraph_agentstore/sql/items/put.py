"""Puts: one statement writes any number of items; and the put that expects a version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from operator import attrgetter
from typing import Any

from ...errors import VersionConflictError
from ..change_notify import with_change_notify
from ..item_columns import (
    ADDRESS,
    AUTHORED,
    KEY,
    ONLY_WHERE_ABSENT,
    REPLACE,
    UNINDEXED,
    UNLISTED,
    VALUE,
    Column,
    arrays,
    given,
    inserted,
    inserted_once,
    key_is,
    later,
    names,
    unnested,
)
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
from .put_indexed import put_expected_indexed_statement, put_indexed_statement

LARGEST_BATCH_OF_VALUES = 64
"""Puts of one statement whose text depends on their number, for distributed tables.

A statement takes only so many arguments. More puts that must be together go through the
coordinator, as arrays.
"""

WHOLE = (*ADDRESS, *VALUE, *AUTHORED)
"""The columns of a put on a store without an index."""

_LASTING = (*ADDRESS, *(column for column in VALUE if column.name not in ("expires_at", "ttl")))
_GIVEN = given(WHOLE)[3:]
_GIVEN_OF_LASTING = given(_LASTING)[3:]
_given_of = attrgetter(*[column.given for column in _GIVEN])


@written_once
def put_one_sql(context: SqlContext) -> str:
    return with_change_notify(insert_one(context, REPLACE), context)


def insert_one(context: SqlContext, replace: str) -> str:
    """Return the INSERT of one put, whose arguments are those of `arguments_of`."""
    return f"""
INSERT INTO {context.tables.item} AS i ({names(WHOLE)})
VALUES ({inserted_once(WHOLE)})
    ON CONFLICT ({KEY}) DO UPDATE SET {replace}"""


@written_once
def put_many_sql(context: SqlContext) -> str:
    """Return the INSERT for items that never expire: a tenth less work for the server."""
    return _insert_many(_LASTING, context)


@written_once
def put_many_whole_sql(context: SqlContext) -> str:
    return _insert_many(WHOLE, context)


def _insert_many(columns: Sequence[Column], context: SqlContext) -> str:
    insert = f"""
INSERT INTO {context.tables.item} AS i ({names(columns)})
SELECT {inserted(columns)}
  FROM {unnested(columns)}
    ON CONFLICT ({KEY}) DO UPDATE SET {REPLACE}"""
    return with_change_notify(insert, context)


def put_statement(puts: Sequence[Put], context: SqlContext) -> tuple[str, tuple[Any, ...]]:
    """Return the statement for these puts, whose ids must differ.

    All of them, or none, have something to be found by.
    """
    if puts[0].content is not None:
        return put_indexed_statement(puts, context)
    if len(puts) == 1:
        return put_one_sql(context), arguments_of(puts[0])
    if context.distributed and len(puts) <= LARGEST_BATCH_OF_VALUES:
        return _put_values_sql(context, len(puts)), _values_of(puts)
    # In the order of the primary key, so that two writers never wait for each other in a ring.
    ordered = sorted(puts, key=lambda put: put.item_id)
    keys = columns_of([put.item_id for put in ordered])
    if all(put.ttl is None and _is_plain(put) for put in ordered):
        return put_many_sql(context), (*keys, *arrays(_GIVEN_OF_LASTING, ordered))
    return put_many_whole_sql(context), (*keys, *arrays(_GIVEN, ordered))


@written_once
def _put_values_sql(context: SqlContext, count: int) -> str:
    """Return the INSERT that goes to the users' nodes as it is: no array, which only one can read.

    Its text depends on the number of puts.
    """
    width = len(given(WHOLE))
    rows = ",\n       ".join(
        f"({inserted_once(WHOLE, first)})" for first in range(1, count * width + 1, width)
    )
    insert = f"""
INSERT INTO {context.tables.item} AS i ({names(WHOLE)})
VALUES {rows}
    ON CONFLICT ({KEY}) DO UPDATE SET {REPLACE}"""
    return with_change_notify(insert, context)


def _values_of(puts: Sequence[Put]) -> tuple[Any, ...]:
    ordered = sorted(puts, key=lambda put: put.item_id)
    return tuple(argument for put in ordered for argument in arguments_of(put))


def _is_plain(put: Put) -> bool:
    return put.metadata is NO_METADATA and put.created_by is None


def repeated_put_statement(
    puts: Sequence[Put], context: SqlContext, within: timedelta
) -> tuple[str, tuple[Any, ...]]:
    """Return `put_statement` for puts that may have run already, at most `within` ago.

    The version of what holds the value already, written within that time, does not grow: so a
    put whose answer was lost on the way counts once.
    """
    return repeated(put_statement(puts, context), within)


def repeated(
    statement: tuple[str, tuple[Any, ...]], within: timedelta
) -> tuple[str, tuple[Any, ...]]:
    """Return a statement of puts for its second run."""
    sql, arguments = statement
    since = later("excluded.updated_at", f"${len(arguments) + 1}::interval", "-")
    grown = f"""CASE WHEN i.value::text = excluded.value::text
                          AND i.updated_at >= {since}
                         THEN i.version ELSE i.version + 1 END"""
    return sql.replace("i.version + 1", grown, 1), (*arguments, within)


def arguments_of(put: Put) -> tuple[Any, ...]:
    """Return one put as the arguments of `insert_one`."""
    return (*put.item_id, *_given_of(put))


def put_together_statement(together: PutTogether, context: SqlContext) -> Statement[int]:
    """Return the statement that makes all of these puts or none, and returns their number."""
    count = len(together.puts)
    sql, arguments = put_statement(together.puts, context)
    return Statement(
        sql, arguments, lambda _: Decoded(count), users=together.users, kind="put_together"
    )


@written_once
def put_absent_sql(context: SqlContext) -> str:
    insert = insert_one(context, f"{REPLACE}\n{ONLY_WHERE_ABSENT}")
    return with_change_notify(insert, context, "w.version")


@written_once
def put_expected_sql(context: SqlContext) -> str:
    """Return the UPDATE of a put over a version; a null `$7` allows any time of creation."""
    expires_at = later("now()", "$5::interval")
    update = f"""
UPDATE {context.tables.item} AS i
   SET value = $4, {UNINDEXED},
       version = i.version + 1, updated_at = now(), {UNLISTED},
       expires_at = {expires_at}, ttl = $5
 WHERE {key_is()} AND i.version = $6
   AND i.created_at = coalesce($7::timestamptz, i.created_at) AND {context.live()}"""
    return with_change_notify(update, context, "w.version")


def put_expected_statement(expected: PutExpected, context: SqlContext) -> Statement[int]:
    """Return the statement that writes over the expected version only, and returns the new one.

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

    return Statement(
        sql, arguments, decode, idempotent=False, users=expected.users, kind="put_expected"
    )
