"""Subscriptions of one client: it is told of resources that change, whoever changes them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import AnyUrl
from typing_extensions import Self

from ..data_store.async_data_store import AsyncDataStore
from ..errors import AgentStoreError, ConfigurationError
from ..model.namespaces import Labels, name_of
from ..store.agent_store import AgentStore

if TYPE_CHECKING:
    from mcp.server.session import ServerSession

logger = logging.getLogger("langgraph_agentstore")


@dataclass(frozen=True, slots=True)
class WatchedPart:
    """A namespace that is watched, and the URIs that a change of one of its keys concerns."""

    proxy: AsyncDataStore
    uris: Callable[[str], Sequence[str]]


def watching_proxy(store: AgentStore, user_id: str, labels: Labels) -> AsyncDataStore:
    """Return a proxy that can watch a namespace of a user.

    Raises:
        ConfigurationError: no name of `data_store` stands for the namespace.
    """
    name = name_of(labels)
    if name is None:
        raise ConfigurationError(f"the namespace {labels!r} cannot be watched: choose another")
    return AsyncDataStore(store, user_id, None, name)


class Subscriptions:
    """The URIs that a client subscribed to, and the watches that tell of them.

    Watches begin with the first subscription, so a client without one costs nothing.
    """

    def __init__(self, parts: Sequence[WatchedPart]) -> None:
        self._parts = parts
        self._uris: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._session: ServerSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def add(self, uri: str, session: ServerSession) -> None:
        """Tell the session from now on when the resource changes."""
        self._uris.add(uri)
        if self._session is None:
            self._session = session
            for part in self._parts:
                watch = await part.proxy.watch()
                task = asyncio.get_running_loop().create_task(self._follow(part, watch))
                self._tasks.append(task)

    def remove(self, uri: str) -> None:
        """Tell of the resource no more; do nothing if it was not subscribed to."""
        self._uris.discard(uri)

    async def _follow(self, part: WatchedPart, watch: Any) -> None:
        assert self._session is not None
        try:
            async with watch:
                async for change in watch:
                    for uri in self._uris.intersection(part.uris(change.key)):
                        await self._session.send_resource_updated(AnyUrl(uri))
        except AgentStoreError as error:
            logger.warning("clients are told of no more changes: %s", error)
