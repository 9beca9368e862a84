"""Each hot statement uses the index it was written for, on 100,000 rows over many users.

The guards ask for generic plans: those are what a pool's prepared statements end with.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp

from langgraph_agentstore import AgentStore, PoolConfig
from langgraph_agentstore.conversations.sql import (
    plan_forget_thread,
    plan_neighbors,
    plan_thread_page,
)
from langgraph_agentstore.data_store.sql.atomic_changes import plan_clear
from langgraph_agentstore.data_store.sql.changes import Watcher, plan_changes_since
from langgraph_agentstore.langgraph_postgres.items_sql import plan_migrant
from langgraph_agentstore.langgraph_postgres.merge_sql import plan_presence
from langgraph_agentstore.langgraph_postgres.tables_sql import OfficialItem
from langgraph_agentstore.model.addresses import locate
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, Address, template_scope
from langgraph_agentstore.sql.access_counts import count_statement
from langgraph_agentstore.sql.items.delete import delete_many_sql, plan_delete_version
from langgraph_agentstore.sql.items.expiry import plan_sweep, refresh_sql
from langgraph_agentstore.sql.items.get import get_many_sql
from langgraph_agentstore.sql.items.pages import plan_page
from langgraph_agentstore.sql.items.records import (
    plan_all_values,
    plan_keys,
    plan_one_record,
    plan_values,
)
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.sql.statement import CurrentRules, SqlContext, Statement
from langgraph_agentstore.sql.tables import Tables

SCHEMA = "explain_guards"
RULES = SqlContext(Tables(SCHEMA))
SCOPE = template_scope(DEFAULT_TEMPLATE)
PLANNER = Planner(SCOPE, CurrentRules(RULES))
ROWS = 100_000
ALICE = ("users", "u7", "notes")

FILL = f"""
INSERT INTO {SCHEMA}.item
  (user_id, namespace, key, place, value, created_at, updated_at, expires_at, ttl)
SELECT 'u' || i % 500, 'notes:' || i % 7, 'k' || i, E'notes\\x01' || i % 7,
       jsonb_build_object('n', i), now(), now() - i * interval '1 second',
       CASE WHEN i % 100 = 0 THEN now() - interval '1 hour' END, interval '1 hour'
  FROM generate_series(1, {{rows}}) i"""


def every_node(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from every_node(child)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def connection(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A session as the pool's are, on a schema whose tables are empty."""
    async with AgentStore(postgres_dsn, schema=SCHEMA):
        pass
    connection = await asyncpg.connect(postgres_dsn, server_settings=PoolConfig().settings)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=lambda t: b"\x01" + t, decoder=bytes
    )
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    yield connection
    await connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    await connection.close()


async def fill(connection: asyncpg.Connection, rows: int) -> None:
    await connection.execute(f"TRUNCATE {SCHEMA}.item")
    await connection.execute(FILL.format(rows=rows))
    await connection.execute(f"VACUUM ANALYZE {SCHEMA}.item")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def large(connection: asyncpg.Connection) -> asyncpg.Connection:
    await fill(connection, ROWS)
    return connection


TRIPLES = (["u7", "u8"], ["notes:0", "notes:1"], ["k7", "k8"])
BOUNDED = MatchCondition("prefix", ALICE)

# What goes with an item, and whether somebody watches.
LEASES = {"item_lock_pkey", "item_lock_expiry"}
BESIDE = {"item_access_pkey", "watch_pkey"}


def planned(op: Any) -> tuple[str, tuple[Any, ...]]:
    explained = PLANNER.explain(op)
    return explained.sql, explained.arguments


def page() -> tuple[str, tuple[Any, ...]]:
    after = ("u7", "notes:3", "k500")
    statement = plan_page(SCOPE.regions(ALICE), PLANNER.filter(None), after, 10, SCOPE, RULES)
    return statement.sql, statement.arguments


def thread_page(*, newest_first: bool) -> tuple[str, tuple[Any, ...]]:
    place = Address("u7", ("notes", "3"))
    statement = plan_thread_page(place, "t", "t_1", 10, RULES, newest_first=newest_first)
    return statement.sql, statement.arguments


def statement(planned: Statement[Any]) -> tuple[str, tuple[Any, ...]]:
    return planned.sql, planned.arguments


def standings() -> tuple[str, tuple[Any, ...]]:
    items = [
        OfficialItem(f"users.u{n}.notes.0", f"k{n}", b"{}", THEN, THEN, None, None) for n in (7, 8)
    ]
    migrants = [plan_migrant(item, (), None, SCOPE, RULES) for item in items]
    return statement(plan_presence(migrants, RULES))


THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
AT = locate(Address("u7", ("notes", "0")), ("notes", "0"))

HOT = {
    "get": (*planned(GetOp(ALICE, "k")), {"item_pkey"}),
    "gets": (get_many_sql(RULES), TRIPLES, {"item_pkey"}),
    "items beside those of another store": (*standings(), {"item_pkey"}),
    "delete": (*planned(PutOp(ALICE, "k", None)), {"item_pkey", *BESIDE}),
    "deletes": (delete_many_sql(RULES), TRIPLES, {"item_pkey", *BESIDE}),
    "delete of a version": (
        *statement(plan_delete_version(("u7", "notes:0", "k7"), 1, THEN, RULES)),
        {"item_pkey", *BESIDE},
    ),
    "newest": (*planned(SearchOp((*ALICE, "3"))), {"item_newest", "item_place"}),
    "newest of a user": (
        *planned(SearchOp(("users", "u7"))),
        # The key where a user's items are sorted, all of them: either index finds these.
        {"item_newest", "item_place", "item_pkey"},
    ),
    "namespaces": (*planned(ListNamespacesOp()), {"item_place"}),
    "namespaces to depth 3": (*planned(ListNamespacesOp(max_depth=3)), {"item_place"}),
    "namespaces of a user": (*planned(ListNamespacesOp((BOUNDED,))), {"item_place"}),
    "page": (*page(), {"item_pkey"}),
    "page of a thread": (*thread_page(newest_first=False), {"item_pkey"}),
    "end of a thread": (*thread_page(newest_first=True), {"item_pkey"}),
    "neighbors": (
        *statement(plan_neighbors(Address("u7", ("notes", "3")), [("t", "t_1")] * 10, RULES)),
        {"item_pkey"},
    ),
    "forget a thread": (
        *statement(plan_forget_thread(Address("u7", ("notes", "3")), "t", RULES)),
        {"item_pkey", *BESIDE},
    ),
    "sweep": (
        plan_sweep(10, RULES).sql,
        plan_sweep(10, RULES).arguments,
        {"item_expiry", "item_pkey", "change_at", *BESIDE, *LEASES},
    ),
    "refresh": (refresh_sql(RULES), (*TRIPLES, [], []), {"item_pkey"}),
    "values": (*statement(plan_values(AT, ["k7"], RULES)), {"item_pkey"}),
    "all values": (*statement(plan_all_values(AT, RULES)), {"item_pkey"}),
    "keys": (*statement(plan_keys(AT, "k", "k1", 10, RULES)), {"item_pkey"}),
    "record": (*statement(plan_one_record(AT, "k7", RULES)), {"item_pkey", "item_access_pkey"}),
    "clear": (*statement(plan_clear(AT, RULES)), {"item_pkey", *BESIDE}),
    "count reads": (count_statement([], RULES)[0], ([],) * 7, {"item_pkey"}),
    "changes": (
        *statement(plan_changes_since(AT, "", "1:1:", Watcher(UUID(int=1), "u7"), RULES)),
        {"change_pkey", "watch_pkey"},
    ),
}


async def generic_plan(
    connection: asyncpg.Connection, sql: str, arguments: tuple[Any, ...], *options: str
) -> list[dict[str, Any]]:
    """Each node of the plan that the statement, prepared, settles on."""
    rows = await connection.fetch(
        f"EXPLAIN ({', '.join(('FORMAT JSON', *options))}) {sql}", *arguments
    )
    return list(every_node(json.loads(rows[0][0])[0]["Plan"]))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", HOT)
async def test_a_plan_made_before_the_first_analyze_uses_the_index_too(
    connection: asyncpg.Connection, name: str
) -> None:
    sql, arguments, indexes = HOT[name]
    nodes = await generic_plan(connection, sql, arguments)
    used = {node["Index Name"] for node in nodes if "Index Name" in node}
    assert used <= indexes | {"item_pkey"}
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", HOT)
async def test_a_plan_made_while_the_table_was_tiny_reads_no_whole_table(
    connection: asyncpg.Connection, name: str
) -> None:
    # It is cached, and would be kept while the table grows.
    await fill(connection, 50)
    sql, arguments, _ = HOT[name]
    nodes = await generic_plan(connection, sql, arguments)
    assert not {"Seq Scan", "Hash Join", "Merge Join"} & {node["Node Type"] for node in nodes}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", HOT)
async def test_a_hot_statement_uses_its_index(large: asyncpg.Connection, name: str) -> None:
    sql, arguments, indexes = HOT[name]
    nodes = await generic_plan(large, sql, arguments)
    assert {node["Index Name"] for node in nodes if "Index Name" in node} == indexes
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["namespaces", "namespaces to depth 3", "namespaces of a user"])
async def test_listing_goes_from_namespace_to_namespace(
    large: asyncpg.Connection, name: str
) -> None:
    sql, arguments, _ = HOT[name]
    nodes = await generic_plan(large, sql, arguments, "ANALYZE", "TIMING off")
    # Seven hundred rows to a namespace, and some pages of the index to find it. A walk that
    # started each step at the beginning of its user would read thousands for each.
    assert nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"] <= 30 * arguments[0]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_newest_of_a_listed_namespace_are_read_in_order_and_no_others(
    large: asyncpg.Connection,
) -> None:
    sql, arguments, _ = HOT["newest of a user"]
    await large.execute(f"UPDATE {SCHEMA}.item SET newest_at = updated_at WHERE user_id = 'u7'")
    nodes = await generic_plan(large, sql, arguments, "ANALYZE", "BUFFERS off", "TIMING off")
    read = sum(
        node["Actual Rows"] * node["Actual Loops"]
        for node in nodes
        if node.get("Index Name") == "item_newest"
    )
    # Of each of the seven namespaces the newest ten, and a probe whether there are any.
    assert read <= 7 * 10 + 7
