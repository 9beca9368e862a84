"""One batch of a sweep: expired items go, and history is sealed and given up by its rule."""

from __future__ import annotations

from ..security.history.sealing_sql import plan_forget, plan_seal
from ..sql.items.expiry import plan_sweep
from ..sql.statement import SqlContext
from .statements import Database


async def sweep_batch(size: int, database: Database, context: SqlContext, *, history: bool) -> int:
    """Delete at most `size` expired items, and count them; the last batch cares for history."""
    statement = plan_sweep(size, context)
    swept = statement.decode(await database.run(statement, None)).result
    if history and swept < size:
        await _care_for_history(database, context)
    return swept


async def _care_for_history(database: Database, context: SqlContext) -> None:
    """Seal the entries that have no seal, then remove those that the rule keeps no longer."""
    for plan in (plan_seal, plan_forget):
        count = 1
        while count:
            statement = plan(context)
            rows = await database.run(statement, ())  # their owner's functions see all users
            count = statement.decode(rows).result
