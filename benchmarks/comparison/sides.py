"""The two stores, opened alike: tables made, one database each row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from langgraph.store.base import BaseStore
from langgraph.store.postgres import AsyncPostgresStore, PostgresStore

from langgraph_agentstore import AgentStore

Index: TypeAlias = dict[str, Any] | None


class Side(Protocol):
    """One package's stores on one database, as its documentation tells to open them."""

    @property
    def dsn(self) -> str:
        """Of the database."""

    @property
    def words(self) -> Index:
        """What to open it with so that it finds words without a model."""

    def open(self, index: Index = None) -> AbstractContextManager[BaseStore]:
        """For blocking calls; its tables are there."""

    def aopen(self, index: Index = None) -> AbstractAsyncContextManager[BaseStore]:
        """For awaited calls; its tables are there."""


@dataclass(frozen=True, slots=True)
class Ours:
    """`AgentStore`."""

    dsn: str

    @property
    def words(self) -> Index:
        """BM25."""
        return {"mode": "text", "fields": ["text"]}

    @contextmanager
    def open(self, index: Index = None) -> Iterator[BaseStore]:
        """The one class there is."""
        with AgentStore(self.dsn, index=index) as store:
            yield store

    @asynccontextmanager
    async def aopen(self, index: Index = None) -> AsyncIterator[BaseStore]:
        """The same."""
        async with AgentStore(self.dsn, index=index) as store:
            yield store


@dataclass(frozen=True, slots=True)
class Official:
    """`PostgresStore` and `AsyncPostgresStore`."""

    dsn: str

    @property
    def words(self) -> Index:
        """There is no such index."""
        return None

    @contextmanager
    def open(self, index: Index = None) -> Iterator[BaseStore]:
        """`PostgresStore`."""
        given: Any = index
        with PostgresStore.from_conn_string(self.dsn, index=given) as store:
            store.setup()
            yield store

    @asynccontextmanager
    async def aopen(self, index: Index = None) -> AsyncIterator[BaseStore]:
        """`AsyncPostgresStore`."""
        given: Any = index
        async with AsyncPostgresStore.from_conn_string(self.dsn, index=given) as store:
            await store.setup()
            yield store
