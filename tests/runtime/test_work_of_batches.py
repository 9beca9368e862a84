"""Reads at once make the server look at no more rows than one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timezone
from typing import Any

import pytest
import pytest_asyncio

from langgraph_agentstore import AgentStore
from tests.support.embedders import CountingEmbedder
from tests.support.faults import execute, wait_until
from tests.support.matrices import few

SCHEMA = "work_of_batches"
USERS = [f"u{n}" for n in range(24)]
ITEMS = 80
INDEX = {"dims": 16, "embed": CountingEmbedder(), "fields": ["text"], "mode": "vector"}

Read = Callable[[AgentStore, str, datetime], Awaitable[Any]]
READS: dict[str, Read] = {
    "get": lambda store, user, _: store.aget(notes(user), "k1"),
    "record": lambda store, user, _: store.aget_record(notes(user), "k1"),
    "newest": lambda store, user, _: store.asearch(notes(user)),
    "by vector": lambda store, user, _: store.asearch(notes(user), query="note 7"),
    "as of": lambda store, user, then: store.aget_as_of(notes(user), "k1", then),
}


def notes(user: str) -> tuple[str, ...]:
    return ("users", user, "notes")


def opened(dsn: str) -> AgentStore:
    named = f"{dsn}{'&' if '?' in dsn else '?'}application_name={SCHEMA}"
    return AgentStore(named, schema=SCHEMA, index=INDEX, history=True)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def then(postgres_dsn: str) -> AsyncIterator[datetime]:
    async with opened(postgres_dsn) as store:
        for user in USERS:
            for n in range(ITEMS):
                await store.aput(notes(user), f"k{n}", {"text": f"note {n}"})
        moment = datetime.now(timezone.utc)
        for user in USERS:
            await store.aput(notes(user), "k1", {"text": "changed"})
    execute(postgres_dsn, "VACUUM ANALYZE {}.item", SCHEMA)
    yield moment
    execute(postgres_dsn, "DROP SCHEMA {} CASCADE", SCHEMA)


@few(3)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", READS)
async def test_reads_at_once_look_at_no_more_rows(
    name: str, then: datetime, postgres_dsn: str
) -> None:
    async def one_after_the_other(store: AgentStore) -> None:
        for user in USERS:
            await READS[name](store, user, then)

    async def at_once(store: AgentStore) -> None:
        await asyncio.gather(*[READS[name](store, user, then) for user in USERS])

    alone = await rows_read_by(one_after_the_other, postgres_dsn)
    together = await rows_read_by(at_once, postgres_dsn)

    assert alone >= len(USERS)
    assert together <= 1.2 * alone


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_shared_with_a_user_is_read_once(then: datetime, postgres_dsn: str) -> None:
    async with opened(postgres_dsn) as store:
        for user in USERS[1:]:
            await store.for_user(user).ashare(("notes",), "u0")

    async def of_another_user(store: AgentStore) -> None:
        assert await store.for_user("u0").aget(notes("u1"), "k1") is not None

    read = await rows_read_by(of_another_user, postgres_dsn)
    assert len(USERS) <= read <= 5 * len(USERS)


async def rows_read_by(work: Callable[[AgentStore], Awaitable[None]], dsn: str) -> int:
    """Return how many entries and rows were read, without those that opening a store reads."""
    before = rows_read(dsn)
    async with opened(dsn) as store:
        await store.aget(("users", "nobody"), "k")
    opening = rows_read(dsn) - before
    async with opened(dsn) as store:
        await store.aget(("users", "nobody"), "k")
        await work(store)
    return rows_read(dsn) - before - 2 * opening


def rows_read(dsn: str) -> int:
    """Return the server's count, which holds what a connection did once that has ended."""
    wait_until(lambda: not execute(dsn, _CONNECTIONS, name=SCHEMA))
    return int(execute(dsn, _ROWS_READ, schema=SCHEMA)[0][0])


_CONNECTIONS = "SELECT pid FROM pg_stat_activity WHERE application_name = %(name)s"
_ROWS_READ = """
SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = %(schema)s)
     + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = %(schema)s)"""
