"""Stores that encrypt, and a look at their tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.security import Encryption
from tests.support.encrypted import KEY, Database, Opened
from tests.support.faults import dsn_of, execute


@pytest.fixture
def database(postgres_dsn: str, schema_name: str) -> Database:
    return Database(postgres_dsn, schema_name)


@pytest.fixture
def opened(postgres_dsn: str, schema_name: str) -> Iterator[Opened]:
    """Open a store that encrypts; its options are those of `Encryption`, or the store's own."""
    with ExitStack() as stack:

        def open_store(
            *, store: dict[str, Any] | None = None, keys: Any = KEY, **options: Any
        ) -> AgentStore:
            given = {"schema": schema_name, "encryption": Encryption(keys, **options)}
            return stack.enter_context(AgentStore(postgres_dsn, **{**given, **(store or {})}))

        yield open_store


@pytest.fixture(autouse=True)
def _seals_wait_for_others(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A seal leaves out what a transaction of the server may precede, such as an autovacuum's."""
    running = "SELECT pg_snapshot_xmin(s) < pg_snapshot_xmax(s) FROM pg_current_snapshot() s"

    def after_others(method: Callable[[AgentStore], Any]) -> Callable[[AgentStore], Any]:
        def waiting(store: AgentStore) -> Any:
            for _ in range(10):  # not for long: a test may hold one itself
                if execute(postgres_dsn, running) == [(False,)]:
                    break
                time.sleep(0.1)
            return method(store)

        return waiting

    for name in ("audit_seal", "sweep_ttl"):
        monkeypatch.setattr(AgentStore, name, after_others(getattr(AgentStore, name)))


@pytest.fixture
def owned(fresh_database: str, role: str) -> Iterator[AgentStore]:
    """The owner's store; the schema has row level security, and `role` is the application's."""
    with AgentStore(fresh_database) as store:
        store.setup(row_security=True, application_role=role)
        yield store


@pytest.fixture
def app_dsn(fresh_database: str, role: str, owned: AgentStore) -> str:
    """The DSN of the application's role."""
    return dsn_of(fresh_database, user=role)


@pytest.fixture
def app(app_dsn: str) -> Iterator[AgentStore]:
    """A store with the application's role."""
    with AgentStore(app_dsn) as store:
        yield store
