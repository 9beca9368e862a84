"""Names of prepared statements: no two connections have one in common, whoever opened them."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from langgraph_agentstore.config.dsn import read_dsn
from langgraph_agentstore.config.store_options import PoolConfig
from langgraph_agentstore.runtime.connections.pool import Pool
from langgraph_agentstore.runtime.connections.target import TargetReader
from langgraph_agentstore.runtime.statements import Database
from tests.support.faults import start_script

NAMED = "SELECT name FROM pg_prepared_statements WHERE name <> ''"

_PRINT_NAMES = """
import asyncio, sys
from tests.runtime.test_statement_names import names_of
print(*asyncio.run(names_of(sys.argv[1])))
"""


@asynccontextmanager
async def connections(dsn: str, **pool: Any) -> AsyncIterator[Pool]:
    database = Database(TargetReader(read_dsn(dsn), {}, {}), dsn, PoolConfig(**pool))
    database.connections.open()
    try:
        yield database.connections
    finally:
        await database.connections.close()


async def names_of(dsn: str, **pool: Any) -> list[str]:
    """Those that one connection of a store has on the server."""
    async with connections(dsn, **pool) as opened, opened.lease() as connection:
        for n in range(3):
            await connection.fetch(f"SELECT {n}, $1::text", "x")
        return [row[0] for row in await connection.fetch(NAMED)]


def test_those_of_two_processes_are_disjoint(postgres_dsn: str) -> None:
    processes = [start_script(_PRINT_NAMES, postgres_dsn) for _ in range(2)]
    first, second = (set(process.communicate(timeout=60)[0].split()) for process in processes)
    assert len(first) == len(second) == 4
    assert not first & second


async def test_those_of_two_connections_differ_in_more_than_a_number(postgres_dsn: str) -> None:
    random_parts = []
    async with connections(postgres_dsn) as opened, opened.lease() as one, opened.lease() as other:
        for connection in (one, other):
            await connection.fetch("SELECT $1::text", "x")
            names = [row[0] for row in await connection.fetch(NAMED)]
            random_parts.append({re.sub(r"^.*_", "", name) for name in names})
    assert [len(parts) for parts in random_parts] == [1, 1]
    assert not random_parts[0] & random_parts[1]
    assert {len(part) for parts in random_parts for part in parts} == {32}


async def test_those_of_the_connection_that_listens_are_random_too(postgres_dsn: str) -> None:
    async with connections(postgres_dsn) as opened:
        apart = await opened.connector.connect_apart()
        try:
            await apart.fetch("SELECT $1::text", "x")
            names = [row[0] for row in await apart.fetch(NAMED)]
        finally:
            await apart.close()
    assert len(names) == 2
    assert all(re.fullmatch(r"asyncpg_stmt_[0-9a-f]+_[0-9a-f]{32}", name) for name in names)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_has_others_than_its_parent_and_its_siblings(postgres_dsn: str) -> None:
    told = []
    for _ in range(2):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            names = asyncio.run(names_of(postgres_dsn))
            os.write(writing, " ".join(names).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            told.append(set(pipe.read().split()))
        os.waitpid(child, 0)
    own = set(asyncio.run(names_of(postgres_dsn)))
    assert [len(names) for names in (*told, own)] == [4, 4, 4]
    assert len(own.union(*told)) == 12


async def test_the_server_tells_them_apart_by_all_their_letters(postgres_dsn: str) -> None:
    names = await names_of(postgres_dsn)
    assert max(len(name) for name in names) < 63


async def test_no_statement_is_too_long_to_have_one(postgres_dsn: str) -> None:
    async with connections(postgres_dsn) as opened, opened.lease() as connection:
        await connection.fetch(f"SELECT $1::text -- {'x' * 20_000}", "x")
        [(count,)] = await connection.fetch(
            "SELECT count(*) FROM pg_prepared_statements"
            " WHERE name <> '' AND length(statement) > 20000"
        )
    assert count == 1


def test_the_driver_still_asks_for_names_where_they_are_given(postgres_dsn: str) -> None:
    """If this fails, asyncpg has another hook: without one processes behind a pooler cross."""
    assert hasattr(asyncpg.Connection, "_get_unique_id"), "asyncpg's hook is gone"
    names = asyncio.run(names_of(postgres_dsn))
    assert all(re.search(r"_[0-9a-f]{32}$", name) for name in names), (
        f"asyncpg {asyncpg.__version__} names statements without asking: {names}"
    )
