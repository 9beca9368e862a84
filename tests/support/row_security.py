"""`pytest --row-security`: the tests of the store and the facades, under row level security.

Stores are opened with the role of an application. Whenever one is opened, the owner sets up its
schema first, with row level security, as the owner of a real database does once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import psycopg
import pytest

from langgraph_agentstore.config.store_options import PoolConfig, find_source
from langgraph_agentstore.runtime import engine
from langgraph_agentstore.runtime.jobs.indexes import have_approximate_index
from langgraph_agentstore.runtime.jobs.row_security import row_security_job
from tests.support.faults import dsn_of, execute

ROLE = "the_application"

FOR_THE_OWNER: dict[str, str] = {}
"""Tests that are by nature for the owner: a part of the node id, and why."""


def create_role(owner_dsn: str) -> str:
    """Create the application's role unless it is there; return its DSN of this database."""
    if not execute(owner_dsn, "SELECT FROM pg_roles WHERE rolname = %(role)s", role=ROLE):
        execute(owner_dsn, "CREATE ROLE {} LOGIN", ROLE)
    return dsn_of(owner_dsn, user=ROLE)


@contextmanager
def set_up_by(owner_dsn: str) -> Iterator[None]:
    """Let the owner set up the schema of each store that the application opens."""
    opened, protected = engine.open_session, set[str]()

    async def open_session(config: Any, context: Any) -> Any:
        if f"{ROLE}@" in config.source.shown:
            owners = replace(config, source=find_source(owner_dsn), pool=PoolConfig(), ttl=None)
            session = await opened(owners, context)
            try:
                if config.schema not in protected:
                    await row_security_job(True, ROLE).run(session)
                    protected.add(config.schema)
                await have_approximate_index(session)
            finally:
                await session.finish()
        return await opened(config, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "open_session", open_session)
        # What a test looks at in the tables, past the store, it looks at as the owner.
        for driver in (psycopg, asyncpg):
            patch.setattr(driver, "connect", as_owner(driver.connect, owner_dsn))
        yield


def as_owner(connect: Callable[..., Any], owner_dsn: str) -> Callable[..., Any]:
    """Return `connect` with the owner's DSN in place of the application's."""
    applications = dsn_of(owner_dsn, user=ROLE)

    def connect_as_owner(*dsn: Any, **options: Any) -> Any:
        return connect(*[owner_dsn if d == applications else d for d in dsn], **options)

    return connect_as_owner


def reason_for_the_owner(node_id: str) -> str | None:
    """Return why a test needs the owner's rights; None if it does not."""
    return next((why for part, why in FOR_THE_OWNER.items() if part in node_id), None)
