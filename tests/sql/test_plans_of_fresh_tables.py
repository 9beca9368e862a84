"""No statement compares each row with each, whatever the database knows of how many there are.

A connection keeps the plan of a statement that was planned when its tables were small, and right
after a load there are no statistics, or those of one table alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest

from langgraph_agentstore.conversations.sql import plan_forget_thread
from langgraph_agentstore.data_store.sql.atomic_changes import plan_clear
from langgraph_agentstore.data_store.sql.record_states import changed_records_statement
from langgraph_agentstore.model.addresses import locate
from langgraph_agentstore.model.users import Address, Region
from langgraph_agentstore.sql.access_counts import Accesses, count_statement
from langgraph_agentstore.sql.items.delete import delete_statement, plan_delete_regions
from langgraph_agentstore.sql.items.get import get_many_sql
from langgraph_agentstore.sql.items.import_records import Imported, plan_import
from langgraph_agentstore.sql.items.put import put_statement
from langgraph_agentstore.sql.items.records import plan_stored_at, plan_values
from langgraph_agentstore.sql.statement import Delete, Put, SqlContext, Statement, columns_of
from langgraph_agentstore.sql.statement_settings import users_setting, with_settings
from langgraph_agentstore.sql.tables import Tables
from tests.support.row_security import protected_database

ROWS = 2_000
RULES = SqlContext(Tables("agentstore"), distributed=False)
PLACE = locate(Address("alice", ("files",)), ("users", "alice", "files"))
KEYS = [f"t_{n:05}" for n in range(ROWS)]
ITEM_IDS = [("alice", "files", key) for key in KEYS]
FILL = f"""
INSERT INTO agentstore.item (user_id, namespace, key, place, value, created_at, updated_at)
SELECT 'alice', 'files', 't_' || lpad(n::text, 5, '0'), 'files',
       '{{"query": "q", "response": "r", "thread_id": "t"}}', now(), now()
  FROM generate_series(0, {ROWS} - 1) n;
INSERT INTO agentstore.item_access (user_id, namespace, key, item_created_at, access_count,
                                    last_accessed_at, last_accessed_by)
SELECT user_id, namespace, key, created_at, 1, now(), '' FROM agentstore.item"""


NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
IMPORTED = [
    Imported(Put(item_id, "files", b"{}", None), 1, NOW, NOW, None, *read)
    for n, item_id in enumerate(ITEM_IDS)
    for read in [(1, NOW, "reader") if n % 2 else (0, None, None)]
]


def planned(plan: Statement[Any]) -> tuple[str, tuple[Any, ...]]:
    return plan.sql, plan.arguments


STATEMENTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "get_values": planned(plan_values(PLACE, KEYS, RULES)),
    "get_many": (get_many_sql(RULES), columns_of(ITEM_IDS)),
    "stored_at": planned(plan_stored_at(ITEM_IDS, RULES)),
    "changed_records": changed_records_statement("alice", [i[1:] for i in ITEM_IDS], RULES),
    "count_reads": count_statement(
        [Accesses(item_id, None, 1, timedelta(), "a") for item_id in ITEM_IDS], RULES
    ),
    "import": planned(plan_import(IMPORTED, "upsert", RULES)),
    "put_many": put_statement([record.put for record in IMPORTED], RULES),
    "clear": planned(plan_clear(PLACE, RULES)),
    "delete_many": delete_statement([Delete(item_id) for item_id in ITEM_IDS], RULES),
    "delete_regions": planned(plan_delete_regions([Region("alice", ("files",))], RULES)),
    "forget_thread": planned(plan_forget_thread(Address("alice", ("files",)), "t", RULES)),
}


PLANNED = {
    "with empty tables": (),
    "with all rows": (),
    "with all rows, items analyzed": ("item",),
    "with all rows, counts analyzed": ("item_access",),
    "with all rows, analyzed": ("item", "item_access"),
}
"""When the statements are planned, and of which tables the database then has statistics."""


@pytest.fixture(scope="module", params=PLANNED)
def connections(
    request: pytest.FixtureRequest, embedded_server: Any
) -> Iterator[tuple[psycopg.Connection[Any], ...]]:
    """Connections that have planned all: of the owner, and of a role under row security."""
    with (
        protected_database(embedded_server.dsn) as (owner_dsn, role_dsn),
        connected(owner_dsn) as owner,
        connected(role_dsn) as role,
    ):
        for table in ("item", "item_access"):
            owner.execute(f"ALTER TABLE agentstore.{table} SET (autovacuum_enabled = off)")
        if request.param != "with empty tables":
            owner.execute(FILL)
        for table in PLANNED[request.param]:
            owner.execute(f"ANALYZE agentstore.{table}")
        for connection, row_security in ((owner, False), (role, True)):
            for name in STATEMENTS:
                plan_with(connection, name, row_security)
        if request.param == "with empty tables":
            owner.execute(FILL)
        yield owner, role


@pytest.mark.parametrize("row_security", [False, True], ids=["owner", "row security"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_compares_no_row_with_every_other(
    connections: tuple[psycopg.Connection[Any], ...], name: str, row_security: bool
) -> None:
    connection = connections[row_security]
    with connection.transaction(force_rollback=True):
        nodes = list(nodes_of(explained(connection, name, row_security)))

    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) >= ROWS
    assert sum(compared_in_vain(node) for node in nodes) <= 10 * ROWS


def connected(dsn: str) -> Any:
    return psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor)


def sent(name: str, row_security: bool) -> tuple[str, Sequence[Any]]:
    """Return a statement as the store sends it, and its arguments."""
    sql, given = STATEMENTS[name]
    arguments = [as_text(argument) for argument in given]
    if row_security:
        return with_settings(sql, arguments, [users_setting(["alice"])])
    return sql, arguments


def as_text(argument: Any) -> Any:
    """Return JSON as text, of which psycopg would make the type bytea."""
    if isinstance(argument, list):
        return [as_text(part) for part in argument]
    return argument.decode() if isinstance(argument, bytes) else argument


def plan_with(connection: Any, name: str, row_security: bool) -> None:
    """Prepare a statement and plan it for any arguments, as the store has it done."""
    sql, arguments = sent(name, row_security)
    connection.execute("SET plan_cache_mode = force_generic_plan; SET statement_timeout = '5s'")
    connection.execute(f"PREPARE {name} AS {sql}")
    connection.execute(f"EXPLAIN EXECUTE {name}({', '.join(['NULL'] * len(arguments))})")


def explained(connection: Any, name: str, row_security: bool) -> dict[str, Any]:
    """Run a statement that was prepared; return its plan with what each node counted."""
    _, arguments = sent(name, row_security)
    explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE {name}"
    values = ", ".join(["%s"] * len(arguments))
    [(plan,)] = connection.execute(f"{explain}({values})", arguments).fetchall()
    root: dict[str, Any] = plan[0]["Plan"]
    return root


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)


def compared_in_vain(node: dict[str, Any]) -> float:
    """Return how many rows a node looked at and did not want."""
    removed = (node[name] for name in node if re.match("Rows Removed by", name))
    return float(sum(removed) * node["Actual Loops"])
