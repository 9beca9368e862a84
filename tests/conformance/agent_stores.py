"""Opening `AgentStore`s for the suite: one schema, emptied before each fact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from langgraph.store.base import BaseStore, TTLConfig
from psycopg import sql

from langgraph_agentstore.store.agent_store import AgentStore
from tests.support.distributed import written_for_nodes


class AgentStores:
    """Stores on one schema, opened once for each TTL configuration: a store serves any loop."""

    def __init__(self, dsn: str, **options: Any) -> None:
        self._dsn = dsn
        self._options = options
        self._schema = f"conformance_{uuid4().hex[:12]}"
        self._opened: dict[str, AgentStore] = {}
        self._connection = psycopg.connect(dsn, autocommit=True)

    @contextmanager
    def open(self, ttl: TTLConfig | None) -> Iterator[AgentStore]:
        """An empty store; it stays open for the next fact."""
        store = self._opened.get(repr(ttl))
        if store is None:
            store = AgentStore(self._dsn, schema=self._schema, ttl=ttl, **self._options)
            store.setup()
            self._opened[repr(ttl)] = store
        self._empty()
        yield store

    @contextmanager
    def open_view(self, ttl: TTLConfig | None) -> Iterator[BaseStore]:
        """The view of a user without items, among others' items that must stay as they are."""
        with self.open(ttl) as store:
            for namespace in (("facts",), ("users", "bob"), ("users", "al"), ("users", "alicea")):
                store.put((*namespace, "facts", "items"), "k", {"whose": "another's"}, ttl=None)
                store.put((*namespace, "a", "b"), "k", {"whose": "another's"}, ttl=60)
            before = store.search((), limit=100)
            yield store.for_user("alice")
            store.delete_user("alice")
            assert store.search((), limit=100) == before

    def close(self) -> None:
        for store in self._opened.values():
            store.close()
        self._connection.execute(
            sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(self._schema))
        )
        self._connection.close()

    def _empty(self) -> None:
        self._connection.execute(
            sql.SQL("DELETE FROM {}").format(sql.Identifier(self._schema, "item"))
        )


class StoresOverNodes(AgentStores):
    """The same, with the SQL for tables distributed over nodes."""

    @contextmanager
    def open(self, ttl: TTLConfig | None) -> Iterator[AgentStore]:
        with written_for_nodes(), super().open(ttl) as store:
            yield store
