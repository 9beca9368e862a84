"""The controls when a store opens: the database has what they need, or gets it if the role may."""

from __future__ import annotations

import logging

from ..config.store_options import StoreConfig
from ..security.encryption.sealed_values import Sealer
from ..security.encryption.sql import is_in_catalog
from ..sql.statement import SqlContext
from .connections.connector import Connection
from .history_setup import have_history
from .migrator import have_keys
from .quota_setup import have_quotas

logger = logging.getLogger("langgraph_agentstore")

_NO_KEYS = (
    "schema %r is used with encryption, and this store is made without encryption=: what is "
    "encrypted is returned as it is stored, and what is written stays clear"
)


async def have_controls(connection: Connection, config: StoreConfig, context: SqlContext) -> None:
    """Let the database have what the controls need that this store asks for.

    Raises:
        MissingSchemaError: it does not yet, and this role may not change that.
    """
    tables = context.tables
    if isinstance(context.sealing, Sealer):
        await have_keys(connection, tables)
    else:
        question, arguments = is_in_catalog(tables)
        if await connection.fetchval(question, *arguments):
            logger.warning(_NO_KEYS, tables.schema)
    if config.history is not None:
        await have_history(connection, tables, config.history)
    if config.quotas is not None:
        await have_quotas(connection, tables, config.quotas, config.pool.command_timeout_s)
