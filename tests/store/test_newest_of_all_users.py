"""The newest items of all users, whatever their ages."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from langgraph.store.base import SearchItem
from psycopg.sql import SQL, Identifier

from langgraph_agentstore import AgentStore

AGES = [timedelta(0)] * 5 + [timedelta(milliseconds=3**n) for n in range(25) for _ in range(3)]


@pytest.fixture
def aged(store: AgentStore, postgres_dsn: str, schema_name: str) -> list[str]:
    """The keys of items of many ages and three users, newest first."""
    keys = [f"k{n:03}" for n in range(len(AGES))]
    for n, key in enumerate(keys):
        store.put(("users", f"u{n % 3}", "notes"), key, {})
    change = SQL("UPDATE {}.item SET updated_at = updated_at - %s WHERE key = %s")
    with psycopg.connect(postgres_dsn) as connection:
        connection.cursor().executemany(
            change.format(Identifier(schema_name)), list(zip(AGES, keys, strict=True))
        )
    return [item.key for item in sorted_by_age(store)]


def sorted_by_age(store: AgentStore) -> list[SearchItem]:
    items = [item for n in range(3) for item in store.search(("users", f"u{n}"), limit=len(AGES))]
    return sorted(items, key=lambda item: (-item.updated_at.timestamp(), item.namespace, item.key))


PAGES = [(1, 0), (10, 0), (10, 10), (7, 40), (30, 50), (100, 0), (10, 100)]


def test_a_page_has_the_newest(store: AgentStore, aged: list[str]) -> None:
    for limit, offset in PAGES:
        found = store.search((), limit=limit, offset=offset)
        assert [item.key for item in found] == aged[offset : offset + limit], (limit, offset)


def test_only_the_items_that_pass_a_filter_count(store: AgentStore, aged: list[str]) -> None:
    oldest = aged[-1]
    [(namespace, key)] = [(i.namespace, i.key) for i in sorted_by_age(store) if i.key == oldest]
    store.put(namespace, key, {"kind": "rare"})
    found = store.search((), filter={"kind": "rare"}, limit=3)
    assert [item.key for item in found] == [oldest]
