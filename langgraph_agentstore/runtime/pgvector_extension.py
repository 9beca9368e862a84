"""The extension pgvector: made when a store with an embedder first opens, and checked."""

from __future__ import annotations

from dataclasses import replace

import asyncpg

from ..errors import MissingExtensionError
from ..sql.statement import SqlContext
from ..sql.tables import Tables
from .connections.connector import Connection, know_vectors
from .connections.server_checks import numbers_of

# One lock for all schemas of a database.
_EXTENSION_LOCK = 0x61676E76

OLDEST_PGVECTOR = (0, 8)
"""The first version whose indexes go on searching when a filter leaves too few rows."""

_EXTENSION = (
    "SELECT e.extversion, n.nspname, pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
    "FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace "
    "WHERE e.extname = 'vector'"
)

_INSTALL = (
    "install pgvector on the server (Debian and Ubuntu: apt install postgresql-<version>-pgvector; "
    "Homebrew: brew install pgvector), then let a role that may run CREATE EXTENSION vector. "
    "Text search, index={'mode': 'text'}, needs no extension"
)


async def have_extension(connection: Connection, context: SqlContext) -> SqlContext:
    """Create pgvector if needed, tell the driver of its type; return the context with its schema.

    Raises:
        MissingExtensionError: this role may not create or use it, or it is too old.
    """
    found = await connection.fetchrow(_EXTENSION)
    if found is None:
        await _make_extension(connection, context.tables)
        found = await connection.fetchrow(_EXTENSION)
        assert found is not None
    version, schema, usable = found
    if not usable:
        raise MissingExtensionError(
            f"pgvector is in schema {schema!r}, which this role may not use: let its owner GRANT "
            f"USAGE ON SCHEMA {schema} to this role"
        )
    if numbers_of(version) < OLDEST_PGVECTOR:
        raise MissingExtensionError(
            f"vectors need pgvector 0.8 or later, this database has {version}: install it, then "
            "let a superuser run ALTER EXTENSION vector UPDATE"
        )
    await know_vectors(connection)
    return replace(context, tables=replace(context.tables, extension=str(schema)))


async def _make_extension(connection: Connection, tables: Tables) -> None:
    try:
        async with connection.transaction():
            # If two create it at once, one fails in spite of IF NOT EXISTS.
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _EXTENSION_LOCK)
            schema = await connection.fetchval("SELECT to_regnamespace('public')::text")
            await connection.execute(
                f"CREATE EXTENSION IF NOT EXISTS vector SCHEMA {schema or tables.quoted}"
            )
    except (asyncpg.FeatureNotSupportedError, asyncpg.UndefinedFileError) as error:
        raise MissingExtensionError(
            f"vectors need pgvector, which this server does not have: {_INSTALL}"
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise MissingExtensionError(
            "vectors need pgvector, and this role may not make it: let a superuser run "
            "CREATE EXTENSION vector in this database"
        ) from error
