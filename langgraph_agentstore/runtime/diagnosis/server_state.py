"""Checks of the server: version, clock, pooler, connections, disk, pgvector."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import Any, cast

from ...config.store_options import StoreConfig
from ...results import Finding
from ...sql.statement import Row, SqlContext
from ..connections.connector import Connection
from ..connections.server_checks import check_version, faults_of, numbers_of
from ..pgvector_extension import OLDEST_PGVECTOR

_CLOCK_TOLERANCE_S = 5.0
_LITTLE_DISK_BYTES = 2**30
_LITTLE_DISK_SHARE = 0.05
_ALMOST_FULL = 0.9

_SERVER = """
SELECT pg_catalog.current_setting('server_version'),
       pg_catalog.current_setting('transaction_read_only')::boolean,
       pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('server_encoding')"""

_CLOCK = "SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8"

# Roles that may use reserved connections are not limited by these numbers.
_CONNECTIONS = """
SELECT r.rolconnlimit, d.datconnlimit,
       pg_catalog.current_setting('max_connections')::integer
         - pg_catalog.current_setting('superuser_reserved_connections')::integer,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a
         WHERE a.usesysid = r.oid AND a.backend_type = 'client backend'),
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a
         WHERE a.datid = d.oid AND a.backend_type = 'client backend'),
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a
         WHERE a.backend_type = 'client backend'), r.rolname, d.datname
  FROM pg_catalog.pg_roles r CROSS JOIN pg_catalog.pg_database d
 WHERE r.rolname = current_user AND d.datname = pg_catalog.current_database()"""

_PGVECTOR = """
SELECT (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vector'),
       (SELECT default_version FROM pg_catalog.pg_available_extensions WHERE name = 'vector')"""


@dataclass(slots=True)
class Case:
    """Hold what is examined: a connection, and the options of the store.

    `has_schema`: whether the tables of this release are there and may be read.
    """

    connection: Connection
    config: StoreConfig
    context: SqlContext
    behind_pooler: bool
    has_schema: bool = False

    async def row(self, sql: str, *arguments: Any) -> Row:
        """Return the only row of a query."""
        [row] = await self.connection.fetch(sql, *arguments)
        return cast("Row", row)


async def examine_server(case: Case) -> list[Finding]:
    """Check the version, whether the server takes writes, and the encoding."""
    check_version(case.connection)
    started = time.perf_counter()
    version, read_only, recovering, encoding = await case.row(_SERVER)
    latency_ms = (time.perf_counter() - started) * 1000
    found = [Finding("server", "ok", f"Postgres {version.split()[0]}, {latency_ms:.1f} ms away")]
    if recovering:
        found.append(Finding("server", "note", "this is a standby: it takes no writes"))
    elif read_only:
        cure = "ALTER ROLE or ALTER DATABASE … RESET default_transaction_read_only"
        found.append(Finding("server", "problem", "transactions are read-only", cure))
    if encoding != "UTF8":
        cure = "create a database with ENCODING 'UTF8'"
        found.append(Finding("server", "problem", f"the encoding is {encoding}", cure))
    return found


async def examine_clock(case: Case) -> list[Finding]:
    """Compare the clocks: items expire by the server's, and turns are dated by this machine's."""
    before = time.time()
    there = await case.connection.fetchval(_CLOCK)
    after = time.time()
    apart_s = max(before - there, there - after, 0.0)
    if apart_s <= _CLOCK_TOLERANCE_S:
        return [Finding("clock", "ok", f"the clocks differ by less than {_CLOCK_TOLERANCE_S:g} s")]
    message = f"the clocks of this machine and of the server differ by {apart_s:.0f} s"
    return [Finding("clock", "problem", message, "let both follow a time server (NTP)")]


async def examine_pooler(case: Case) -> list[Finding]:
    """Tell whether a connection pooler is in between."""
    if not case.behind_pooler:
        return [Finding("pooler", "ok", "none: sessions are the store's own")]
    message = (
        "a connection pooler is in between: statements are sent without names and planned each "
        "time, and watches ask once a second instead of being notified"
    )
    cure = "connect past the pooler where that matters; the store is correct behind it"
    return [Finding("pooler", "note", message, cure)]


async def examine_connections(case: Case) -> list[Finding]:
    """Compare the pool with the limits of the role, the database and the server."""
    row = await case.row(_CONNECTIONS)
    role, database = row[6], row[7]
    limits = [
        (f"role {role!r}", row[0], row[3], "ALTER ROLE … CONNECTION LIMIT"),
        (f"database {database!r}", row[1], row[4], "ALTER DATABASE … CONNECTION LIMIT"),
        ("server", row[2], row[5], "max_connections"),
    ]
    pool = case.config.pool.max_size
    found = []
    for name, limit, used, raising in limits:
        if limit < 0:
            continue
        cure = f"raise it ({raising}), or let processes keep fewer (pool={{'max_size': …}})"
        if limit < pool:
            message = f"the pool may have {pool} connections, the {name} allows {limit}"
            found.append(Finding("connections", "problem", message, cure))
        elif used >= limit * _ALMOST_FULL:
            message = f"{used} of the {limit} connections that the {name} allows are in use"
            found.append(Finding("connections", "problem", message, cure))
    message = f"{row[5]} of {row[2]} connections of the server are in use"
    return found or [Finding("connections", "ok", message)]


async def examine_disk(case: Case) -> list[Finding]:
    """Check the free space of the bundled server; of others, SQL tells only the database's size."""
    size = await case.connection.fetchval(
        "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())"
    )
    message = f"the database has {size / 1e6:,.0f} MB"
    server = case.config.source.embedded
    if server is None:
        return [Finding("disk", "ok", f"{message}; the server does not tell how much is free")]
    usage = shutil.disk_usage(server.path)
    message += f", {usage.free / 1e9:,.1f} GB are free"
    if usage.free < max(_LITTLE_DISK_BYTES, usage.total * _LITTLE_DISK_SHARE):
        return [Finding("disk", "problem", message, f"free space on the disk of {server.path}")]
    return [Finding("disk", "ok", message)]


async def examine_pgvector(case: Case) -> list[Finding]:
    """Check the version of pgvector."""
    version, available = await case.row(_PGVECTOR)
    if version is None:
        message = "not in this database" + (f"; {available} is installed" if available else "")
        index = case.context.index
        wanted = index is not None and index.vectors is not None
        cure = "search by vectors needs CREATE EXTENSION vector"
        return [Finding("pgvector", "problem" if wanted else "note", message, cure)]
    upgrade = "install a later pgvector, then let a superuser run ALTER EXTENSION vector UPDATE"
    if numbers_of(version) < OLDEST_PGVECTOR:
        return [Finding("pgvector", "problem", f"{version} is too old", upgrade)]
    faults = faults_of(version)
    if faults:
        message = f"{version} has known faults: {'; '.join(faults)}"
        return [Finding("pgvector", "problem", message, upgrade)]
    if available and numbers_of(available) > numbers_of(version):
        cure = "let a superuser run ALTER EXTENSION vector UPDATE"
        return [Finding("pgvector", "note", f"{version} is in use, {available} installed", cure)]
    return [Finding("pgvector", "ok", version)]
