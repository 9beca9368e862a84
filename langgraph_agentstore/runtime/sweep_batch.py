"""One batch of a sweep: items go that expired or are old, and history is sealed and given up."""

from __future__ import annotations

from ..config.store_options import StoreConfig
from ..security.history.sealing_sql import plan_forget, plan_seal
from ..security.quotas.retention_sql import plan_retention
from ..sql.items.expiry import plan_sweep
from ..sql.statement import SqlContext, Statement
from .statements import Database


async def sweep_batch(
    size: int, database: Database, context: SqlContext, config: StoreConfig
) -> int:
    """Delete at most `size` items that expired or were kept long enough, and count them.

    The last batch cares for history.
    """
    # Asked each time: another process may have put somebody on hold.
    question = f"SELECT EXISTS (SELECT 1 FROM {context.tables.legal_hold})"
    [(held,)] = await database.fetch(question, (), kind="sweep")
    swept = await _deleted(database, plan_sweep(size, context, held=held))
    for stored, age in (config.retention.stored if config.retention is not None else {}).items():
        if swept < size:
            old = plan_retention(stored, age, size - swept, context, held=held)
            swept += await _deleted(database, old)
    if config.history is not None and swept < size:
        await _care_for_history(database, context)
    return swept


async def _deleted(database: Database, statement: Statement[int]) -> int:
    return statement.decode(await database.run(statement, None)).result


async def _care_for_history(database: Database, context: SqlContext) -> None:
    """Seal the entries that have no seal, then remove those that the rule keeps no longer."""
    for plan in (plan_seal, plan_forget):
        count = 1
        while count:
            statement = plan(context)
            rows = await database.run(statement, ())  # their owner's functions see all users
            count = statement.decode(rows).result
