"""A store as a user would make it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from langgraph_agentstore import AgentStore


@pytest.fixture
def store(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        yield store
