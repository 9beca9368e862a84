"""The two stores, opened alike: tables made, one database each row; and a row of the table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from langgraph.store.base import BaseStore
from langgraph.store.postgres import AsyncPostgresStore, PostgresStore

from langgraph_agentstore import AgentStore

from ..bench import Index


@dataclass(frozen=True, slots=True)
class Side:
    """One package's stores on one database, opened as its documentation says."""

    dsn: str
    official: bool

    @property
    def words(self) -> Index:
        """The index to open it with so that it finds words without a model, if it has one."""
        return None if self.official else {"mode": "text", "fields": ["text"]}

    @contextmanager
    def open(self, index: Index = None) -> Iterator[BaseStore]:
        """Open it for blocking calls; its tables are there."""
        if not self.official:
            with AgentStore(self.dsn, index=index) as ours:
                yield ours
        else:
            with PostgresStore.from_conn_string(self.dsn, index=index) as theirs:
                theirs.setup()
                yield theirs

    @asynccontextmanager
    async def aopen(self, index: Index = None) -> AsyncIterator[BaseStore]:
        """Async form of `open`."""
        if not self.official:
            async with AgentStore(self.dsn, index=index) as ours:
                yield ours
        else:
            async with AsyncPostgresStore.from_conn_string(self.dsn, index=index) as theirs:
                await theirs.setup()
                yield theirs


Seen: TypeAlias = "Callable[[Side], str | Coroutine[None, None, str]]"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table; `wanted` is what `seen` returns of a right store."""

    does: str
    wanted: str
    seen: Seen


@dataclass(frozen=True, slots=True)
class Tried:
    """What was seen of each store."""

    there: str
    here: str


def tried(row: Row, dsn: str) -> Tried:
    """Try a row on both, in an empty database; an error of a store is shown by its name."""

    def seen(official: bool) -> str:
        said = row.seen(Side(dsn, official))
        return said if isinstance(said, str) else asyncio.run(said)

    there, here = (outcome(partial(seen, official)) for official in (True, False))
    return Tried(there, here)


def found(keys: Iterable[str]) -> str:
    """Return the keys by name."""
    return ", ".join(sorted(keys)) or "nothing"


def outcome(call: Callable[[], object]) -> str:
    """Return the words it returns, `works` if it returns none, or the name of its error."""
    try:
        said = call()
    except Exception as error:
        return type(error).__name__
    return said if isinstance(said, str) else "works"
