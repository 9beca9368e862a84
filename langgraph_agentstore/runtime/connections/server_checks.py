"""Checks of the server when a store opens, before anything else."""

from __future__ import annotations

import logging
import re

from ...errors import ConfigurationError
from ...security.row_security.sql import IS_LIMITED_SQL, POLICY
from ...sql.tables import Tables
from .connector import Connection

logger = logging.getLogger("langgraph_agentstore")

OLDEST_POSTGRES = 16

_FAULTS = {
    (
        0,
        8,
        2,
    ): "building an HNSW index in parallel overflows a buffer, by which a database user can "
    "read other tables or crash the server (CVE-2026-3172)",
    (0, 8, 4): "vacuuming can corrupt HNSW indexes, which then miss rows or raise errors",
}
"""The faults of pgvector before a version; source: its changelog."""

# Tables whose rows are filtered by policies for this role, and whether a policy applies to it.
_FILTERED = """
SELECT c.relname,
       EXISTS (SELECT 1 FROM pg_catalog.pg_policy p
                WHERE p.polrelid = c.oid AND p.polpermissive
                  AND (p.polroles = '{0}' OR EXISTS (
                       SELECT 1 FROM unnest(p.polroles) r (oid)
                        WHERE pg_catalog.pg_has_role(r.oid, 'MEMBER'))))
  FROM pg_catalog.pg_class c
 WHERE c.relnamespace = pg_catalog.to_regnamespace($1) AND c.relkind IN ('r', 'p')
   AND c.relrowsecurity AND pg_catalog.row_security_active(c.oid)
   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_policy p
                    WHERE p.polrelid = c.oid AND p.polname = $2)
 ORDER BY c.relname"""


def check_version(connection: Connection) -> None:
    """Raise ConfigurationError if the server is older than the store's statements need."""
    if connection.get_server_version().major < OLDEST_POSTGRES:
        version = str(getattr(connection.get_settings(), "server_version", "older")).split()[0]
        raise ConfigurationError(
            f"Postgres {OLDEST_POSTGRES} or later is needed, this is {version}: upgrade the "
            "server, or take another"
        )


async def is_limited(connection: Connection, tables: Tables) -> bool:
    """Return whether this role sees only the rows of the users whom a statement names."""
    return bool(await connection.fetchval(IS_LIMITED_SQL, tables.item))


async def check_visibility(connection: Connection, tables: Tables) -> None:
    """Check whether row level security of another kind than ours hides rows from this role.

    Raises:
        ConfigurationError: it hides them all, so every read would be empty.
    """
    filtered = await connection.fetch(_FILTERED, tables.quoted, POLICY)
    if not filtered:
        return
    hidden = [f"{tables.quoted}.{row[0]}" for row in filtered if not row[1]]
    if hidden:
        raise ConfigurationError(
            f"row level security hides all rows of {', '.join(hidden)} from this role, since no "
            "policy is for it: let the owner run ALTER TABLE … DISABLE ROW LEVEL SECURITY on each, "
            "or CREATE POLICY … FOR ALL TO this role"
        )
    logger.warning(
        "row level security is on for %s: this role sees and writes what policies let it",
        ", ".join(f"{tables.quoted}.{row[0]}" for row in filtered),
    )


async def warn_of_pgvector(connection: Connection) -> None:
    """Warn of the known faults of this database's pgvector."""
    version = await connection.fetchval(
        "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vector'"
    )
    faults = faults_of(version)
    if faults:
        newest = ".".join(map(str, max(_FAULTS)))
        logger.warning(
            "pgvector %s of this database has known faults: %s. Install pgvector %s or later, then "
            "let a superuser run ALTER EXTENSION vector UPDATE",
            *(version, "; ".join(faults), newest),
        )


def faults_of(version: str) -> list[str]:
    """Return the known faults of a version of pgvector."""
    return [fault for mended, fault in _FAULTS.items() if numbers_of(version) < mended]


def numbers_of(version: str) -> tuple[int, ...]:
    """Return `0.8.1` as (0, 8, 1), which compares as versions do."""
    return tuple(int(part) for part in re.findall(r"[0-9]+", version)[:3])
