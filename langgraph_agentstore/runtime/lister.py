"""Listing of the items of namespaces that have grown large, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from ..errors import AgentStoreError
from ..sql.items.newest import ListedUpTo
from ..sql.tables import Tables
from .driver_errors import is_read_only
from .statements import Database

logger = logging.getLogger("langgraph_agentstore")

Grown: TypeAlias = "tuple[str, str]"
"""A user and the sort key of a namespace."""

ListBatch: TypeAlias = Callable[[str, str, "ListedUpTo | None"], Awaitable["ListedUpTo | None"]]

MANY_BATCHES = 8
"""After so many batches, the server's statistics are of a table in which nothing was listed."""

TRIES = 6
"""How often new statistics are asked for, while somebody else works on the table."""

PAUSE_S = 10.0
"""Between two tries."""

_LOCK_TIMEOUT = "3s"
"""Longer than autovacuum takes to give way, a second."""


class Lister:
    """Calls `list_batch` for one namespace after the other, on the running loop.

    After many batches it calls `analyze`, and again if that fails: by statistics of before, the
    server goes through the whole table to find what is not listed, though that has become little.

    Searches are right without it, only slower. So a namespace that cannot be listed, as on a
    server that takes no writes, is not tried again.
    """

    def __init__(self, list_batch: ListBatch, analyze: Callable[[], Awaitable[None]]) -> None:
        self._list_batch = list_batch
        self._analyze = analyze
        self._waiting: dict[Grown, None] = {}
        self._failed: set[Grown] = set()
        self._tries = 0
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def list_soon(self, grown: Iterable[Grown]) -> None:
        """List the items of these namespaces, unless that is under way or failed before."""
        self._waiting.update(dict.fromkeys(set(grown) - self._failed))
        if self._waiting and self._task is None and not self._stopped:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Cancel what is under way: the next search of the namespace begins it again."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._waiting or self._tries:
            if self._waiting:
                # It waits until it is done: searches meanwhile still find it grown.
                namespace = next(iter(self._waiting))
                await self._try_to_list(namespace)
                del self._waiting[namespace]
            else:
                await self._try_to_analyze()
        self._task = None

    async def _try_to_list(self, namespace: Grown) -> None:
        try:
            await self._list(*namespace)
        except AgentStoreError as error:
            self._failed.add(namespace)
            level = logging.DEBUG if is_read_only(error) else logging.WARNING
            logger.log(level, "listing a large namespace failed, searches sort it: %s", error)

    async def _try_to_analyze(self) -> None:
        self._tries -= 1
        try:
            await self._analyze()
        except AgentStoreError:
            if self._tries:  # at last, autovacuum does it
                await asyncio.sleep(PAUSE_S)
        else:
            self._tries = 0

    async def _list(self, user_id: str, place: str) -> None:
        up_to, batches = await self._list_batch(user_id, place, None), 1
        while up_to is not None:
            up_to = await self._list_batch(user_id, place, up_to)
            batches += 1
        if batches >= MANY_BATCHES:
            self._tries = TRIES


async def analyze_items(database: Database, tables: Tables) -> None:
    """Give the server new statistics, or leave it to autovacuum where the role may not.

    Raises:
        AgentStoreError: somebody else works on the table, as a VACUUM of its owner.
    """
    if not database.row_security:
        async with database.lease() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            await connection.execute(f"ANALYZE {tables.item}")
