"""What several tests of moving records use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from langgraph_agentstore import AgentStore


@pytest.fixture
def other(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    """Another store on the database of `store`, in a schema of its own."""
    with AgentStore(postgres_dsn, schema=f"{schema_name}_other") as store:
        yield store
