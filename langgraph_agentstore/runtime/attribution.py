"""Attribution of writes: who made the request whose statement is being sent.

Only a store with history asks its callers; without one nothing is said, and every statement stays
as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextvars import ContextVar
from functools import lru_cache

from ..security.history.provenance_sql import PROVENANCE_SETTING, authors
from ..sql.statement_settings import OwnSettings
from ..sql.tables import Tables
from .caller_requests import PendingOperation
from .connections.connector import Connection

SAID: ContextVar[str | None] = ContextVar("agentstore_said", default=None)
"""Who made the request of an operation that runs alone, in that operation's task."""


def author_alone(sql: str, tables: Tables) -> OwnSettings:
    """Return the setting that tells who makes a statement that runs alone, if it writes items."""
    said = SAID.get()
    if said is None or not _writes_items(sql, tables):
        return ()
    return author(said)


def author(said: str) -> OwnSettings:
    """Return the setting that tells one provenance, JSON text, for all that a statement writes."""
    return ((PROVENANCE_SETTING, authors([said], [])),)


def authors_of_batch(entries: Sequence[PendingOperation]) -> OwnSettings:
    """Return the setting that tells who makes each write of a batch."""
    if all(entry.request.said is None for entry in entries):
        return ()
    said = [entry.request.said for entry in entries]
    item_ids = [entry.operation.item_id for entry in entries]
    return ((PROVENANCE_SETTING, authors(said, item_ids)),)


async def attribute_transaction(connection: Connection) -> None:
    """Tell who makes all writes of the transaction that has begun."""
    said = SAID.get()
    if said is not None:
        sql = "SELECT pg_catalog.set_config($1, $2, true)"
        [setting] = author(said)
        await connection.execute(sql, *setting)


@lru_cache(maxsize=1024)
def _writes_items(sql: str, tables: Tables) -> bool:
    item = re.escape(tables.item)
    return re.search(rf"(INSERT INTO|UPDATE|DELETE FROM)\s+{item}\s", sql) is not None
