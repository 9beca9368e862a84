"""Statements of whole batches: one for all its operations, and the result of each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..sql.batched_reads import decode_lateral_batch, lateral_batch_statement
from ..sql.copies_of_rows import distinct
from ..sql.items.expiry import refresh_statement
from ..sql.items.get import Gotten, decode_gets, get_statement
from ..sql.statement import Decoded, SqlContext
from .batch_users import batch_users
from .caller_requests import PendingOperation
from .data_keys import decoded_by
from .statements import Database


async def read_gets(
    entries: Sequence[PendingOperation], database: Database, context: SqlContext
) -> Gotten:
    """Read the items of gets by one statement."""
    gets = [entry.operation for entry in entries]
    users = batch_users(entries, database)
    sql, arguments = get_statement(gets, context)
    rows = await database.fetch(sql, arguments, kind="get", users=users.all, use="get")
    decode = partial(decode_gets, gets, rows, context.sealing, users.each)
    return await decoded_by(decode, rows, context)


async def read_shared(
    entries: Sequence[PendingOperation], database: Database
) -> list[Decoded[Any]]:
    """Run bounded statements of one text as one; return the result of each."""
    statements = [entry.operation for entry in entries]
    if len(statements) == 1:
        [statement] = statements
        return [statement.decode(await database.run(statement, entries[0].users))]
    different, places = distinct(statements)
    users = batch_users(entries, database)
    rows = await database.fetch(
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
