"""Checks of the schema: its version, the role's rights, its indexes, the stored vectors."""

from __future__ import annotations

import re

from ...errors import IndexMismatchError
from ...results import Finding
from ...sql.tables import quoted_name
from ..connections.server_checks import check_visibility
from ..migrator import applied_checksums, migrations, needed_rights, pending_migrations
from ..vector_sets import check_set, stored_set
from .server_state import Case

_CREATED_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX IF NOT EXISTS (\w+)")

_MAY_CREATE = """
SELECT CASE WHEN n.oid IS NULL
            THEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
            ELSE pg_catalog.has_schema_privilege(n.oid, 'CREATE') END
  FROM (SELECT pg_catalog.to_regnamespace($1)::oid AS oid) n"""

_MISSING_RIGHTS = """
SELECT c.relname, r.name
  FROM pg_catalog.pg_class c
  CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) WITH ORDINALITY r (name, nth)
 WHERE c.relnamespace = pg_catalog.to_regnamespace($1) AND c.relkind IN ('r', 'p')
   AND NOT pg_catalog.has_table_privilege(c.oid, r.name)
   -- Other tables are written by the owner, or by triggers.
   AND (c.relname = ANY ($2::text[]) OR c.relname LIKE 'item\\_vector\\_%'
        OR r.name = 'SELECT' AND c.relname = ANY ($3::text[]))
 ORDER BY c.relname, r.nth"""

_READ_AND_WRITTEN = ["item", "item_access", "item_lock", "watch", "change"]
_ONLY_READ = ["migration", "vector_set"]

_INDEXES = """
SELECT c.relname, t.relname, x.indisvalid AND x.indisready, x.indisunique
  FROM pg_catalog.pg_index x
  JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid
  JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
 WHERE c.relnamespace = pg_catalog.to_regnamespace($1)"""


async def examine_schema(case: Case) -> list[Finding]:
    """Check that the tables are there and of this release."""
    tables, newest = case.context.tables, migrations()[-1].number
    applied = await applied_checksums(case.connection, tables)
    pending = pending_migrations(applied, tables)
    case.has_schema = bool(applied)
    if not pending:
        return [Finding("schema", "ok", f"{tables.schema!r} has version {newest}")]
    state = f"has version {max(applied)}, this release {newest}" if applied else "is not there yet"
    if await case.connection.fetchval(_MAY_CREATE, tables.quoted):
        message = f"{tables.schema!r} {state}"
        return [
            Finding("schema", "note", message, "the first use, or `agentstore setup`, sets it up")
        ]
    cure = (
        "let a role that may create tables run the script of `agentstore setup --print-sql`, then "
        f"grant {needed_rights(tables)}"
    )
    message = f"{tables.schema!r} {state}, and this role may not set it up"
    return [Finding("schema", "problem", message, cure)]


async def examine_rights(case: Case) -> list[Finding]:
    """Check what the role may do, and that no policy hides all rows."""
    tables = case.context.tables
    await check_visibility(case.connection, tables)
    missing: dict[str, list[str]] = {}
    for table, right in await case.connection.fetch(
        _MISSING_RIGHTS, tables.quoted, _READ_AND_WRITTEN, _ONLY_READ
    ):
        missing.setdefault(table, []).append(right)
    if not missing:
        return [Finding("rights", "ok", "the role may read and write all tables")]
    lacks = "; ".join(f"{', '.join(names)} on {table}" for table, names in missing.items())
    cure = f"let the owner grant {needed_rights(tables)}"
    return [Finding("rights", "problem", f"the role lacks {lacks}", cure)]


async def examine_indexes(case: Case) -> list[Finding]:
    """Check that the indexes of this release are there, and that none is invalid."""
    tables = case.context.tables
    rows = await case.connection.fetch(_INDEXES, tables.quoted)
    found = {name: (table, valid) for name, table, valid, _ in rows}
    findings = []
    for name, (table, valid) in sorted(found.items()):
        if not valid:
            full = f"{tables.quoted}.{quoted_name(name)}"
            message = f"{name} of {table} is invalid: no query uses it, and every write pays for it"
            cure = f"REINDEX INDEX CONCURRENTLY {full}, or DROP INDEX {full} and `agentstore setup`"
            findings.append(Finding("indexes", "problem", message, cure))
    created = {create[1]: create[0] for m in migrations() for create in _creations(m.text)}
    for name in sorted(set(created) - set(found)):
        cure = created[name].replace("{schema}", tables.quoted)
        findings.append(Finding("indexes", "problem", f"{name} is missing", cure))
    return findings or [Finding("indexes", "ok", f"{len(found)} indexes, all valid")]


def _creations(text: str) -> list[tuple[str, str]]:
    """Return each statement of a migration that creates an index, and the index's name."""
    statements = [part.strip() for part in re.split(r";\s*$", text, flags=re.MULTILINE)]
    bare = [re.sub(r"^--.*\n", "", statement, flags=re.MULTILINE) for statement in statements]
    return [(s, found[1]) for s in bare if (found := _CREATED_INDEX.match(s)) is not None]


async def examine_vectors(case: Case) -> list[Finding]:
    """Compare the stored vectors with the index of the store."""
    index = case.context.index
    stored = await stored_set(case.connection, case.context, "active")
    findings = []
    if await stored_set(case.connection, case.context, "building") is not None:
        message = "a reindexing is under way, or was interrupted"
        findings.append(Finding("vectors", "note", message, "call reindex() again; it resumes"))
    if stored is None:
        return [*findings, Finding("vectors", "ok", "none are stored")]
    message = f"{stored.dims} dimensions, type {stored.stored_as}, model {stored.model!r}"
    if index is None or index.vectors is None:
        return [*findings, Finding("vectors", "note", f"{message}; examined without an index=")]
    try:
        check_set(stored, index)
    except IndexMismatchError as error:
        return [
            *findings,
            Finding("vectors", "problem", str(error), "call reindex(), or correct index="),
        ]
    return [*findings, Finding("vectors", "ok", message)]
