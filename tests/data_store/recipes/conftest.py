"""Agents of the pages, in this process and in others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import TypeAlias

import pytest
import pytest_asyncio

from langgraph_agentstore import AgentStore, DataStore
from tests.support.faults import execute

from .host import Run, load
from .processes import AgentProcess

Load: TypeAlias = Callable[[str], Run]
Start: TypeAlias = Callable[[str], Awaitable[AgentProcess]]
LeaseEnd: TypeAlias = Callable[[], datetime]
StartAnywhere: TypeAlias = Callable[[str], Awaitable[Run]]


@pytest.fixture
def data_store(store: AgentStore) -> DataStore:
    """The records of the user for whom all agents work, as a test looks at them."""
    return DataStore(store, "ada", None)


@pytest.fixture
def agent(store: AgentStore) -> Load:
    """Loads an agent into this process."""
    return lambda name: load(name, store)


@pytest.fixture
def lease_end(store: AgentStore, postgres_dsn: str, schema_name: str) -> LeaseEnd:
    """When the lease of the only lock there is will end, or has ended."""

    def look() -> datetime:
        ((expires_at,),) = execute(postgres_dsn, "SELECT expires_at FROM {}.item_lock", schema_name)
        assert isinstance(expires_at, datetime)
        return expires_at

    return look


@pytest_asyncio.fixture
async def process(postgres_dsn: str, schema_name: str) -> AsyncIterator[Start]:
    """Starts an agent in a process of its own, on the same records."""
    started: list[AgentProcess] = []

    async def start(name: str) -> AgentProcess:
        started.append(await AgentProcess.start(postgres_dsn, schema_name, "ada", name))
        return started[-1]

    yield start
    await asyncio.gather(*[one.stop() for one in started])


@pytest.fixture(params=["one process", "a process each"])
def start(request: pytest.FixtureRequest, agent: Load, process: Start) -> StartAnywhere:
    """Starts agents that share their data: all in this process, or each in its own."""

    async def here(name: str) -> Run:
        return agent(name)

    return here if request.param == "one process" else process
