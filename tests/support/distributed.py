"""Stores that write SQL for tables distributed over nodes; so `pytest --distributed` runs any test.

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
from langgraph_agentstore.sql import vector_tables
from langgraph_agentstore.sql.statement import CurrentRules, SqlContext


@contextmanager
def written_for_nodes() -> Iterator[None]:
    """Let stores that open meanwhile take their server for a coordinator of Citus."""

    async def found(_connection: Any, database: Any, _config: Any, context: SqlContext) -> Any:
        database.connections.learn_distribution()
        return replace(context, distributed=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "open_distributed", found)
        patch.setattr(vector_tables, "distribute_sql", lambda _tables, _name: "SELECT 1")
        yield


@contextmanager
def planned_before_opening() -> Iterator[None]:
    """Let every statement be planned as if its store had not opened yet: in both forms.

    A server refuses both together, so each path that sends a statement must choose one.
    """
    learn = CurrentRules.learn

    def learn_all_else(rules: CurrentRules, found: SqlContext) -> None:
        learn(rules, replace(found, distributed=None))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CurrentRules, "learn", learn_all_else)
        yield
