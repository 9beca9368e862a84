"""A search of a large scope goes by the approximate index, whatever the planner was told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from langgraph.store.base import SearchOp
from pgvector import Vector

from langgraph_agentstore import AgentStore, PoolConfig
from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, template_scope
from langgraph_agentstore.runtime.connections.connector import know_vectors
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.sql.statement import CurrentRules, Query, SqlContext
from langgraph_agentstore.sql.tables import Tables
from tests.support.embedders import CountingEmbedder
from tests.support.matrices import few

SCHEMA = "vector_plans"
DIMS = 8
INDEX = {"dims": DIMS, "embed": CountingEmbedder(DIMS), "mode": "hybrid"}
RULES = SqlContext(
    Tables(SCHEMA, "public"), index=search_index(INDEX), vector_set=1, approximate=True
)
PLANNER = Planner(template_scope(DEFAULT_TEMPLATE), CurrentRules(RULES))
HNSW = "item_vector_1_hnsw_vector_cosine"

FILL = (
    f"""
INSERT INTO {SCHEMA}.item (user_id, namespace, key, place, value, created_at, updated_at)
SELECT 'u' || i % 100, 'notes', 'k' || i, 'notes', '{{}}', now(), now()
  FROM generate_series(1, 5000) i""",
    f"""
INSERT INTO {SCHEMA}.item_vector_1
       (user_id, namespace, key, part, path, version, digest, embedding)
SELECT user_id, namespace, key, 0, '$', 1, 0,
       ARRAY(SELECT random() + length(key) * 0 FROM generate_series(1, {DIMS}))::vector
  FROM {SCHEMA}.item""",
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def filled(postgres_dsn: str) -> AsyncIterator[str]:
    async with AgentStore(postgres_dsn, schema=SCHEMA, index=INDEX):
        pass
    connection = await asyncpg.connect(postgres_dsn)
    for statement in FILL:
        await connection.execute(statement)
    yield postgres_dsn
    await connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    await connection.close()


async def plan_of(
    dsn: str, op: SearchOp, settings: dict[str, str], *before: str, generic: bool = False
) -> str:
    planned = PLANNER.plan(op)
    assert isinstance(planned, Query)
    statement = planned.statement(RULES, Vector([0.5] * DIMS).to_binary())
    connection = await asyncpg.connect(dsn, server_settings=settings)
    try:
        for command in before:
            await connection.execute(command)
        await know_types(connection)
        if generic:
            rows = await connection.fetch(
                f"EXPLAIN (GENERIC_PLAN) {statement.sql}", *statement.arguments
            )
        else:
            rows = await connection.fetch(f"EXPLAIN {statement.sql}", *statement.arguments)
    finally:
        await connection.close()
    return "\n".join(row[0] for row in rows)


async def know_types(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=lambda t: b"\x01" + t, decoder=bytes
    )
    await know_vectors(connection)


WAYS: dict[str, Any] = {
    "the pool's settings": (PoolConfig().settings, ()),
    "no settings, as behind a pooler": ({}, ()),
    "statistics": (PoolConfig().settings, (f"ANALYZE {SCHEMA}.item_vector_1",)),
    "statistics and no settings": ({}, (f"ANALYZE {SCHEMA}.item_vector_1",)),
}


@few(2)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("filter", [None, {"rare": True}], ids=["all", "filtered"])
@pytest.mark.asyncio(loop_scope="module")
async def test_the_order_of_a_large_scope_is_the_indexes(
    filled: str, way: str, filter: dict[str, Any] | None
) -> None:
    settings, before = WAYS[way]
    op = SearchOp(("users", "u1", "notes"), filter, query="q")
    assert HNSW in await plan_of(filled, op, settings, *before)


@pytest.mark.parametrize("settings", [PoolConfig().settings, {}], ids=["settings", "none"])
@pytest.mark.asyncio(loop_scope="module")
async def test_so_it_is_where_one_plan_serves_all_arguments(
    filled: str, settings: dict[str, str]
) -> None:
    op = SearchOp(("users", "u1", "notes"), query="q")
    assert HNSW in await plan_of(filled, op, settings, generic=True)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_scope_is_measured_by_way_of_the_primary_key(filled: str) -> None:
    op = SearchOp(("users", "u1", "notes"), query="q")
    text = await plan_of(filled, op, PoolConfig().settings, f"ANALYZE {SCHEMA}.item_vector_1")
    assert "Seq Scan" not in text
    assert "item_vector_1_pkey" in text
