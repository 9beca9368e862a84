"""Indexes that `setup` makes on demand are there, valid, and used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from langgraph_agentstore import AgentStore, PoolConfig
from langgraph_agentstore.model.users import Region
from langgraph_agentstore.sql.items.pages import plan_count
from langgraph_agentstore.sql.statement import SqlContext
from langgraph_agentstore.sql.tables import Tables

ROWS = 20_000
FIELDS: Any = {"score": "number", "due": "text"}


@pytest.fixture
async def store(postgres_dsn: str, schema_name: str) -> AsyncIterator[AgentStore]:
    async with AgentStore(postgres_dsn, schema=schema_name) as store:
        yield store


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_dsn, server_settings=PoolConfig().settings)
    yield connection
    await connection.close()


async def indexes(connection: asyncpg.Connection, schema: str) -> dict[str, bool]:
    """Whether each index of the items is valid, by name."""
    rows = await connection.fetch(
        "SELECT c.relname, x.indisvalid FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid "
        "WHERE x.indrelid = to_regclass($1)",
        f"{schema}.item",
    )
    return {row["relname"]: row["indisvalid"] for row in rows}


async def explained(
    connection: asyncpg.Connection, store: AgentStore, schema: str, filter: dict[str, Any]
) -> str:
    context = SqlContext(Tables(schema))
    condition = store.planner.filter(filter)
    statement = plan_count([Region("alice", ())], condition, context)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=lambda t: b"\x01" + t, decoder=bytes
    )
    rows = await connection.fetch(f"EXPLAIN {statement.sql}", *statement.arguments)
    return "\n".join(row[0] for row in rows)


async def test_selective_filters_use_the_indexes_made_for_them(
    store: AgentStore, connection: asyncpg.Connection, schema_name: str
) -> None:
    await store.aload(
        (("users", "alice", "tasks"), f"k{n}", {"score": n, "due": f"{n:06}", "tag": f"t{n}"})
        for n in range(ROWS)
    )
    await store.asetup(index_values=True, index_fields=FIELDS)
    await connection.execute(f"ANALYZE {schema_name}.item")

    made = await indexes(connection, schema_name)
    assert all(made.values())
    assert len(made) == 5 + 3

    by_value = await explained(connection, store, schema_name, {"tag": "t7"})
    assert "item_value" in by_value
    for filter in ({"score": {"$gt": ROWS - 3}}, {"due": {"$gte": f"{ROWS - 2:06}"}}):
        assert "item_field_" in await explained(connection, store, schema_name, filter)
        assert await store.acount(("users", "alice"), filter) == 2


async def test_an_index_left_unfinished_is_made_anew(
    store: AgentStore, connection: asyncpg.Connection, schema_name: str
) -> None:
    await store.asetup(index_values=True)
    await connection.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass($1)",
        f"{schema_name}.item_value",
    )
    await store.asetup(index_values=True)
    assert (await indexes(connection, schema_name))["item_value"]


async def test_several_may_ask_for_the_same_indexes_at_once(
    store: AgentStore, postgres_dsn: str, connection: asyncpg.Connection, schema_name: str
) -> None:
    others = [AgentStore(postgres_dsn, schema=schema_name) for _ in range(3)]
    try:
        await asyncio.gather(
            *[each.asetup(index_values=True, index_fields=FIELDS) for each in (store, *others)]
        )
    finally:
        await asyncio.gather(*[each.aclose() for each in others])
    assert all((await indexes(connection, schema_name)).values())


async def test_writes_go_on_while_an_index_is_made(store: AgentStore) -> None:
    await store.aload((("a",), f"k{n}", {"score": n}) for n in range(ROWS))
    making = asyncio.create_task(store.asetup(index_values=True, index_fields=FIELDS))
    written = 0
    while not making.done():
        await store.aput(("b",), f"k{written}", {"score": written})
        written += 1
    await making
    assert written > 0
    assert await store.acount(("b",)) == written
