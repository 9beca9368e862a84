"""Operations of many callers travel in few statements, and each caller gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from langgraph_agentstore import AgentStore

USERS = [f"u{n}" for n in range(40)]


@pytest.fixture
async def store(postgres_dsn: str, schema_name: str) -> AsyncIterator[AgentStore]:
    async with AgentStore(postgres_dsn, schema=schema_name) as store:
        for key in range(12):
            await asyncio.gather(
                *[store.aput(("users", user, "a", user), f"k{key}", {"n": key}) for user in USERS]
            )
        yield store


async def test_searches_of_many_users_share_statements_and_mix_nothing_up(
    store: AgentStore,
) -> None:
    before = store.stats()
    pages = await asyncio.gather(
        *[
            store.asearch(("users", user, "a", user), limit=n % 5, offset=2)
            for n, user in enumerate(USERS)
        ]
    )
    after = store.stats()
    assert after.operations - before.operations == len(USERS)
    assert after.statements - before.statements <= 3
    for n, (user, page) in enumerate(zip(USERS, pages, strict=True)):
        assert [item.namespace for item in page] == [("users", user, "a", user)] * (n % 5)
        assert [item.value["n"] for item in page] == [9, 8, 7, 6][: n % 5]


async def test_searches_above_others_namespaces_are_answered_too(store: AgentStore) -> None:
    pages = await asyncio.gather(
        *[store.asearch(("users", user, "a"), limit=3) for user in USERS],
        *[store.asearch(("users", user, "a", user), limit=2) for user in USERS],
    )
    for user, page in zip(USERS, pages, strict=False):
        assert [(item.namespace[1], item.value["n"]) for item in page] == [
            (user, 11),
            (user, 10),
            (user, 9),
        ]


async def test_searches_of_different_shape_do_not_wait_for_each_other(store: AgentStore) -> None:
    alice, shared, filtered = await asyncio.gather(
        store.asearch(("users", "u1")),
        store.asearch(()),
        store.asearch(("users", "u2"), filter={"n": {"$gte": 11}}),
    )
    assert [len(alice), len(shared), len(filtered)] == [10, 10, 1]


async def test_gets_of_many_namespaces_are_one_statement(store: AgentStore) -> None:
    before = store.stats().statements
    items = await store.abatch([])
    assert items == []
    found = await asyncio.gather(*[store.aget(("users", user, "a", user), "k3") for user in USERS])
    assert [item.namespace[1] for item in found if item] == USERS
    assert store.stats().statements - before <= 2
