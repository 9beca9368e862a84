"""Both stores on one database: ours, and the official one in each way it can be used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore
from langgraph.store.postgres import AsyncPostgresStore, PostgresStore
from langgraph.store.postgres.base import PoolConfig

from langgraph_agentstore import AgentStore

from .race import Contestant

Awaited: TypeAlias = Callable[[BaseStore, int], Awaitable[None]]
Blocking: TypeAlias = Callable[[BaseStore, int], None]


@dataclass(frozen=True, slots=True)
class Sides:
    """One of ours, and the official store by the way it connects; `loop` is asyncio's default."""

    loop: asyncio.AbstractEventLoop
    ours: AgentStore
    awaited: Mapping[str, BaseStore]
    blocking: Mapping[str, BaseStore]

    def awaiting(self, work: Awaited) -> tuple[Contestant, list[Contestant]]:
        """Ours and theirs, set to do awaited work."""

        def contestant(label: str, store: BaseStore) -> Contestant:
            async def run(steps: int) -> None:
                await work(store, steps)

            return Contestant(label, lambda steps: self.loop.run_until_complete(run(steps)))

        theirs = [contestant(way, store) for way, store in self.awaited.items()]
        return contestant("ours", self.ours), theirs

    def waiting(self, work: Blocking) -> tuple[Contestant, list[Contestant]]:
        """Ours and theirs, set to do blocking work."""

        def contestant(label: str, store: BaseStore) -> Contestant:
            return Contestant(label, lambda steps: work(store, steps))

        theirs = [contestant(way, store) for way, store in self.blocking.items()]
        return contestant("ours", self.ours), theirs

    def agree(self, ask: Callable[[BaseStore], Awaitable[Any]]) -> bool:
        """Whether the official store, in every way it connects, answers as ours does."""

        async def answer(store: BaseStore) -> Any:
            return await ask(store)

        expected = self.loop.run_until_complete(answer(self.ours))
        return all(
            self.loop.run_until_complete(answer(store)) == expected
            for store in self.awaited.values()
        )


@contextmanager
def open_sides(dsn: str, connections: int) -> Iterator[Sides]:
    """Both stores with as many connections each, all of them open."""
    loop = asyncio.new_event_loop()
    pool: PoolConfig = {"min_size": connections, "max_size": connections}
    ways: dict[str, dict[str, Any]] = {
        f"pool of {connections}": {"pool_config": pool},
        "one connection": {},
        "pipeline": {"pipeline": True},
    }
    ours = AgentStore(dsn, pool={"min_size": connections, "max_size": connections})
    opened = AsyncExitStack()
    with ExitStack() as stack:
        stack.callback(_close, loop)
        stack.enter_context(ours)
        awaited: dict[str, BaseStore] = {}
        blocking: dict[str, BaseStore] = {}
        stack.callback(lambda: loop.run_until_complete(opened.aclose()))
        for way, how in ways.items():
            entering = opened.enter_async_context(AsyncPostgresStore.from_conn_string(dsn, **how))
            awaited[way] = loop.run_until_complete(entering)
            blocking[way] = stack.enter_context(PostgresStore.from_conn_string(dsn, **how))
        yield Sides(loop, ours, awaited, blocking)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """The official store's batching tasks end only when they are told to."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
