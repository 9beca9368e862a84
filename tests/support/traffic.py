"""How many statements a piece of work takes, and how many rows the server sends for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from langgraph_agentstore import AgentStore
from langgraph_agentstore.runtime.statements import Database
from langgraph_agentstore.sql.statement import Row


class Traffic(NamedTuple):
    """What passed between a store and its server."""

    statements: int
    rows: int


@contextmanager
def counting(store: AgentStore) -> Iterator[list[Traffic]]:
    """The list has the block's traffic when it ends; no other store may work meanwhile."""
    told: list[Traffic] = []
    rows = 0
    fetch = Database.fetch

    async def counted(*arguments: Any, **options: Any) -> Sequence[Row]:
        nonlocal rows
        found = await fetch(*arguments, **options)
        rows += len(found)
        return found

    before = store.stats().statements
    with patch.object(Database, "fetch", counted):
        yield told
    told.append(Traffic(store.stats().statements - before, rows))
