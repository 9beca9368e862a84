"""What reading costs the server: one statement for many gets, and no write."""

from __future__ import annotations

import asyncio
import logging

import pytest
from langgraph.store.base import GetOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import StoreUnavailableError
from tests.support.faults import execute, wait_until
from tests.support.proxy import Proxy

NAMESPACE = ("users", "ann", "notes")


def updates(dsn: str, schema: str) -> int:
    """Rows updated since the table was made, as the server counts them."""
    ((count,),) = execute(
        dsn,
        "SELECT n_tup_upd FROM pg_stat_user_tables"
        " WHERE schemaname = %(schema)s AND relname = 'item'",
        schema=schema,
    )
    return int(count)


def flushed_updates(store: AgentStore, dsn: str, schema: str) -> int:
    """As `updates`, once the store's sessions have reported theirs, as they do when they end."""
    store.close()
    wait_until(
        lambda: (
            not execute(
                dsn,
                "SELECT FROM pg_stat_activity WHERE application_name = 'langgraph_agentstore'"
                " AND query LIKE %(schema)s",
                schema=f"%{schema}%",
            )
        )
    )
    return updates(dsn, schema)


async def test_gets_over_twenty_namespaces_of_many_users_are_one_statement(
    store: AgentStore,
) -> None:
    namespaces = [("users", f"user-{n}", f"space-{n}") for n in range(20)]
    await asyncio.gather(*[store.aput(namespace, "k", {"n": 1}) for namespace in namespaces])
    before = store.stats()

    items = await store.abatch([_get(namespace) for namespace in namespaces])

    assert all(item is not None for item in items)
    assert store.stats().statements - before.statements == 1


async def test_twenty_gets_at_a_distance_take_one_round_trip(
    postgres_dsn: str, schema_name: str
) -> None:
    with Proxy(postgres_dsn, round_trip_s=0.05) as proxy:
        async with AgentStore(proxy.dsn, schema=schema_name) as store:
            namespaces = [("users", f"user-{n}", f"space-{n}") for n in range(20)]
            await store.abatch([_get(namespace) for namespace in namespaces])  # is prepared now
            before, started = proxy.round_trips, asyncio.get_running_loop().time()

            await store.abatch([_get(namespace) for namespace in namespaces])

            took_s = asyncio.get_running_loop().time() - started
            assert proxy.round_trips - before == 1
            assert 0.05 <= took_s < 0.1


def test_a_thousand_reads_of_items_without_expiry_update_nothing(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    store.put(NAMESPACE, "k", {"n": 1})
    for _ in range(500):
        store.get(NAMESPACE, "k")
        store.search(("users", "ann"))
    assert flushed_updates(store, postgres_dsn, schema_name) == 0


def test_a_thousand_reads_within_a_tenth_of_the_ttl_move_the_expiry_at_most_once(
    postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, ttl={"default_ttl": 60.0}) as store:
        store.put(NAMESPACE, "k", {"n": 1})
        # As if it had been written half an hour ago.
        execute(
            postgres_dsn,
            "UPDATE {}.item SET expires_at = expires_at - interval '30 minutes'",
            schema_name,
        )
        before = store.get_record(NAMESPACE, "k")
        for _ in range(500):
            store.get(NAMESPACE, "k")
            store.search(("users", "ann"))
        wait_until(lambda: store.stats().refreshes > 0)
        after = store.get_record(NAMESPACE, "k")
        assert before is not None
        assert after is not None
        assert before.expires_at is not None
        assert after.expires_at is not None
        assert 29 * 60 < (after.expires_at - before.expires_at).total_seconds() < 31 * 60
        assert (after.version, after.updated_at) == (before.version, before.updated_at)
        assert flushed_updates(store, postgres_dsn, schema_name) == 2  # the test's, and one


def test_reading_a_fresh_item_with_a_ttl_updates_nothing(
    postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, ttl={"default_ttl": 60.0}) as store:
        store.put(NAMESPACE, "k", {"n": 1})
        for _ in range(100):
            store.get(NAMESPACE, "k")
            store.search(("users", "ann"))
        assert flushed_updates(store, postgres_dsn, schema_name) == 0


def test_a_server_that_takes_no_writes_serves_reads(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    store.put(NAMESPACE, "k", {"n": 1})
    settings = {"default_transaction_read_only": "on"}
    with AgentStore(
        postgres_dsn, schema=schema_name, pool={"session_settings": settings}
    ) as replica:
        item = replica.get(NAMESPACE, "k")
        assert item is not None
        assert item.value == {"n": 1}
        assert [found.key for found in replica.search(("users",))] == ["k"]
        assert replica.list_namespaces() == [NAMESPACE]
        assert replica.count() == 1
        assert replica.ready().ready
        with pytest.raises(StoreUnavailableError, match="takes no writes") as caught:
            replica.put(NAMESPACE, "k", {"n": 2})
        assert caught.value.written is False


def test_an_expiry_that_cannot_be_moved_does_not_fail_the_read(
    postgres_dsn: str, schema_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        store.put(NAMESPACE, "k", {"n": 1}, ttl=60)
        execute(
            postgres_dsn,
            "UPDATE {}.item SET expires_at = expires_at - interval '30 minutes'",
            schema_name,
        )
    settings = {"default_transaction_read_only": "on"}
    caplog.set_level(logging.DEBUG, "langgraph_agentstore")  # of a standby nobody wants to hear it
    with AgentStore(
        postgres_dsn, schema=schema_name, pool={"session_settings": settings}
    ) as replica:
        assert replica.get(NAMESPACE, "k") is not None
        wait_until(lambda: "moving the expiry" in caplog.text)
        assert replica.get(NAMESPACE, "k") is not None


def _get(namespace: tuple[str, ...]) -> GetOp:
    return GetOp(namespace, "k")
