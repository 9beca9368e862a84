"""Every kind of store that files can be in, and a backend's blocking and awaited forms as one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import uuid4

from langgraph.store.memory import InMemoryStore as LangGraphInMemoryStore
from langgraph.store.sqlite import SqliteStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.files import InMemoryStore, SQLiteStore

Opened = Callable[[str], AbstractContextManager[Any]]


@contextmanager
def _agent(dsn: str) -> Iterator[Any]:
    with AgentStore(dsn, schema=f"files_{uuid4().hex[:10]}") as store:
        yield store


@contextmanager
def _agent_view(dsn: str) -> Iterator[Any]:
    with _agent(dsn) as store:
        yield store.for_user("ada@example.com")


@contextmanager
def _memory(_: str) -> Iterator[Any]:
    yield LangGraphInMemoryStore()


@contextmanager
def _sqlite(_: str) -> Iterator[Any]:
    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    store = SqliteStore(connection)
    store.setup()
    yield store
    connection.close()


@contextmanager
def _own_memory(_: str) -> Iterator[Any]:
    yield InMemoryStore()


@contextmanager
def _own_sqlite(_: str) -> Iterator[Any]:
    store = SQLiteStore(":memory:")
    yield store
    store.close()


STORES: dict[str, Opened] = {
    "AgentStore": _agent,
    "AgentStore, a user's view": _agent_view,
    "LangGraph's InMemoryStore": _memory,
    "LangGraph's SqliteStore": _sqlite,
    "InMemoryStore": _own_memory,
    "SQLiteStore": _own_sqlite,
}


class Form:
    """Calls a backend's methods as they are, or their awaitable twins on a loop."""

    def __init__(self, backend: Any, loop: asyncio.AbstractEventLoop | None) -> None:
        self._backend = backend
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        loop = self._loop
        if loop is None:
            return getattr(self._backend, name)
        awaited = getattr(self._backend, f"a{name}")
        return lambda *given, **named: loop.run_until_complete(awaited(*given, **named))
