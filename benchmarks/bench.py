"""The server of one run, its databases, and both stores on one of them."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import psycopg
from langgraph.store.base import BaseStore, Op
from langgraph.store.postgres import AsyncPostgresStore, PostgresStore
from psycopg import sql

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded import EmbeddedPostgres

from .bare import Bare
from .harness import Contestant, Options, Result, race
from .items import Dataset, fill, mixed

Index: TypeAlias = Any  # of `index=`: each package has a TypedDict of its own
Awaited: TypeAlias = Callable[[BaseStore, int], Awaitable[None]]
Blocking: TypeAlias = Callable[[BaseStore, int], None]


@dataclass(frozen=True, slots=True)
class Sides:
    """Our store, and the official one by the way it connects; `loop` is asyncio's default.

    Each is opened for awaited calls on that loop, and once more for blocking ones.
    """

    loop: asyncio.AbstractEventLoop
    ours: AgentStore
    ours_blocking: AgentStore
    awaited: Mapping[str, BaseStore]
    blocking: Mapping[str, BaseStore]

    def awaiting(self, work: Awaited) -> tuple[Contestant, list[Contestant]]:
        """Return ours and theirs, set to do awaited work."""
        wait = self.loop.run_until_complete
        return _set_to(lambda store, steps: wait(work(store, steps)), self.ours, self.awaited)

    def waiting(self, work: Blocking) -> tuple[Contestant, list[Contestant]]:
        """Return ours and theirs, set to do blocking work."""
        return _set_to(work, self.ours_blocking, self.blocking)

    def agree(self, ask: Callable[[BaseStore], Awaitable[Any]]) -> bool:
        """Tell whether the official store, in every way it connects, answers as ours does."""

        async def answer(store: BaseStore) -> Any:
            return await ask(store)

        ours, *theirs = (
            self.loop.run_until_complete(answer(store))
            for store in (self.ours, *self.awaited.values())
        )
        return all(each == ours for each in theirs)


def _set_to(
    work: Blocking, ours: AgentStore, theirs: Mapping[str, BaseStore]
) -> tuple[Contestant, list[Contestant]]:
    rivals = [Contestant(way, partial(work, store)) for way, store in theirs.items()]
    return Contestant("ours", partial(work, ours)), rivals


@contextmanager
def open_sides(
    dsn: str, connections: int, index: Index = None, their_index: Index = None
) -> Iterator[Sides]:
    """Open both stores with as many connections each, all of them open.

    The official store is opened as a pool, as one connection and, without an index, as a pipeline.
    """
    pool = {"min_size": connections, "max_size": connections}
    ways: dict[str, dict[str, Any]] = {
        f"pool of {connections}": {"pool_config": pool},
        "one connection": {},
    }
    if their_index is None:
        ways["pipeline"] = {"pipeline": True}
    opened = AsyncExitStack()
    with ExitStack() as stack:
        loop = stack.enter_context(event_loop())
        awaited: dict[str, BaseStore] = {}
        blocking: dict[str, BaseStore] = {}
        stack.callback(lambda: loop.run_until_complete(opened.aclose()))
        # As theirs is: by `async with` on the loop that awaits.
        entering = opened.enter_async_context(AgentStore(dsn, pool=pool, index=index))
        ours = loop.run_until_complete(entering)
        ours_blocking = stack.enter_context(AgentStore(dsn, pool=pool, index=index))
        for way, how in ways.items():
            options = {**how, "index": their_index}
            theirs = AsyncPostgresStore.from_conn_string(dsn, **options)
            awaited[way] = loop.run_until_complete(opened.enter_async_context(theirs))
            blocking[way] = stack.enter_context(PostgresStore.from_conn_string(dsn, **options))
        yield Sides(loop, ours, ours_blocking, awaited, blocking)


@contextmanager
def open_ours(dsn: str, connections: int, index: Index = None) -> Iterator[AgentStore]:
    """Open our store with all its connections."""
    pool = {"min_size": connections, "max_size": connections}
    with AgentStore(dsn, pool=pool, index=index) as store:
        yield store


def make_tables(dsn: str, index: Index = None, their_index: Index = None) -> None:
    """Make the tables of both stores, as each makes them."""
    with AgentStore(dsn, index=index) as store:
        store.setup()
    with PostgresStore.from_conn_string(dsn, index=their_index) as peer:
        peer.setup()


@contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Open a loop of asyncio itself; at the end, cancel the tasks that are left on it.

    The official store's batching tasks end only by that.
    """
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        loop.run_until_complete(_cancel(asyncio.all_tasks(loop)))
        loop.close()


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def server(folder: Path | None = None) -> Iterator[str]:
    """Run the bundled Postgres; its data end with the block unless a folder is given."""
    kept = folder or Path(tempfile.mkdtemp(prefix="agentstore-bench-"))
    postgres = EmbeddedPostgres(kept / "postgres")
    try:
        yield postgres.start()
    finally:
        postgres.stop()
        if folder is None:
            shutil.rmtree(kept, ignore_errors=True)


@dataclass
class Bench:
    """The server that the rows share; data are written when the first row asks for them."""

    options: Options
    server_dsn: str
    _filled: dict[str, str] = field(default_factory=dict)

    @property
    def described(self) -> str:
        """The version of the server, in its own words."""
        with psycopg.connect(self.server_dsn) as connection:
            row = connection.execute("SELECT version()").fetchone()
        return str(row and row[0])

    @property
    def main(self) -> Dataset:
        """500 namespaces of 200 items; quick, of 20."""
        return mixed(500, 20 if self.options.quick else 200)

    def dsn(self, database: str) -> str:
        """Return the DSN of a database."""
        return urlsplit(self.server_dsn)._replace(path=f"/{database}").geturl()

    def new_database(self, name: str) -> str:
        """Create an empty database; return its DSN."""
        with psycopg.connect(self.server_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.dsn(name)

    def empty(self, name: str) -> str:
        """Create a database in which the tables of both stores are empty; return its DSN."""
        dsn = self.new_database(name)
        make_tables(dsn)
        return dsn

    def filled(self, name: str, write: Callable[[str], None]) -> str:
        """Return the DSN of a database that `write` filled, given its DSN, at the first call."""
        if name not in self._filled:
            dsn = self.empty(name)
            write(dsn)
            self._filled[name] = dsn
        return self._filled[name]

    def holding(self, dataset: Dataset) -> str:
        """Return the DSN of a database that holds this in the tables of both stores."""
        return self.filled(dataset.name, lambda dsn: fill(dsn, dataset.records))

    @contextmanager
    def sides(self, dataset: Dataset) -> Iterator[Sides]:
        """Open both stores on that data."""
        with open_sides(self.holding(dataset), self.options.connections) as sides:
            yield sides

    def bare(self, sides: Sides, dataset: Dataset, ops: Sequence[Op], *, new: bool = False) -> Bare:
        """Return operations of our store on that data, to be run without a store.

        `new`: they are puts, each of a new item.
        """
        dsn = self.holding(dataset)
        return Bare.of(sides.ours, ops, dsn, self.options.connections, new=new)

    def row(
        self, name: str, contestants: tuple[Contestant, list[Contestant]], **how: Any
    ) -> Result:
        """Race ours against theirs; the options are those of `race`."""
        return race(name, *contestants, self.options, **how)
