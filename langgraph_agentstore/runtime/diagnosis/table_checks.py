"""Checks of the tables at work: dead rows, autovacuum, expired items, old transactions."""

from __future__ import annotations

from ...results import Finding
from .server_state import Case

MOST_COUNTED = 100_000
_BACKLOG = 1_000
_DEAD_ROWS = 10_000
_DEAD_SHARE = 0.2
_OLD_S = 600.0

_TABLES = """
SELECT s.relname, s.n_live_tup, s.n_dead_tup,
       s.last_autovacuum IS NULL AND s.last_vacuum IS NULL,
       coalesce('{autovacuum_enabled=false,autovacuum_enabled=off}'::text[] && c.reloptions, false),
       pg_catalog.current_setting('autovacuum')::boolean
  FROM pg_catalog.pg_stat_user_tables s JOIN pg_catalog.pg_class c ON c.oid = s.relid
 WHERE s.schemaname = $1
 ORDER BY s.relname"""

_OLDEST_TRANSACTION = """
SELECT a.pid, a.application_name, a.state,
       extract(epoch FROM pg_catalog.now() - a.xact_start)::float8
  FROM pg_catalog.pg_stat_activity a
 WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
   AND a.backend_xmin IS NOT NULL AND a.backend_type = 'client backend'
 ORDER BY a.xact_start LIMIT 1"""


async def examine_bloat(case: Case) -> list[Finding]:
    """Check that dead rows are removed."""
    rows = await case.connection.fetch(_TABLES, case.context.tables.schema)
    quoted = case.context.tables.quoted
    findings = []
    if rows and not rows[0][5]:
        findings.append(Finding("bloat", "problem", "autovacuum is off", "SET autovacuum = on"))
    for table, live, dead, never, switched_off, _ in rows:
        if switched_off:
            message = f"autovacuum is off for {table}"
            cure = f"ALTER TABLE {quoted}.{table} RESET (autovacuum_enabled)"
            findings.append(Finding("bloat", "problem", message, cure))
        if dead >= _DEAD_ROWS and dead > _DEAD_SHARE * (live + dead):
            when = ", and it was never vacuumed" if never else ""
            message = f"{table} has {dead:,} dead rows beside {live:,} live ones{when}"
            cure = f"VACUUM (ANALYZE) {quoted}.{table}; look for old transactions"
            findings.append(Finding("bloat", "problem", message, cure))
    return findings or [Finding("bloat", "ok", "few dead rows; autovacuum is on")]


async def examine_expired(case: Case) -> list[Finding]:
    """Count the items that expired more than an hour ago and were not deleted."""
    table = case.context.tables.item
    count, oldest_s = await case.row(
        f"""SELECT count(*), extract(epoch FROM now() - min(e.expires_at))::float8
              FROM (SELECT i.expires_at FROM {table} i
                     WHERE i.expires_at < now() - interval '1 hour'
                     ORDER BY i.expires_at LIMIT $1) e""",
        MOST_COUNTED,
    )
    if not count:
        return [Finding("expired items", "ok", "none is left over")]
    number = f"{count:,}" if count < MOST_COUNTED else f"{count:,} or more"
    message = f"{number} items expired over an hour ago, the oldest {oldest_s / 3600:,.0f} h ago"
    cure = "call sweep_ttl(); let a store with ttl= run, which sweeps every five minutes"
    return [Finding("expired items", "problem" if count >= _BACKLOG else "note", message, cure)]


async def examine_transactions(case: Case) -> list[Finding]:
    """Look for a transaction so old that no dead row can be removed."""
    row = await case.connection.fetchrow(_OLDEST_TRANSACTION)
    if row is None or row[3] is None or row[3] < _OLD_S:
        return [Finding("transactions", "ok", "none is old")]
    message = (
        f"process {row[0]} ({row[1] or 'unnamed'}, {row[2]}) has had a transaction open for "
        f"{row[3] / 60:,.0f} minutes: rows that died since cannot be removed"
    )
    cure = f"end it: SELECT pg_terminate_backend({row[0]})"
    return [Finding("transactions", "problem", message, cure)]
