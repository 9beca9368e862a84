"""`AsyncDataStore`: the documented `data_store` object, for async code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from langgraph.store.base import NOT_PROVIDED, NotProvided

from .._support.lifecycle import AsyncClosing
from .._support.paging import AwaitedPages
from ..config.search_index import QuerySyntax, SearchMode
from ..model.provenance import acting_as
from ..store.executor import ResultT
from ..store.items import PAGE_SIZE
from ..store.step_driver import Steps, arun
from .display import proxy_html
from .locks import DEFAULT_LEASE_S, AsyncRecordLock
from .models import DataStoreRecord, FoundRecord
from .past_records import AsyncRecordHistory
from .watch import AsyncWatch
from .writes import Pairs


class AsyncDataStore(AsyncClosing, AsyncRecordHistory):
    """`DataStore` with coroutines as methods, on any event loop."""

    async def get(self, key: str, default: Any = None) -> Any:
        """Async form of `DataStore.get`."""
        return await self._do(self._operations.get(key, default))

    async def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Async form of `DataStore.get_many`."""
        return await self._do(self._operations.get_many(keys))

    async def get_all(self) -> dict[str, Any]:
        """Async form of `DataStore.get_all`."""
        return await self._do(self._operations.get_all())

    def items(
        self, prefix: str | None = None, *, page_size: int = PAGE_SIZE
    ) -> AsyncIterator[tuple[str, Any]]:
        """Async form of `DataStore.items`, for `async for`."""
        self._check_page_size(page_size)

        async def read(after: str | None) -> list[tuple[str, tuple[str, Any]]]:
            page = await self._do(self._operations.page(prefix, after, page_size))
            return [(item[0], item) for item in page.items()]

        return AwaitedPages(read, page_size)

    async def list_keys(
        self, prefix: str | None = None, *, after: str | None = None, limit: int | None = None
    ) -> list[str]:
        """Async form of `DataStore.list_keys`."""
        return await self._do(self._operations.list_keys(prefix, after, limit))

    async def list_namespaces(self) -> list[str]:
        """Async form of `DataStore.list_namespaces`."""
        return await self._do(self._operations.list_namespaces())

    async def exists(self, key: str) -> bool:
        """Async form of `DataStore.exists`."""
        return await self._do(self._operations.exists(key))

    async def record(self, key: str) -> DataStoreRecord | None:
        """Async form of `DataStore.record`."""
        return await self._do(self._operations.record(key))

    async def get_metadata(self, key: str) -> dict[str, Any] | None:
        """Async form of `DataStore.get_metadata`."""
        record = await self.record(key)
        return None if record is None else record.metadata

    async def search(
        self,
        query: str | None = None,
        *,
        filter: Mapping[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        mode: SearchMode | None = None,
        min_score: float | None = None,
        min_similarity: float | None = None,
        query_syntax: QuerySyntax | None = None,
    ) -> list[FoundRecord]:
        """Async form of `DataStore.search`."""
        self._operations.may_read("search")
        found = await self._view.asearch(
            self._operations.at.labels,
            **self._asked(query, filter, limit, offset),
            mode=mode,
            min_score=min_score,
            min_similarity=min_similarity,
            query_syntax=query_syntax,
        )
        return self._found(found)

    async def set(
        self,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """Async form of `DataStore.set`."""
        await self._do(self._operations.set(key, value, metadata, ttl))

    async def set_many(
        self,
        items: Pairs,
        metadata: Mapping[str, Any] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> int:
        """Async form of `DataStore.set_many`."""
        return await self._do(self._operations.set_many(items, metadata, ttl))

    async def set_if_absent(
        self,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> bool:
        """Async form of `DataStore.set_if_absent`."""
        return await self._do(self._operations.set_if_absent(key, value, metadata, ttl))

    async def compare_and_set(self, key: str, expected: Any, new: Any) -> bool:
        """Async form of `DataStore.compare_and_set`."""
        return await self._do(self._operations.compare_and_set(key, expected, new))

    async def increment(self, key: str, by: float = 1) -> Any:
        """Async form of `DataStore.increment`."""
        return await self._do(self._operations.increment(key, by))

    async def append(self, key: str, item: Any) -> int:
        """Async form of `DataStore.append`."""
        return await self._do(self._operations.append(key, item))

    async def update(self, key: str, fn: Callable[[Any], Any], default: Any = None) -> Any:
        """Async form of `DataStore.update`."""
        return await self._do(self._operations.update(key, fn, default))

    async def delete(self, key: str) -> bool:
        """Async form of `DataStore.delete`."""
        return await self._do(self._operations.delete(key))

    async def clear(self) -> int:
        """Async form of `DataStore.clear`."""
        return await self._do(self._operations.clear())

    def lock(
        self, key: str, timeout_s: float = DEFAULT_LEASE_S, *, wait_s: float | None = None
    ) -> AsyncRecordLock:
        """Async form of `DataStore.lock`."""
        return AsyncRecordLock(self._operations, key, timeout_s, wait_s)

    async def watch(
        self, prefix: str | None = None, *, timeout_s: float | None = None
    ) -> AsyncWatch:
        """Async form of `DataStore.watch`."""
        watching = self._watching(prefix)
        await self._executor.arun(watching.begin())
        return AsyncWatch(self._operations, watching, timeout_s)

    async def flush(self) -> None:
        """Async form of `DataStore.flush`."""
        await self._executor.arun(self._executor.access.flush_job)

    async def close(self) -> None:
        """Async form of `DataStore.close`."""
        if not self._executor.is_closed:
            await self.flush()

    def _repr_html_(self) -> str:
        return proxy_html(self)

    async def _do(self, steps: Steps[ResultT]) -> ResultT:
        with acting_as(self.agent_name):
            return await arun(steps, self._executor.reading())
