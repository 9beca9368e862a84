"""What a pooler allows and refuses: a store lives with it, or names it and the cure."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError, StoreTimeoutError, StoreUnavailableError
from tests.runtime.poolers import needs_pgbouncer, pgbouncer
from tests.support.faults import backends, until, wait_until

pytestmark = needs_pgbouncer

NAMESPACE = ("users", "ann", "notes")


async def work(store: AgentStore) -> None:
    """More at once than there can be connections."""
    for _ in range(3):
        await asyncio.gather(
            *[store.aput(NAMESPACE, f"k{n}", {"n": n}) for n in range(100)],
            *[store.aget(NAMESPACE, f"k{n}") for n in range(100)],
            *[store.asearch(NAMESPACE, filter={"n": n}) for n in range(40)],
        )
    assert await store.acount() == 100
    assert store.stats().failed_operations == 0


def only_client(dsn: str) -> psycopg.Connection[Any]:
    """A connection, once the pooler has noticed that the former one ended."""
    made: list[psycopg.Connection[Any]] = []

    def connect() -> bool:
        with suppress(psycopg.OperationalError):
            made.append(psycopg.connect(dsn))
        return bool(made)

    wait_until(connect)
    return made[0]


@pytest.mark.parametrize("clients", [1, 2, 3])
async def test_few_clients_are_enough(clients: int, fresh_database: str) -> None:
    with pgbouncer(fresh_database, max_client_conn=clients) as bouncer:
        async with AgentStore(bouncer.dsn) as store:
            await work(store)


@pytest.mark.parametrize("mode", ["transaction", "session"])
async def test_few_sessions_are_enough(mode: str, fresh_database: str) -> None:
    with pgbouncer(fresh_database, pool_mode=mode, default_pool_size=2) as bouncer:
        async with AgentStore(bouncer.dsn) as store:
            await work(store)


def test_a_pooler_without_room_for_any_client_is_told_of(fresh_database: str) -> None:
    with (
        pgbouncer(fresh_database, max_client_conn=1) as bouncer,
        only_client(bouncer.dsn),
        pytest.raises(StoreUnavailableError, match=r"no more connections allowed.*pooler"),
    ):
        AgentStore(bouncer.dsn, pool={"acquire_timeout_s": 0.5}).get(NAMESPACE, "k")


def test_whoever_waits_too_long_for_a_session_is_told_that_nothing_was_sent(
    fresh_database: str,
) -> None:
    limits = {"default_pool_size": 1, "query_wait_timeout": 1}
    with pgbouncer(fresh_database, **limits) as bouncer, AgentStore(bouncer.dsn) as store:
        store.put(NAMESPACE, "k", {"n": 1})
        with psycopg.connect(bouncer.dsn) as holder:
            holder.execute("SELECT 1")  # in a transaction
            with pytest.raises(StoreTimeoutError, match="query_wait_timeout") as caught:
                store.put(NAMESPACE, "k", {"n": 2})
        assert caught.value.written is False
        store.put(NAMESPACE, "k", {"n": 3})


async def test_a_restart_between_two_calls_costs_no_error(fresh_database: str) -> None:
    with pgbouncer(fresh_database) as bouncer:
        async with AgentStore(bouncer.dsn) as store:
            for n in range(3):
                await asyncio.gather(*[store.aput(NAMESPACE, f"{n}", {"n": n}) for n in range(20)])
                bouncer.stop()
                bouncer.start()
            assert await store.acount() == 20


async def test_sessions_that_it_closes_for_being_idle_cost_no_error(fresh_database: str) -> None:
    with pgbouncer(fresh_database, server_idle_timeout=1) as bouncer:
        async with AgentStore(bouncer.dsn) as store:
            await store.aput(NAMESPACE, "k", {"n": 1})
            await until(lambda: not backends(fresh_database))
            assert await store.aget(NAMESPACE, "k") is not None


def test_clients_that_it_cuts_off_for_being_idle_cost_no_error(fresh_database: str) -> None:
    with (
        pgbouncer(fresh_database, client_idle_timeout=1, server_idle_timeout=1) as bouncer,
        AgentStore(bouncer.dsn) as store,
    ):
        store.put(NAMESPACE, "k", {"n": 1})
        wait_until(lambda: not backends(fresh_database))
        assert store.get(NAMESPACE, "k") is not None


def test_a_statement_that_takes_too_long_is_stopped_on_the_server(fresh_database: str) -> None:
    with (
        pgbouncer(fresh_database) as bouncer,
        AgentStore(bouncer.dsn, pool={"command_timeout_s": 1}) as store,
    ):
        store.put(NAMESPACE, "k", {"n": 1})
        with psycopg.connect(fresh_database) as holder:
            holder.execute("LOCK TABLE agentstore.item")
            with pytest.raises(StoreTimeoutError):
                store.get(NAMESPACE, "k")
            holder.rollback()
        assert store.get(NAMESPACE, "k") is not None


def test_statement_mode_is_refused_by_name(fresh_database: str) -> None:
    with (
        pgbouncer(fresh_database, pool_mode="statement") as bouncer,
        pytest.raises(ConfigurationError, match="pool_mode = statement"),
    ):
        AgentStore(bouncer.dsn).get(NAMESPACE, "k")


@pytest.mark.parametrize(
    ("suffix", "pool"),
    [("", {"session_settings": {"work_mem": "8MB"}}), ("&work_mem=8MB", {})],
)
def test_a_setting_that_it_does_not_pass_on_is_refused_by_name(
    suffix: str, pool: dict[str, Any], fresh_database: str
) -> None:
    with (
        pgbouncer(fresh_database) as bouncer,
        pytest.raises(ConfigurationError, match=r"pooler.*work_mem.*ALTER ROLE"),
        AgentStore(bouncer.dsn + suffix, pool=pool) as store,
    ):
        store.get(NAMESPACE, "k")
