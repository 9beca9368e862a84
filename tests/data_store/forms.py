"""Both forms of a data store, called alike, so that each fact is tested of both."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

from langgraph_agentstore.data_store import AsyncDataStore, DataStore


class Called:
    """A data store whose methods answer at once; those of an `AsyncDataStore` run on `loop`."""

    def __init__(self, proxy: DataStore | AsyncDataStore, loop: asyncio.AbstractEventLoop) -> None:
        self.proxy = proxy
        self._loop = loop

    def use_namespace(self, namespace: Any, **options: Any) -> Called:
        return Called(self.proxy.use_namespace(namespace, **options), self._loop)

    def __getattr__(self, name: str) -> Any:
        there = getattr(self.proxy, name)
        if not inspect.ismethod(there):
            return there

        def call(*arguments: Any, **options: Any) -> Any:
            answer = there(*arguments, **options)
            if inspect.iscoroutine(answer):
                return self._loop.run_until_complete(answer)
            if name == "items":
                return self._loop.run_until_complete(_listed(answer))
            return answer

        return call


Open = Callable[..., Called]
"""Call it with a user, an agent, a namespace and options, all optional."""


async def _listed(items: Any) -> list[Any]:
    if isinstance(items, AsyncIterator):
        return [item async for item in items]
    return list(items)
