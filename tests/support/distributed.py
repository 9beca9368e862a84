"""Stores that write SQL for tables over several nodes; `pytest --distributed` runs any test so.

One server answers the statements that are written for Citus, so that each form gives what the other
gives. Each is parsed before it is sent, and held to the rules of `sql/test_distributed_sql.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

from langgraph_agentstore.runtime import opening
from langgraph_agentstore.runtime.statements import Database
from langgraph_agentstore.sql import vector_tables
from langgraph_agentstore.sql.server_forms import form_of
from langgraph_agentstore.sql.statement import CurrentRules, SqlContext
from tests.support.parsed_sql import parts, refused, tables_without_user

_OF_ONE_SERVER = {
    "tests/data_store/test_watch.py": "one server tells of every change",
    "tests/data_store/test_administration.py::test_the_proof_is": "nodes plan with arguments",
}


def reason_for_one_server(nodeid: str) -> str | None:
    """Return why a test is of one server alone; None if it is of several nodes, too."""
    return next((why for test, why in _OF_ONE_SERVER.items() if nodeid.startswith(test)), None)


@lru_cache(maxsize=4096)
def refused_by_nodes(sql: str, *, one_user: bool) -> list[str]:
    """Return what Citus would refuse in a statement, or send to every node."""
    trees = parts(sql)
    found = [each for tree in trees for each in refused(tree)]
    if one_user:
        found += [
            f"{name} without its user" for tree in trees for name in tables_without_user(tree)
        ]
    return found


async def _checked(database: Database, sql: str, *arguments: Any, **options: Any) -> Any:
    form, users = form_of(sql, distributed=True), options.get("users")
    found = refused_by_nodes(form, one_user=users is not None and len(users) == 1)
    assert not found, f"{found}: {form}"
    return await _fetch(database, sql, *arguments, **options)


_fetch = Database.fetch


@contextmanager
def written_for_nodes() -> Iterator[None]:
    """Let stores that open meanwhile take their server for a coordinator of Citus.

    What Citus would refuse of what they send fails.
    """

    async def found(_connection: Any, database: Any, _config: Any, context: SqlContext) -> Any:
        database.connections.learn_distribution()
        return replace(context, distributed=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "open_distributed", found)
        patch.setattr(Database, "fetch", _checked)
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
