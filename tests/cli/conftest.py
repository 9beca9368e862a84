"""A database with a few items, which the tests of the command look at."""

from __future__ import annotations

import pytest

from langgraph_agentstore import AgentStore


@pytest.fixture
def filled(fresh_database: str) -> str:
    """The DSN of a database with items of two users and of the shared space."""
    with AgentStore(fresh_database) as store:
        for n in range(3):
            store.put(("users", "ada", "notes"), f"n{n}", {"n": n, "text": f"note {n}"})
        store.put(("users", "ada", "notes", "old"), "o", {"n": 9})
        store.for_user("bob@example.com").put(("a/b",), "x/y", {"text": "tea"})
        store.put(("docs",), "readme", {"text": "shared"})
    return fresh_database
