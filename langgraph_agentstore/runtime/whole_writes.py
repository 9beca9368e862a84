"""Writes that are one statement by themselves: over a version, or several together."""

from __future__ import annotations

from dataclasses import replace

from ..sql.items.put import put_expected_statement, put_together_statement
from ..sql.statement import PutExpected, PutTogether, Statement
from .index_state import IndexState, Known
from .statements import Database


async def statement_of_write(
    operation: PutExpected | PutTogether, database: Database, index_state: IndexState, known: Known
) -> Statement[int] | None:
    """Let the guard see the values, embed and seal them; return the statement that writes them.

    None: the guard kept them aside.
    """
    context = index_state.context
    if isinstance(operation, PutTogether):
        puts = await database.passed(operation.puts)
        await index_state.embed_all(puts)
        together = PutTogether(list(await database.sealed(puts)))
        return put_together_statement(together, context) if puts else None
    if not await database.passed([operation.put]):
        return None
    await index_state.embed(operation.put, known)
    [put] = await database.sealed([operation.put])
    return put_expected_statement(replace(operation, put=put), context)
