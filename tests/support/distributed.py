"""`pytest --distributed`: any tests, with the SQL for tables distributed over nodes.

One server answers the statements that are written for Citus, so that each form gives what the other
gives. What Citus itself refuses, `tests/sql/test_distributed_sql.py` finds by parsing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from langgraph_agentstore.runtime import opening
from langgraph_agentstore.sql.statement import SqlContext


@contextmanager
def written_for_nodes() -> Iterator[None]:
    """Let stores that open meanwhile take their server for a coordinator of Citus."""

    async def found(_connection: Any, database: Any, _config: Any, context: SqlContext) -> Any:
        database.connections.learn_distribution()
        return replace(context, distributed=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "open_distributed", found)
        yield
