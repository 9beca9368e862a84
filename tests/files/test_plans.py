"""The statements for files read by the primary key what they must, and nothing beside it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from langgraph_agentstore import AgentStore, PoolConfig
from langgraph_agentstore.files.sql import (
    Reach,
    Space,
    plan_children,
    plan_contents,
    plan_delete_tree,
    plan_entries,
)
from langgraph_agentstore.sql.statement import SqlContext, Statement
from langgraph_agentstore.sql.tables import Tables

SCHEMA = "files_plans"
RULES = SqlContext(Tables(SCHEMA))
SPACE = Space("u1", "files")
FOLDERS, EACH = 400, 50

# Two users, three namespaces of which one is below another, a folder with the name of a file.
FILL = f"""
INSERT INTO {SCHEMA}.item (user_id, namespace, key, place, value, created_at, updated_at)
SELECT 'u' || u, n, '/tree/folder_' || i / {EACH} || '/file_' || i % {EACH} || '.md', n,
       jsonb_build_object('content', repeat('word ', 20) || i), now(), now()
  FROM generate_series(0, {{files}} - 1) i, generate_series(1, 2) u,
       unnest(ARRAY['files', 'files:below', 'filesystem']) n"""

_ONE_FOLDER = Reach("/tree/folder_7", "/tree/folder_7/", "%md%")

STATEMENTS: dict[str, Statement[Any]] = {
    "children": plan_children(SPACE, "/tree/folder_7/", "bytes", RULES),
    "children of the root": plan_children(SPACE, "/", "characters", RULES),
    "entries": plan_entries(SPACE, _ONE_FOLDER, "bytes", RULES),
    "contents": plan_contents(SPACE, _ONE_FOLDER, "word", RULES),
    "delete": plan_delete_tree(SPACE, "/tree/folder_7", RULES),
}
# A folder's own files are met twice: on the way to the next folder, and when they are listed.
ROWS_READ = {
    "children": 2 * EACH,
    "children of the root": 1,
    "entries": EACH,
    "contents": EACH,
    "delete": EACH,
}

every_statement = pytest.mark.parametrize("name", STATEMENTS)


def every_node(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from every_node(child)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def connection(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A session as the pool's are, on empty tables."""
    async with AgentStore(postgres_dsn, schema=SCHEMA):
        pass
    connection = await asyncpg.connect(postgres_dsn, server_settings=PoolConfig().settings)
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    yield connection
    await connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    await connection.close()


async def fill(connection: asyncpg.Connection, files: int) -> None:
    await connection.execute(f"TRUNCATE {SCHEMA}.item")
    await connection.execute(FILL.format(files=files))
    await connection.execute(f"VACUUM ANALYZE {SCHEMA}.item")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def large(connection: asyncpg.Connection) -> asyncpg.Connection:
    await fill(connection, FOLDERS * EACH)
    return connection


async def plan(
    connection: asyncpg.Connection, statement: Statement[Any], *options: str
) -> list[dict[str, Any]]:
    explain = f"EXPLAIN ({', '.join(('FORMAT JSON', *options))}) {statement.sql}"
    rows = await connection.fetch(explain, *statement.arguments)
    return list(every_node(json.loads(rows[0][0])[0]["Plan"]))


# What goes with an item that is removed, and whether somebody watches.
BESIDE = ("item_access_pkey", "watch_pkey")


def scans(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The nodes that read items by an index."""
    return [node for node in nodes if node.get("Index Name") not in (None, *BESIDE)]


def assert_by_key(nodes: list[dict[str, Any]]) -> None:
    assert scans(nodes)
    for scan in scans(nodes):
        assert scan["Index Name"] == "item_pkey"
        condition = scan["Index Cond"]
        for column in ("user_id", "namespace", "key"):
            assert f"{column} " in condition, condition
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}


@pytest.mark.asyncio(loop_scope="module")
@every_statement
async def test_a_plan_made_before_the_first_analyze_goes_by_the_key(
    connection: asyncpg.Connection, name: str
) -> None:
    assert_by_key(await plan(connection, STATEMENTS[name]))


@pytest.mark.asyncio(loop_scope="module")
@every_statement
async def test_a_plan_made_while_the_table_was_tiny_goes_by_the_key(
    connection: asyncpg.Connection, name: str
) -> None:
    await fill(connection, 10)
    assert_by_key(await plan(connection, STATEMENTS[name]))


@pytest.mark.asyncio(loop_scope="module")
@every_statement
async def test_a_statement_reads_the_rows_of_its_folder_alone(
    large: asyncpg.Connection, name: str
) -> None:
    transaction = large.transaction()
    await transaction.start()
    nodes = await plan(large, STATEMENTS[name], "ANALYZE", "BUFFERS off", "TIMING off")
    await transaction.rollback()
    assert_by_key(nodes)
    read = sum(node["Actual Rows"] * node["Actual Loops"] for node in scans(nodes))
    skipped = sum(node.get("Rows Removed by Filter", 0) * node["Actual Loops"] for node in nodes)
    assert read + skipped <= ROWS_READ[name] + 2
