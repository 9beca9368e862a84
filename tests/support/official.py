"""Databases that the official package filled, and what they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from langgraph.store.base import PutOp
from langgraph.store.postgres import AsyncPostgresStore, PostgresStore

from langgraph_agentstore import AgentStore, ItemRecord
from tests.support.embedders import CountingEmbedder

DIMS = 16
FIELDS = ["text", "tags[*]", "{title,by}"]

Fill = Callable[..., None]


def index(**options: Any) -> dict[str, Any]:
    """One that both stores take."""
    return {"dims": DIMS, "embed": CountingEmbedder(DIMS), "fields": FIELDS, **options}


def fill(
    dsn: str, ops: Sequence[PutOp], *, index: Any = None, batches: bool = False, **way: Any
) -> None:
    """Puts by `PostgresStore`, one after the other, or all at once; `way`: how it connects."""
    with PostgresStore.from_conn_string(dsn, index=index, **way) as store:
        if "pipeline" not in way:  # its indexes cannot be made in one
            store.setup()
        for some in [ops] if batches else [[op] for op in ops]:
            store.batch(some)


def fill_awaited(dsn: str, ops: Sequence[PutOp], *, index: Any = None, **way: Any) -> None:
    """As `fill`, one after the other by `AsyncPostgresStore`."""

    async def run() -> None:
        async with AsyncPostgresStore.from_conn_string(dsn, index=index, **way) as store:
            if "pipeline" not in way:
                await store.setup()
            for op in ops:
                await store.abatch([op])

    asyncio.run(run())


def there(dsn: str) -> dict[tuple[tuple[str, ...], str], tuple[Any, ...]]:
    """Of each item its value, times, expiry and TTL in minutes."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT prefix, key, value, created_at, updated_at, expires_at, ttl_minutes FROM store"
        ).fetchall()
    return {(tuple(prefix.split(".")), key): tuple(rest) for prefix, key, *rest in rows}


def here(store: AgentStore) -> dict[tuple[tuple[str, ...], str], tuple[Any, ...]]:
    """As `there`."""
    return {(item.namespace, item.key): _told(store, item) for item in store.iter_items()}


def _told(store: AgentStore, item: Any) -> tuple[Any, ...]:
    record = store.get_record(item.namespace, item.key)
    assert isinstance(record, ItemRecord)
    times = (record.created_at, record.updated_at, record.expires_at)
    return (record.value, *times, record.ttl_minutes)
