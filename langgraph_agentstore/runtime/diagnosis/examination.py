"""The examination: one connection, all checks in order, a finding for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ...config.store_options import StoreConfig
from ...errors import AgentStoreError
from ...results import Finding
from ...sql.statement import SqlContext
from ..connections.connector import Connector
from ..connections.target import TargetReader
from ..driver_errors import as_store_error, is_full
from ..io_thread import in_thread
from ..statements import decode_jsonb
from .schema_checks import examine_indexes, examine_rights, examine_schema, examine_vectors
from .server_state import (
    Case,
    examine_clock,
    examine_connections,
    examine_disk,
    examine_pgvector,
    examine_pooler,
    examine_server,
)
from .table_checks import examine_bloat, examine_expired, examine_transactions

Examine = Callable[[Case], Awaitable[list[Finding]]]

_OF_SERVER: tuple[tuple[str, Examine], ...] = (
    ("server", examine_server),
    ("clock", examine_clock),
    ("pooler", examine_pooler),
    ("connections", examine_connections),
    ("disk", examine_disk),
    ("transactions", examine_transactions),
    ("pgvector", examine_pgvector),
    ("schema", examine_schema),
)
_OF_TABLES: tuple[tuple[str, Examine], ...] = (
    ("rights", examine_rights),
    ("indexes", examine_indexes),
    ("vectors", examine_vectors),
    ("bloat", examine_bloat),
    ("expired items", examine_expired),
)


async def examine(config: StoreConfig, context: SqlContext) -> list[Finding]:
    """Connect once, run all checks and return their findings; change nothing."""
    findings: list[Finding] = []
    try:
        async with _connected(config, context) as case:
            for name, check in _OF_SERVER:
                findings += await _findings(name, check, case)
            if case.has_schema:
                for name, check in _OF_TABLES:
                    findings += await _findings(name, check, case)
    except AgentStoreError as error:
        full = error.__cause__ is not None and is_full(error.__cause__)
        findings.append(_problem_of("connections" if full else "server", error))
    finally:
        if config.source.embedded is not None:
            await in_thread(config.source.embedded.stop)
    return findings


@asynccontextmanager
async def _connected(config: StoreConfig, context: SqlContext) -> AsyncIterator[Case]:
    source = config.source
    parameters = await in_thread(source.resolve)
    start = None if source.embedded is None else source.resolve
    target = TargetReader(parameters, source.environment, config.pool.connect_options, start)
    connector = Connector(target, source.shown, config.pool, decode_jsonb)
    connection = await connector.connect_apart()
    try:
        yield Case(connection, config, context, connector.pooler.is_there)
    finally:
        await connection.close()


async def _findings(name: str, check: Examine, case: Case) -> list[Finding]:
    try:
        return await check(case)
    except Exception as error:
        return [_problem_of(name, as_store_error(error))]


def _problem_of(check: str, error: AgentStoreError) -> Finding:
    """Return the finding of a failed check; what follows the last semicolon is its cure."""
    message, *cure = str(error).rsplit("; ", 1)
    return Finding(check, "problem", message, *cure)
