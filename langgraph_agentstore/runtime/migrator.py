"""Numbered SQL files, each applied once, in order, by one process at a time.

Everything happens in one transaction under a transaction-level advisory lock. So any number of
processes may start at once, a failure leaves nothing behind, and PgBouncer in transaction mode does
no harm. Each file may also be run again without effect.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import asyncpg

from ..config.store_options import OWN_NAMES_ALONE
from ..errors import ConfigurationError, MigrationError, MissingSchemaError, SchemaTooNewError
from ..security.encryption.sql import is_set_up_sql, keys_schema, keys_script, set_up_sql
from ..sql.tables import Tables
from .connections.connector import Connection
from .driver_errors import short_of

# Any fixed number that no other application is likely to use; one lock per schema name.
_LOCK_SPACE = 0x61676E74

# Up to a semicolon at the end of a line, but not one within the body of a function.
_STATEMENT = re.compile(
    # Neither a body nor a comment ends a statement.
    r"(?:\$agentstore\$.*?\$agentstore\$|--[^\n]*|.)*?(?:;\s*$|\Z)",
    re.MULTILINE | re.DOTALL,
)

# For a migration of a large table, and for whoever waits for it.
_MIGRATION_LIMIT_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name, and its text with `{schema}` in place of the schema."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """The SHA-256 of the text, which must not change once it has been released."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def statements(self, tables: Tables) -> list[str]:
        """Return the statements one by one, as a distributed database needs them."""
        parts = [part.strip().removesuffix(";") for part in _STATEMENT.findall(self.text)]
        return [part.replace("{schema}", tables.quoted) for part in parts if part]


def _read_migrations() -> tuple[Migration, ...]:
    folder = resources.files("langgraph_agentstore") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(
        Migration(int(f.name[:4]), f.name[5:-4], f.read_text(encoding="utf-8")) for f in files
    )


# Read on import: some servers report reading files on an event loop as a fault.
_MIGRATIONS = _read_migrations()


def migrations() -> tuple[Migration, ...]:
    """Return every migration of this release, by number."""
    return _MIGRATIONS


def statements_of(tables: Tables) -> list[str]:
    """Return all statements that create the schema, without those that note what was applied."""
    return [*_bootstrap(tables), *(sql for one in migrations() for sql in one.statements(tables))]


def setup_sql(tables: Tables, after: int = 0) -> str:
    """Return the whole set-up as one script, for a role with more rights than the store's."""
    statements = [f"SET search_path = {OWN_NAMES_ALONE}", *_bootstrap(tables)]
    for migration in migrations():
        if migration.number > after:
            statements += migration.statements(tables)
            statements.append(_migration_row_sql(tables, migration))
    return ";\n\n".join(statements) + ";\n"


async def migrate(connection: Connection, tables: Tables) -> int:
    """Bring the schema up to date; return the number of the newest migration.

    Raises:
        MissingSchemaError: this role may not create what is missing; `sql` has the statements.
        SchemaTooNewError: a later release was here.
        MigrationError: an applied migration differs from this release's, or one failed.
    """
    applied = await applied_checksums(connection, tables)
    if pending_migrations(applied, tables):
        async with connection.transaction():
            # Waiting for another process that migrates is normal, however long it takes.
            await connection.execute("SET LOCAL lock_timeout = 0")
            await connection.execute("SET LOCAL statement_timeout = 0")
            # Views keep the operators of their creation, and a pooled session has no settings.
            await connection.execute(f"SET LOCAL search_path = {OWN_NAMES_ALONE}")
            await connection.execute(
                "SELECT pg_advisory_xact_lock($1::int, hashtext($2))",
                _LOCK_SPACE,
                tables.schema,
                timeout=_MIGRATION_LIMIT_S,
            )
            applied = await applied_checksums(connection, tables)
            await _apply_pending(
                connection, tables, pending_migrations(applied, tables), max(applied, default=0)
            )
    return migrations()[-1].number


def pending_migrations(applied: dict[int, str], tables: Tables) -> Sequence[Migration]:
    newest = migrations()[-1].number
    if applied and max(applied) > newest:
        raise SchemaTooNewError(
            f"schema {tables.schema!r} has migration {max(applied)}, this release knows up to "
            f"{newest}: upgrade langgraph_agentstore, or choose another schema"
        )
    for migration in migrations():
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"migration {migration.number} ({migration.name}) of schema {tables.schema!r} is "
                "not the one of this release; was the file or the table 'migration' edited?"
            )
    return [migration for migration in migrations() if migration.number not in applied]


async def applied_checksums(connection: Connection, tables: Tables) -> dict[int, str]:
    """Return the checksums of the applied migrations by number; {} if there is no schema yet."""
    try:
        if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", tables.migration):
            return {}
        rows = await connection.fetch(f"SELECT number, checksum FROM {tables.migration}")
    except asyncpg.InsufficientPrivilegeError as error:
        raise MissingSchemaError(
            f"this role may not use schema {tables.schema!r} ({_first_line(error)}); let its owner "
            f"grant {needed_rights(tables)}"
        ) from error
    return {row["number"]: row["checksum"] for row in rows}


async def _apply_pending(
    connection: Connection,
    tables: Tables,
    pending: Sequence[Migration],
    after: int,
) -> None:
    if not pending:
        return
    await _check_encoding(connection)
    statements = [*_bootstrap(tables)]
    for migration in pending:
        statements += [*migration.statements(tables), _migration_row_sql(tables, migration)]
    try:
        # A new schema is one message, which is quicker. One that is in use may be distributed,
        # where each change of a table has to be a message of its own.
        for script in [";\n".join(statements)] if after == 0 else statements:
            await connection.execute(script)
    except asyncpg.InsufficientPrivilegeError as error:
        raise MissingSchemaError(
            f"this role may not set up schema {tables.schema!r} ({_first_line(error)}): let a role "
            "that may run the script that print(error.sql) and print(store.setup_sql()) show, and "
            f"then grant {needed_rights(tables)} to this one",
            sql=setup_sql(tables, after),
        ) from error
    except asyncpg.PostgresError as error:
        cure = f"; {short}" if (short := short_of(error)) else ""
        raise MigrationError(
            f"setting up schema {tables.schema!r} failed: {_first_line(error)}{cure}"
        ) from error


async def have_keys(connection: Connection, tables: Tables) -> None:
    """Create the tables of the data keys, in their own schema, unless they are there.

    Raises:
        MissingSchemaError: this role may not create them, or not use them.
    """
    try:
        question, arguments = is_set_up_sql(tables)
        if await connection.fetchval(question, *arguments):
            return
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = 0")
            await connection.execute(
                "SELECT pg_advisory_xact_lock($1::int, hashtext($2))",
                _LOCK_SPACE,
                keys_schema(tables),
            )
            for statement in set_up_sql(tables):
                await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise MissingSchemaError(
            f"this role may not set up or use the schema {keys_schema(tables)} of the data keys "
            f"({_first_line(error)}): let a role that may run the script that print(error.sql) "
            "shows, and then grant USAGE on it and SELECT, INSERT, UPDATE, DELETE on its tables",
            sql=keys_script(tables),
        ) from error


def _first_line(error: asyncpg.PostgresError) -> str:
    return str(error).partition("\n")[0]


def needed_rights(tables: Tables) -> str:
    """Return the rights that a role needs to use the tables, as GRANT names them."""
    return (
        f"USAGE ON SCHEMA {tables.quoted} and SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN "
        f"SCHEMA {tables.quoted}"
    )


async def _check_encoding(connection: Connection) -> None:
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"the database's encoding is {encoding}; create one with ENCODING 'UTF8', since "
            "keys and values may hold any character"
        )


def _bootstrap(tables: Tables) -> tuple[str, ...]:
    """Return the statements that create the schema and the table of applied migrations."""
    literal = tables.schema.replace("'", "''")
    return (
        # IF NOT EXISTS alone would need the right to create schemas even if this one is there.
        f"""DO $agentstore$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = '{literal}') THEN
        CREATE SCHEMA {tables.quoted};
    END IF;
END $agentstore$""",
        f"""CREATE TABLE IF NOT EXISTS {tables.migration} (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)""",
    )


def _migration_row_sql(tables: Tables, migration: Migration) -> str:
    return (
        f"INSERT INTO {tables.migration} (number, name, checksum) "
        f"VALUES ({migration.number}, '{migration.name}', '{migration.checksum}') "
        "ON CONFLICT (number) DO NOTHING"
    )
