"""What reads near their callers are tried with: a store whose own thread is busy, locked items."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from langgraph_agentstore import AgentStore
from langgraph_agentstore.runtime.job import Job
from langgraph_agentstore.runtime.session import Session

NAMESPACE = ("users", "ann", "notes")
LONG = "x" * 400_000


@contextmanager
def busy_io_thread(store: AgentStore) -> Iterator[None]:
    """The store's I/O thread does nothing else until the block ends."""
    begun, end = threading.Event(), threading.Event()

    async def hold(_session: Session) -> None:
        begun.set()
        end.wait(20)

    # Awaited on a loop of its own: a call of the kind that is tested would count as another one.
    holder = threading.Thread(target=asyncio.run, args=(store.executor.arun(Job(hold)),))
    holder.start()
    begun.wait(20)
    try:
        yield
    finally:
        end.set()
        holder.join(20)


@contextmanager
def locked_items(dsn: str, schema: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that keeps everybody from the items until it ends."""
    lock = sql.SQL("LOCK TABLE {}.item IN ACCESS EXCLUSIVE MODE")
    with psycopg.connect(dsn) as connection:
        connection.execute(lock.format(sql.Identifier(schema)))
        yield connection
