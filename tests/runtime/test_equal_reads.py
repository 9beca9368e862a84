"""Equal reads that wait share a statement; each caller has a result of its own, and a fresh one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import DatabaseError
from tests.support.embedders import CountingEmbedder
from tests.support.faults import execute, locked_rows, until
from tests.support.matrices import few
from tests.support.proxy import Proxy

CALLERS = 500

Read = Callable[[AgentStore], Coroutine[Any, Any, Any]]
READS: dict[str, Read] = {
    "get": lambda store: store.aget(("t",), "a"),
    "search of a namespace": lambda store: store.asearch(("t",), limit=100),
    "search of several": lambda store: store.asearch((), limit=100),
    "search with a filter": lambda store: store.asearch(
        ("t",), filter={"n": {"$gte": 0}}, limit=100
    ),
    "search by a query": lambda store: store.asearch(("t",), query="green tea", limit=100),
    "search by a query, all users": lambda store: store.asearch((), query="green tea", limit=100),
    "listing": lambda store: store.alist_namespaces(),
    "listing of a prefix": lambda store: store.alist_namespaces(prefix=("t",)),
    "count": lambda store: store.acount(),
    "record": lambda store: store.aget_record(("t",), "a"),
}
every_read = pytest.mark.parametrize("read", READS.values(), ids=READS.keys())


@pytest.fixture
async def store(postgres_dsn: str, schema_name: str) -> AsyncIterator[AgentStore]:
    index = {"dims": 8, "embed": CountingEmbedder(8), "mode": "hybrid"}
    async with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        for key in ("a", "b"):
            await store.aput(("t",), key, {"text": "green tea", "n": 1, "tags": [{"x": [1]}]})
        await store.aput(("t", "below"), "c", {"text": "black tea", "n": 2})
        yield store


@every_read
async def test_equal_reads_at_once_are_few_statements(store: AgentStore, read: Read) -> None:
    alone = await read(store)
    before = store.stats().statements
    results = await asyncio.gather(*[read(store) for _ in range(CALLERS)])
    assert store.stats().statements - before < CALLERS / 5
    assert results == [alone] * CALLERS


@every_read
async def test_nobody_sees_what_another_does_to_its_result(store: AgentStore, read: Read) -> None:
    results = await asyncio.gather(*[read(store) for _ in range(50)])
    mutable: list[int] = []
    for result in results:
        mutable += _mutable_parts(result)
    assert len(set(mutable)) == len(mutable)


def _mutable_parts(part: Any) -> list[int]:
    if isinstance(part, dict):
        return [id(part), *(one for child in part.values() for one in _mutable_parts(child))]
    if isinstance(part, list):
        return [id(part), *(one for child in part for one in _mutable_parts(child))]
    if hasattr(part, "value") and hasattr(part, "created_at"):
        inner = _mutable_parts(part.value) + _mutable_parts(getattr(part, "metadata", None))
        return [id(part), *inner]
    return []


@every_read
async def test_a_read_after_a_write_joins_none_that_was_sent_before(
    store: AgentStore, postgres_dsn: str, schema_name: str, read: Read
) -> None:
    def answered() -> bool:
        """Whether the one connection through the proxy has run something else than `health`."""
        ((done,),) = execute(
            postgres_dsn,
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'away'"
            " AND state = 'idle' AND query NOT LIKE '%server_version%'",
        )
        return bool(done)

    lone = {"min_size": 1, "max_size": 1}
    index = store.index_config
    with Proxy(postgres_dsn) as proxy:
        dsn = f"{proxy.dsn}&application_name=away"
        async with AgentStore(dsn, schema=schema_name, pool=lone, index=index) as away:
            await read(away)
            await away.aready()
            proxy.stall(answers_only=True)
            earlier = asyncio.create_task(read(away))
            await until(answered)
            await store.aput(("t",), "a", {"text": "green tea", "n": 7})
            await store.aput(("t", "new"), "a", {"text": "green tea"})
            operations = away.stats().operations
            later = asyncio.create_task(read(away))
            await until(lambda: away.stats().operations > operations)
            proxy.resume()
            assert await later == await read(store)
            await earlier


async def test_a_caller_who_gives_up_takes_nobody_along(
    postgres_dsn: str, schema_name: str
) -> None:
    with Proxy(postgres_dsn) as proxy:
        async with AgentStore(proxy.dsn, schema=schema_name) as store:
            await store.aput(("t",), "a", {})
            proxy.stall()
            first = asyncio.create_task(store.alist_namespaces())
            others = [asyncio.create_task(store.alist_namespaces()) for _ in range(20)]
            await until(lambda: store.stats().statements > 1)
            first.cancel()
            others[0].cancel()
            proxy.resume()
            results = await asyncio.gather(first, *others, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in results[:2]] == [True, True]
    assert results[2:] == [[("t",)]] * 19


async def test_when_all_give_up_the_statement_ends(postgres_dsn: str, schema_name: str) -> None:
    async with AgentStore(postgres_dsn, schema=schema_name) as store:
        await store.aput(("t",), "a", {})
        with Proxy(postgres_dsn) as proxy:
            async with AgentStore(proxy.dsn, schema=schema_name) as away:
                await away.acount()
                proxy.stall()
                asked = [asyncio.create_task(away.alist_namespaces()) for _ in range(5)]
                await asyncio.sleep(0.05)
                for task in asked:
                    task.cancel()
                await asyncio.gather(*asked, return_exceptions=True)
                proxy.resume()
                assert await away.alist_namespaces() == [("t",)]


async def test_an_error_reaches_all_who_shared_the_statement(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await store.acount()
    execute(postgres_dsn, "ALTER TABLE {}.item RENAME COLUMN place TO moved", schema_name)
    failed_before = store.stats().failed_operations
    results = await asyncio.gather(
        *[store.alist_namespaces() for _ in range(50)], return_exceptions=True
    )
    assert [isinstance(result, DatabaseError) for result in results] == [True] * 50
    assert len({id(result) for result in results}) == 50
    assert store.stats().failed_operations - failed_before == 50
    execute(postgres_dsn, "ALTER TABLE {}.item RENAME COLUMN moved TO place", schema_name)


async def test_reads_go_on_while_rows_are_locked(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    with locked_rows(postgres_dsn, schema_name, "a"):
        counts = await asyncio.gather(*[store.acount() for _ in range(20)])
    assert counts == [3] * 20


@few(1)
@pytest.mark.parametrize("apart", [False, True], ids=["equal", "each another"])
async def test_a_queue_that_moves_fails_nobody(
    store: AgentStore, postgres_dsn: str, schema_name: str, apart: bool
) -> None:
    hasty = {"max_size": 3, "acquire_timeout_s": 1.0}
    async with AgentStore(postgres_dsn, schema=schema_name, pool=hasty) as queueing:
        listings = [queueing.alist_namespaces(limit=2 + n * apart) for n in range(5_000)]
        results = await asyncio.gather(*listings)
    assert results == [[("t",), ("t", "below")]] * 5_000
