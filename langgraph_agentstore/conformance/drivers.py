"""Drivers: one body for a store's blocking and awaitable methods.

A fact is a coroutine function that awaits a driver's methods. `Blocking` answers each with the
store's `put`, `get`, …, and runs the fact without any event loop; `Awaited` answers with `aput`,
`aget`, … on a loop of its own.
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

T = TypeVar("T")
Labels = tuple[str, ...]
Body = Callable[["Driver"], Coroutine[Any, Any, T]]

THREADS = 16
"""How many calls of `together` a blocking driver has under way at once."""


class Driver(ABC):
    """A store, and the one way in which its methods are called.

    The methods are the store's own; what they leave out are the store's defaults. `store` is the
    store itself, for the few facts about threads and event loops.
    """

    form: str
    """How this driver is named in the ids of tests."""

    def __init__(self, store: BaseStore) -> None:
        self.store = store

    async def put(self, namespace: Labels, key: str, value: Any, **options: Any) -> None:
        """`put` or `aput`."""
        await self._call("put", namespace, key, value, **options)

    async def get(self, namespace: Labels, key: str, **options: Any) -> Item | None:
        """`get` or `aget`."""
        item: Item | None = await self._call("get", namespace, key, **options)
        return item

    async def delete(self, namespace: Labels, key: str) -> None:
        """`delete` or `adelete`."""
        await self._call("delete", namespace, key)

    async def search(self, prefix: Labels, **options: Any) -> list[SearchItem]:
        """`search` or `asearch`."""
        found: list[SearchItem] = await self._call("search", prefix, **options)
        return found

    async def list_namespaces(self, **options: Any) -> list[Labels]:
        """`list_namespaces` or `alist_namespaces`."""
        namespaces: list[Labels] = await self._call("list_namespaces", **options)
        return namespaces

    async def batch(self, operations: Iterable[Op]) -> list[Result]:
        """`batch` or `abatch`."""
        results: list[Result] = await self._call("batch", operations)
        return results

    @classmethod
    @abstractmethod
    def run(cls, opened: object, body: Body[T]) -> T:
        """Enters `opened`, a store or a context manager of one, and runs `body` on it."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Lets that much time pass."""

    @abstractmethod
    async def together(self, calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T | Exception]:
        """Makes all calls at once; what each returned or raised, in their order."""

    @abstractmethod
    async def in_threads(self, functions: Sequence[Callable[[], T]]) -> list[T]:
        """Runs each function in a thread of its own, all at once."""

    @abstractmethod
    async def on_a_loop(self, function: Callable[[], T]) -> T:
        """Calls a blocking function on the thread of a running event loop."""

    @abstractmethod
    async def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Calls a method of the store."""


class Blocking(Driver):
    """Calls `put`, `get`, …; `together` calls from threads."""

    form = "blocking"

    @classmethod
    def run(cls, opened: object, body: Body[T]) -> T:
        """Runs `body` with no event loop in this thread."""
        if isinstance(opened, AbstractContextManager):
            with opened as store:
                return _without_a_loop(body(cls(store)))
        return _without_a_loop(body(cls(_as_store(opened))))

    async def sleep(self, seconds: float) -> None:
        """Blocks the thread."""
        time.sleep(seconds)  # noqa: ASYNC251 - there is no loop to block

    async def together(self, calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T | Exception]:
        """Up to `THREADS` at a time."""
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(_outcome, calls))

    async def in_threads(self, functions: Sequence[Callable[[], T]]) -> list[T]:
        """One thread for each function."""
        with ThreadPoolExecutor(len(functions)) as pool:
            futures = [pool.submit(function) for function in functions]
            return [future.result() for future in futures]

    async def on_a_loop(self, function: Callable[[], T]) -> T:
        """The loop runs in this thread, for this one call."""

        async def call() -> T:
            return function()

        return asyncio.run(call())

    async def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        return getattr(self.store, method)(*arguments, **options)


class Awaited(Driver):
    """Awaits `aput`, `aget`, …; `together` gathers."""

    form = "awaited"

    @classmethod
    def run(cls, opened: object, body: Body[T]) -> T:
        """Enters the store and runs `body` on a new event loop."""

        async def entered() -> T:
            if isinstance(opened, AbstractAsyncContextManager):
                async with opened as store:
                    return await body(cls(store))
            if isinstance(opened, AbstractContextManager):
                with opened as store:
                    return await body(cls(store))
            return await body(cls(_as_store(opened)))

        return asyncio.run(entered())

    async def sleep(self, seconds: float) -> None:
        """Leaves the loop to others."""
        await asyncio.sleep(seconds)

    async def together(self, calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T | Exception]:
        """All at a time."""
        results = await asyncio.gather(*[call() for call in calls], return_exceptions=True)
        return [_returned(result) for result in results]

    async def in_threads(self, functions: Sequence[Callable[[], T]]) -> list[T]:
        """The loop goes on meanwhile."""
        return await asyncio.gather(*[asyncio.to_thread(function) for function in functions])

    async def on_a_loop(self, function: Callable[[], T]) -> T:
        """The loop that runs this fact."""
        return function()

    async def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        return await getattr(self.store, f"a{method}")(*arguments, **options)


FORMS: Mapping[str, type[Driver]] = {form.form: form for form in (Blocking, Awaited)}


def _as_store(opened: object) -> BaseStore:
    if not isinstance(opened, BaseStore):
        raise TypeError(f"neither a store nor a context manager of one: {opened!r}")
    return opened


def _without_a_loop(body: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that waits for nothing."""
    try:
        body.send(None)
    except StopIteration as finished:
        value: T = finished.value
        return value
    body.close()
    raise RuntimeError("a fact awaits its driver's methods and nothing else")


def _outcome(call: Callable[[], Awaitable[T]]) -> T | Exception:
    async def body() -> T:
        return await call()

    try:
        return _without_a_loop(body())
    except Exception as error:
        return error


def _returned(result: T | BaseException) -> T | Exception:
    if isinstance(result, BaseException) and not isinstance(result, Exception):
        raise result
    return result
