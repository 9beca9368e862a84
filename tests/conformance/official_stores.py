"""Opening the official Postgres stores for the suite: one database, emptied before each fact."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
from langgraph.store.base import TTLConfig
from langgraph.store.postgres import AsyncPostgresStore, PostgresStore


class OfficialStores:
    """Stores on one database; each fact opens its own, since one belongs to one event loop."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        with PostgresStore.from_conn_string(dsn) as store:
            store.setup()
        self._connection = psycopg.connect(dsn, autocommit=True)

    @contextmanager
    def open(self, ttl: TTLConfig | None) -> Iterator[PostgresStore]:
        self._empty()
        with PostgresStore.from_conn_string(self._dsn, ttl=_omitting_expired(ttl)) as store:
            yield store

    @asynccontextmanager
    async def aopen(self, ttl: TTLConfig | None) -> AsyncIterator[AsyncPostgresStore]:
        self._empty()
        options = _omitting_expired(ttl)
        async with AsyncPostgresStore.from_conn_string(self._dsn, ttl=options) as store:
            yield store

    def close(self) -> None:
        self._connection.close()

    def _empty(self) -> None:
        self._connection.execute("DELETE FROM store")


def _omitting_expired(ttl: TTLConfig | None) -> TTLConfig:
    """What a user of TTLs would ask of it: by default it returns what has expired."""
    return {"omit_expired": True, **(ttl or {})}
