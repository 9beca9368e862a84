"""Attribution of writes: who made the request whose statement is being sent.

Only a store with history asks its callers; without one nothing is said, and every statement stays
as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextvars import ContextVar
from functools import lru_cache

from ..security.history.attribution_sql import SETTING, Sent, attributed, setting_of
from ..sql.tables import Tables
from .caller_requests import PendingOperation
from .connections.connector import Connection

SAID: ContextVar[str | None] = ContextVar("agentstore_said", default=None)
"""Who made the request of an operation that runs alone, in that operation's task."""


def attributed_alone(statement: Sent, tables: Tables) -> Sent:
    """Return the statement of an operation that runs alone; it tells who writes if it writes."""
    said = SAID.get()
    if said is None or not _writes_items(statement[0], tables):
        return statement
    return attributed(statement, setting_of([said], []))


def attributed_batch(statement: Sent, entries: Sequence[PendingOperation]) -> Sent:
    """Return the statement of a batch of writes; it tells of each item who writes it."""
    if all(entry.request.said is None for entry in entries):
        return statement
    said = [entry.request.said for entry in entries]
    return attributed(statement, setting_of(said, [entry.operation.item_id for entry in entries]))


async def attribute_transaction(connection: Connection) -> None:
    """Tell who makes all writes of the transaction that has begun."""
    said = SAID.get()
    if said is not None:
        setting = setting_of([said], [])
        await connection.execute(f"SELECT set_config('{SETTING}', $1, true)", setting)


@lru_cache(maxsize=1024)
def _writes_items(sql: str, tables: Tables) -> bool:
    item = re.escape(tables.item)
    return re.search(rf"(INSERT INTO|UPDATE|DELETE FROM)\s+{item}\s", sql) is not None
