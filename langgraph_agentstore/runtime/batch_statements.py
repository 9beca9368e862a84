"""Statements of whole batches: one for all its operations, and the result of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

from ..sql.batched_reads import decode_lateral_batch, lateral_batch_statement
from ..sql.copies_of_rows import distinct
from ..sql.items.expiry import refresh_statement
from ..sql.items.get import Gotten, decode_gets, get_statement
from ..sql.statement import Decoded, Row, SqlContext
from .batch_users import batch_users
from .caller_requests import PendingOperation
from .data_keys import decoded_by
from .statements import Database

FetchRead: TypeAlias = Callable[..., Awaitable[Sequence[Row]]]
"""Runs a statement that reads, as `Database.fetch` does, where it may be run."""


async def read_gets(
    entries: Sequence[PendingOperation], database: Database, context: SqlContext, fetch: FetchRead
) -> Gotten:
    """Read the items of gets by one statement, which `fetch` runs."""
    gets = [entry.operation for entry in entries]
    users = batch_users(entries, database)
    sql, arguments = get_statement(gets, context)
    rows = await fetch(sql, arguments, kind="get", users=users.all, use="get")
    decode = partial(decode_gets, gets, rows, context.sealing, users.each)
    return await decoded_by(decode, rows, context)


async def read_shared(
    entries: Sequence[PendingOperation], database: Database, fetch: FetchRead
) -> list[Decoded[Any]]:
    """Run bounded statements of one text as one, which `fetch` runs; return the result of each."""
    statements = [entry.operation for entry in entries]
    if len(statements) == 1:
        [statement] = statements
        sql, arguments = statement.sql, statement.arguments
        rows = await fetch(sql, arguments, kind=statement.kind, users=entries[0].users)
        return [statement.decode(rows)]
    different, places = distinct(statements)
    users = batch_users(entries, database)
    rows = await fetch(
        *lateral_batch_statement(different), kind=statements[0].kind, users=users.all
    )
    return decode_lateral_batch(statements, places, rows, users.each)


async def refresh_items(
    entries: Sequence[PendingOperation], database: Database, context: SqlContext
) -> int:
    """Extend the expiry of items, each once; return how many there were."""
    refreshes = list({t.operation.item_id: t.operation for t in entries}.values())
    await database.fetch(
        *refresh_statement(refreshes, context),
        kind="refresh",
        users=batch_users(entries, database).all,
        use="refresh",
    )
    return len(refreshes)
