"""Every statement of the store, in its form under row level security: users before rows.

A Result node is above all others, and its one-time filter makes the settings. Postgres runs the
top of a plan first, CTEs when somebody reads them, and writing CTEs that nobody reads at the end.
So no row is looked at before the users are set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from langgraph_agentstore.sql.statement_settings import users_setting, with_settings
from tests.sql.test_golden_sql import STATEMENTS
from tests.support.row_security import protected_database

INDEX = {"dims": 2, "embed": lambda texts: [[0.0, 1.0] for _ in texts]}

SEPARATE = {name for name, sql in STATEMENTS.items() if "CREATE " in sql}
"""Tables, indexes and loads, which are no statements with arguments."""

REGISTERED = sorted(set(STATEMENTS) - SEPARATE - {"search_by_vector_elsewhere"})


@pytest.fixture(scope="module")
def connection(embedded_server: Any) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the application's role to a schema with row level security."""
    with (
        protected_database(embedded_server.dsn, index=INDEX) as (_, dsn),
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        connection.execute("SET plan_cache_mode = force_generic_plan")
        yield connection


@pytest.mark.parametrize("name", REGISTERED)
def test_the_users_are_set_before_the_first_row(
    connection: psycopg.Connection[Any], name: str
) -> None:
    root = plan_of(connection, STATEMENTS[name])
    assert root["Node Type"] == "Result"
    assert any(f"{made['Subplan Name']})" in root["One-Time Filter"] for made in settings_in(root))


def test_a_statement_without_users_would_not_pass(connection: psycopg.Connection[Any]) -> None:
    root = plan_of(connection, STATEMENTS["get_one"], wrap=False)
    assert settings_in(root) == []


def settings_in(root: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the plans right below the top that make settings."""
    return [plan for plan in root.get("Plans", ()) if "set_config" in str(plan.get("Output"))]


def plan_of(connection: psycopg.Connection[Any], sql: str, *, wrap: bool = True) -> dict[str, Any]:
    """Return the top of the generic plan of a statement."""
    count = max([0, *map(int, re.findall(r"\$(\d+)", sql))])
    if wrap:
        sql, _ = with_settings(sql, [None] * count, [users_setting(["alice"])])
    connection.execute(f"PREPARE asked AS {sql}".encode())
    try:
        values = ", ".join(["NULL"] * (count + wrap))
        explain = f"EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE asked{f'({values})' if values else ''}"
        [(plan,)] = connection.execute(explain.encode()).fetchall()
    finally:
        connection.execute("DEALLOCATE asked")
    root: dict[str, Any] = plan[0]["Plan"]
    return root
