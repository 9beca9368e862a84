"""Drivers, which run one test body against a store's blocking or async methods.

A fact is a coroutine function that awaits the methods of a driver. `Blocking` calls the store's
`put`, `get`, … and runs the fact without an event loop. `Awaited` awaits `aput`, `aget`, … on a
new event loop.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, TypeVar

from langgraph.store.base import BaseStore, Item, Op, Result, SearchItem

ReturnT = TypeVar("ReturnT")
NamespaceTuple = tuple[str, ...]
Body = Callable[["Driver"], Coroutine[Any, Any, ReturnT]]

THREADS = 16
"""The number of concurrent calls of `Blocking.together`."""


class Driver(ABC):
    """A store and the form in which its methods are called.

    The methods have the parameters of the store's methods; parameters that are left out have the
    store's defaults. `store` is the store itself, for the facts about threads and event loops.
    """

    form: str
    """The name of this driver in the ids of tests."""

    def __init__(self, store: BaseStore) -> None:
        self.store = store

    async def put(self, namespace: NamespaceTuple, key: str, value: Any, **options: Any) -> None:
        """Call `put` or `aput`."""
        await self._call("put", namespace, key, value, **options)

    async def get(self, namespace: NamespaceTuple, key: str, **options: Any) -> Item | None:
        """Call `get` or `aget`."""
        item: Item | None = await self._call("get", namespace, key, **options)
        return item

    async def delete(self, namespace: NamespaceTuple, key: str) -> None:
        """Call `delete` or `adelete`."""
        await self._call("delete", namespace, key)

    async def search(self, prefix: NamespaceTuple, **options: Any) -> list[SearchItem]:
        """Call `search` or `asearch`."""
        found: list[SearchItem] = await self._call("search", prefix, **options)
        return found

    async def list_namespaces(self, **options: Any) -> list[NamespaceTuple]:
        """Call `list_namespaces` or `alist_namespaces`."""
        namespaces: list[NamespaceTuple] = await self._call("list_namespaces", **options)
        return namespaces

    async def batch(self, operations: Iterable[Op]) -> list[Result]:
        """Call `batch` or `abatch`."""
        results: list[Result] = await self._call("batch", operations)
        return results

    @classmethod
    @abstractmethod
    def run(cls, opened: object, body: Body[ReturnT]) -> ReturnT:
        """Enter `opened`, a store or a context manager of one, and run `body` on the store."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""

    @abstractmethod
    async def together(
        self, calls: Sequence[Callable[[], Awaitable[ReturnT]]]
    ) -> list[ReturnT | Exception]:
        """Make all calls concurrently; return the result or the exception of each, in order."""

    @abstractmethod
    async def in_threads(self, functions: Sequence[Callable[[], ReturnT]]) -> list[ReturnT]:
        """Run each function in its own thread, all concurrently."""

    @abstractmethod
    async def on_a_loop(self, function: Callable[[], ReturnT]) -> ReturnT:
        """Call a blocking function in the thread of a running event loop."""

    @abstractmethod
    async def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the store."""


class Blocking(Driver):
    """A driver that calls `put`, `get`, …; `together` calls from threads."""

    form = "blocking"

    @classmethod
    def run(cls, opened: object, body: Body[ReturnT]) -> ReturnT:
        """Run `body` with no event loop in this thread."""
        if isinstance(opened, AbstractContextManager):
            with opened as store:
                return _without_a_loop(body(cls(store)))
        return _without_a_loop(body(cls(_as_store(opened))))

    async def sleep(self, seconds: float) -> None:
        """Block the thread for `seconds`."""
        time.sleep(seconds)  # noqa: ASYNC251 - there is no loop to block

    async def together(
        self, calls: Sequence[Callable[[], Awaitable[ReturnT]]]
    ) -> list[ReturnT | Exception]:
        """Make up to `THREADS` calls at a time."""
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(_outcome, calls))

    async def in_threads(self, functions: Sequence[Callable[[], ReturnT]]) -> list[ReturnT]:
        """Start one thread for each function."""
        with ThreadPoolExecutor(len(functions)) as pool:
            futures = [pool.submit(function) for function in functions]
            return [future.result() for future in futures]

    async def on_a_loop(self, function: Callable[[], ReturnT]) -> ReturnT:
        """Run an event loop in this thread for this one call."""

        async def call() -> ReturnT:
            return function()

        return asyncio.run(call())

    async def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        return getattr(self.store, method)(*arguments, **options)


class Awaited(Driver):
    """A driver that awaits `aput`, `aget`, …; `together` awaits all calls at once."""

    form = "awaited"

    @classmethod
    def run(cls, opened: object, body: Body[ReturnT]) -> ReturnT:
        """Enter the store and run `body` on a new event loop."""

        async def entered() -> ReturnT:
            if isinstance(opened, AbstractAsyncContextManager):
                async with opened as store:
                    return await body(cls(store))
            if isinstance(opened, AbstractContextManager):
                with opened as store:
                    return await body(cls(store))
            return await body(cls(_as_store(opened)))

        return asyncio.run(entered())

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)

    async def together(
        self, calls: Sequence[Callable[[], Awaitable[ReturnT]]]
    ) -> list[ReturnT | Exception]:
        """Make all calls at once."""
        results = await asyncio.gather(*[call() for call in calls], return_exceptions=True)
        return [_returned(result) for result in results]

    async def in_threads(self, functions: Sequence[Callable[[], ReturnT]]) -> list[ReturnT]:
        """Run the functions while the event loop goes on."""
        return await asyncio.gather(*[asyncio.to_thread(function) for function in functions])

    async def on_a_loop(self, function: Callable[[], ReturnT]) -> ReturnT:
        """Call the function in the thread of the loop that runs this fact."""
        return function()

    async def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        return await getattr(self.store, f"a{method}")(*arguments, **options)


FORMS: Mapping[str, type[Driver]] = {form.form: form for form in (Blocking, Awaited)}


def _as_store(opened: object) -> BaseStore:
    if not isinstance(opened, BaseStore):
        raise TypeError(f"neither a store nor a context manager of one: {opened!r}")
    return opened


def _without_a_loop(body: Coroutine[Any, Any, ReturnT]) -> ReturnT:
    """Run a coroutine that never suspends, and return its result."""
    try:
        body.send(None)
    except StopIteration as finished:
        value: ReturnT = finished.value
        return value
    body.close()
    raise RuntimeError("a fact awaits its driver's methods and nothing else")


def _outcome(call: Callable[[], Awaitable[ReturnT]]) -> ReturnT | Exception:
    async def body() -> ReturnT:
        return await call()

    try:
        return _without_a_loop(body())
    except Exception as error:
        return error


def _returned(result: ReturnT | BaseException) -> ReturnT | Exception:
    if isinstance(result, BaseException) and not isinstance(result, Exception):
        raise result
    return result
