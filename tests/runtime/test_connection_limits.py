"""A server, a role, a database or a pooler that allows fewer connections than a pool may have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from langgraph_agentstore import AgentStore, AsyncDataStore
from langgraph_agentstore.errors import StoreUnavailableError
from tests.runtime.poolers import needs_pgbouncer, pgbouncer
from tests.support.embedders import CountingEmbedder
from tests.support.faults import backends, dsn_of, execute, until
from tests.support.servers import TestServer

NAMESPACE = ("users", "ann", "notes")
SOON_S = 20.0


@contextmanager
def limited_role(dsn: str, limit: int) -> Iterator[str]:
    """The DSN of a role that may make a schema, and have so many connections."""
    role = f"limited_{uuid4().hex[:12]}"
    execute(dsn, "CREATE EXTENSION IF NOT EXISTS vector")
    execute(dsn, "CREATE ROLE {} LOGIN", role)
    execute(dsn, "GRANT CREATE ON DATABASE {} TO {}", urlsplit(dsn).path.lstrip("/"), role)
    set_limit(dsn, role, limit)
    try:
        yield dsn_of(dsn, user=role)
    finally:
        execute(dsn, "DROP OWNED BY {} CASCADE", role)
        execute(dsn, "DROP ROLE {}", role)


def set_limit(dsn: str, role: str, limit: int) -> None:
    statement = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.format(sql.Identifier(role), limit))


async def work(store: AgentStore, count: int) -> list[Any]:
    """So many operations of all kinds at once; their results or errors."""
    kinds: list[Callable[[int], Awaitable[Any]]] = [
        lambda n: store.aput(NAMESPACE, f"k{n}", {"n": n}),
        lambda n: store.aget(NAMESPACE, f"k{n}"),
        lambda n: store.asearch(NAMESPACE, filter={"n": n}),
        lambda n: store.alist_namespaces(limit=n + 1),
        lambda n: store.aput(NAMESPACE, f"v{n}", {"n": n}, expected_version=0),
    ]
    tasks = [kinds[n % len(kinds)](n) for n in range(count)]
    return await asyncio.gather(*tasks, return_exceptions=True)


def failures(outcomes: list[Any]) -> list[BaseException]:
    return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_no_operation_fails_while_a_role_may_have_one_connection(
    fresh_database: str, limit: int
) -> None:
    with limited_role(fresh_database, limit) as dsn:
        async with AgentStore(dsn) as store:
            assert failures(await work(store, 550)) == []
            assert 1 <= store.stats().pool_size <= limit


@pytest.mark.parametrize("limit", [1, 2])
async def test_jobs_and_watches_work_with_as_few_connections(
    fresh_database: str, limit: int
) -> None:
    index = {"dims": 4, "embed": CountingEmbedder(4), "fields": ["text"]}
    with limited_role(fresh_database, limit) as dsn:
        async with AgentStore(dsn, index=index) as store:
            records = AsyncDataStore(store, "ann", "tester", "jobs")
            async with await records.watch(timeout_s=SOON_S) as changes:
                await store.aload([(NAMESPACE, f"k{n}", {"text": f"t{n}"}) for n in range(30)])
                await store.areindex()
                assert await store.asweep_ttl() == 0
                await store.asetup()
                assert (await store.aready()).ready
                await records.set("told", 1)
                assert (await changes.__anext__()).key == "told"
            assert len(backends(fresh_database)) <= limit


async def test_the_pool_grows_when_a_limit_is_raised(fresh_database: str) -> None:
    with limited_role(fresh_database, 1) as dsn:
        async with AgentStore(dsn) as store:
            assert failures(await work(store, 50)) == []
            assert store.stats().pool_size == 1
            set_limit(fresh_database, urlsplit(dsn).username or "", 5)

            async def until_it_grew() -> None:
                while store.stats().pool_size < 3:
                    await asyncio.gather(
                        *[store.asearch(NAMESPACE, filter={"n": n}) for n in range(50)]
                    )

            await asyncio.wait_for(until_it_grew(), 20)


async def test_a_store_that_gets_no_connection_names_the_limit_and_the_cure(
    fresh_database: str,
) -> None:
    with limited_role(fresh_database, 1) as dsn, psycopg.connect(dsn):
        store = AgentStore(dsn, pool={"acquire_timeout_s": 0.5})
        started = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="too many connections for role") as caught:
            await store.aget(NAMESPACE, "k")
        assert 0.4 < time.monotonic() - started < 5
        assert "CONNECTION LIMIT" in str(caught.value)
        assert "max_size" in str(caught.value)
        assert caught.value.written is False
        await store.aclose()


async def test_a_first_connection_waits_for_one_that_others_give_up(fresh_database: str) -> None:
    with limited_role(fresh_database, 1) as dsn:
        taken = psycopg.connect(dsn)
        store = AgentStore(dsn)
        put = asyncio.ensure_future(store.aput(NAMESPACE, "k", {"n": 1}))
        _, waiting = await asyncio.wait([put], timeout=0.5)
        assert waiting
        taken.close()
        await asyncio.wait_for(put, SOON_S)
        await store.aclose()


async def test_a_limit_of_the_database_is_lived_with(fresh_database: str) -> None:
    name = urlsplit(fresh_database).path.lstrip("/")
    with limited_role(fresh_database, -1) as dsn:
        execute(fresh_database, "ALTER DATABASE {} CONNECTION LIMIT 2", name)
        async with AgentStore(dsn) as store:
            assert failures(await work(store, 100)) == []
            assert store.stats().pool_size <= 2
        execute(fresh_database, "ALTER DATABASE {} CONNECTION LIMIT -1", name)


async def test_a_server_at_max_connections_is_lived_with(disposable_server: TestServer) -> None:
    dsn = disposable_server.dsn
    ((most,),) = execute(
        dsn,
        "SELECT current_setting('max_connections')::int"
        " - current_setting('superuser_reserved_connections')::int",
    )
    with limited_role(dsn, -1) as limited, ExitStack() as others:
        store = AgentStore(limited)
        await store.asetup()
        for _ in range(most - 1):
            others.enter_context(psycopg.connect(dsn))
        outcomes = await work(store, 200)
        assert failures(outcomes) == []
        assert store.stats().pool_size == 1
        await store.aclose()


@needs_pgbouncer
async def test_a_poolers_limit_of_clients_is_lived_with(fresh_database: str) -> None:
    with pgbouncer(fresh_database, max_client_conn=2) as bouncer:
        async with AgentStore(bouncer.dsn) as store:
            assert failures(await work(store, 100)) == []
            assert store.stats().pool_size <= 2


async def test_listening_gives_way_to_statements(fresh_database: str) -> None:
    """With two connections a watch listens on one; taken by others meanwhile, it goes."""
    with limited_role(fresh_database, 2) as dsn:
        async with AgentStore(dsn, pool={"max_idle_s": 0.1}) as store:
            records = AsyncDataStore(store, "ann", "tester", "jobs")
            async with await records.watch(timeout_s=SOON_S) as changes:
                await until(lambda: len(backends(fresh_database)) == 1)
                with psycopg.connect(dsn):
                    await asyncio.wait_for(records.set("told", 1), SOON_S)
                    assert (await changes.__anext__()).key == "told"
