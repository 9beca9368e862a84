"""The network between store and server is slow, stalls, or breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import StoreTimeoutError, StoreUnavailableError
from tests.runtime.load import NAMESPACE, writing
from tests.support.faults import execute, free_port, hung_host, until, versions
from tests.support.proxy import Proxy
from tests.support.servers import TestServer

IMPATIENT = {"command_timeout_s": 0.3, "connect_timeout_s": 0.5, "acquire_timeout_s": 2.0}


@pytest.fixture
def proxy(postgres_dsn: str) -> Iterator[Proxy]:
    with Proxy(postgres_dsn) as proxy:
        yield proxy


async def test_a_cut_network_is_mended_by_the_store_itself(
    fresh_database: str,
) -> None:
    with Proxy(fresh_database) as proxy:
        async with AgentStore(proxy.dsn) as store, writing(store) as account:
            for _ in range(3):
                proxy.cut()
                await account.grows()
        found = versions(fresh_database, "agentstore")
        assert set(account.acknowledged) <= set(found)
        assert not set(account.unwritten) & set(found)
        assert store.stats().failed_operations == len(account.errors)


async def test_a_network_that_stays_broken_is_told_at_once_where_nobody_waits_and_left_behind_later(
    proxy: Proxy, schema_name: str
) -> None:
    pool = {"failover_wait_s": 0}
    async with AgentStore(proxy.dsn, schema=schema_name, pool=pool) as store:
        await store.aput(NAMESPACE, "k", {"n": 1})
        proxy.refuse()
        started = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            await store.aget(NAMESPACE, "k")
        assert time.monotonic() - started < 2
        proxy.accept()
        assert await store.aget(NAMESPACE, "k") is not None


async def test_a_stalled_network_ends_in_a_timeout_and_the_store_recovers(
    proxy: Proxy, schema_name: str
) -> None:
    async with AgentStore(proxy.dsn, schema=schema_name, pool=IMPATIENT) as store:
        await store.aput(NAMESPACE, "k", {"n": 1})
        proxy.stall()
        started = time.monotonic()
        with pytest.raises(StoreTimeoutError, match="no answer came within the time") as caught:
            await store.aput(NAMESPACE, "k", {"n": 2})
        # The command's time and its grace once: a timeout is not tried again.
        assert time.monotonic() - started < 4
        assert caught.value.written is None
        proxy.resume()
        await store.aput(NAMESPACE, "k", {"n": 3})
        item = await store.aget(NAMESPACE, "k")
        assert item is not None
        assert item.value == {"n": 3}


async def test_a_load_and_a_setup_over_a_stalled_network_end_in_a_timeout_too(
    proxy: Proxy, schema_name: str
) -> None:
    async with AgentStore(proxy.dsn, schema=schema_name, pool=IMPATIENT) as store:
        await store.aload([(NAMESPACE, "k", {"n": 1})])
        for call in (store.aload([(NAMESPACE, "k", {"n": 2})]), store.asetup()):
            proxy.stall()
            with pytest.raises((StoreTimeoutError, StoreUnavailableError)):
                await asyncio.wait_for(call, 15)
            proxy.resume()
        await store.aload([(NAMESPACE, "k", {"n": 3})])
        item = await store.aget(NAMESPACE, "k")
        assert item is not None
        assert item.value == {"n": 3}


async def test_a_put_whose_answer_was_lost_is_sent_again_and_counts_once(
    proxy: Proxy, postgres_dsn: str, schema_name: str
) -> None:
    async with AgentStore(proxy.dsn, schema=schema_name) as store:
        await store.aput(NAMESPACE, "other", {"n": 1})  # is prepared now
        proxy.stall(answers_only=True)
        put = asyncio.ensure_future(store.aput(NAMESPACE, "k", {"n": 1}))
        await until(lambda: "k" in versions(postgres_dsn, schema_name))
        proxy.cut()
        proxy.resume()
        await put
        assert versions(postgres_dsn, schema_name)["k"] == 1
        assert store.stats().retries == 1
        item = await store.aget(NAMESPACE, "k")
        assert item is not None
        assert item.value == {"n": 1}


async def test_a_compare_and_set_whose_answer_was_lost_says_that_nobody_knows(
    proxy: Proxy, postgres_dsn: str, schema_name: str
) -> None:
    async with AgentStore(proxy.dsn, schema=schema_name) as store:
        await store.aput(NAMESPACE, "other", {"n": 1}, expected_version=0)  # is prepared now
        proxy.stall(answers_only=True)
        put = asyncio.ensure_future(store.aput(NAMESPACE, "k", {"n": 1}, expected_version=0))
        await until(lambda: "k" in versions(postgres_dsn, schema_name))
        proxy.cut()
        proxy.resume()
        with pytest.raises(StoreUnavailableError, match="is not known") as caught:
            await put
        assert caught.value.written is None


async def test_a_put_is_in_doubt_when_its_answer_is_lost_and_no_new_connection_can_be_made(
    proxy: Proxy, postgres_dsn: str, schema_name: str
) -> None:
    pool = {"failover_wait_s": 0.5}
    async with AgentStore(proxy.dsn, schema=schema_name, pool=pool) as store:
        await store.aput(NAMESPACE, "other", {"n": 1})  # is prepared now
        proxy.stall(answers_only=True)
        put = asyncio.ensure_future(store.aput(NAMESPACE, "k", {"n": 1}))
        await until(lambda: "k" in versions(postgres_dsn, schema_name))
        proxy.refuse()
        with pytest.raises(StoreUnavailableError, match="before that is not known") as caught:
            await put
        assert caught.value.written is None


async def test_a_distant_server_is_not_a_broken_one(postgres_dsn: str, schema_name: str) -> None:
    with Proxy(postgres_dsn, round_trip_s=0.05) as proxy:
        async with AgentStore(proxy.dsn, schema=schema_name) as store:
            await asyncio.gather(*[store.aput(NAMESPACE, f"k{n}", {"n": n}) for n in range(50)])
            items = await asyncio.gather(*[store.aget(NAMESPACE, f"k{n}") for n in range(50)])
        assert all(items)


async def test_a_host_that_never_answers_fails_within_the_connect_timeout(
    schema_name: str,
) -> None:
    with hung_host() as port:
        pool = {"connect_timeout_s": 0.3}
        store = AgentStore(f"postgresql://u@127.0.0.1:{port}/db?sslmode=disable", pool=pool)
        started = time.monotonic()
        with pytest.raises(StoreTimeoutError, match=r"connecting to .* took too long") as caught:
            await store.asetup()
        assert time.monotonic() - started < 2
        assert "connect_timeout_s" in str(caught.value)
        assert caught.value.written is False
        await store.aclose()


async def test_a_new_connection_that_hangs_is_not_taken_for_a_full_pool(
    proxy: Proxy, postgres_dsn: str, schema_name: str
) -> None:
    async with AgentStore(proxy.dsn, schema=schema_name, pool=IMPATIENT) as store:
        await store.asetup()
        proxy.cut()
        proxy.stall()
        with pytest.raises(StoreTimeoutError, match=r"connecting to .* took too long"):
            await store.aget(NAMESPACE, "k")
        proxy.resume()


async def test_a_hung_host_listed_first_costs_the_others_no_time(
    proxy: Proxy, schema_name: str
) -> None:
    with hung_host() as port:
        dsn = proxy.dsn.replace(f":{proxy.port}", f":{port},127.0.0.1:{proxy.port}")
        started = time.monotonic()
        async with AgentStore(dsn, schema=schema_name) as store:
            await store.aput(NAMESPACE, "k", {"n": 1})
            assert time.monotonic() - started < 5
            proxy.cut()
            started = time.monotonic()
            assert await store.aget(NAMESPACE, "k") is not None
            assert time.monotonic() - started < 5


async def test_a_host_that_is_down_listed_first_costs_the_others_no_time(
    proxy: Proxy, schema_name: str
) -> None:
    dsn = proxy.dsn.replace(f":{proxy.port}", f":{free_port()},127.0.0.1:{proxy.port}")
    started = time.monotonic()
    async with AgentStore(dsn, schema=schema_name) as store:
        await store.aput(NAMESPACE, "k", {"n": 1})
        assert time.monotonic() - started < 5


async def test_of_several_hosts_the_one_that_takes_writes_is_chosen_though_another_is_nearer(
    proxy: Proxy, disposable_server: TestServer, postgres_dsn: str, schema_name: str
) -> None:
    name = urlsplit(postgres_dsn).path.lstrip("/")
    execute(disposable_server.dsn, "CREATE DATABASE {}", name)
    execute(disposable_server.dsn, "ALTER DATABASE {} SET default_transaction_read_only = on", name)
    proxy.round_trip_s = 0.1
    with Proxy(disposable_server.dsn) as near:
        dsn = proxy.dsn.replace(f":{proxy.port}", f":{near.port},127.0.0.1:{proxy.port}")
        async with AgentStore(dsn, schema=schema_name) as store:
            for n in range(3):
                await store.aput(NAMESPACE, f"k{n}", {"n": n})
                proxy.cut()
        assert near.connections > 0
    assert len(versions(postgres_dsn, schema_name)) == 3


async def test_no_host_that_takes_writes_is_an_error_that_says_so(
    fresh_database: str, postgres_dsn: str
) -> None:
    name = urlsplit(fresh_database).path.lstrip("/")
    execute(postgres_dsn, "ALTER DATABASE {} SET default_transaction_read_only = on", name)
    with Proxy(fresh_database) as one, Proxy(fresh_database) as other:
        dsn = one.dsn.replace(f":{one.port}", f":{one.port},127.0.0.1:{other.port}")
        store = AgentStore(dsn)
        with pytest.raises(StoreUnavailableError, match="read-write"):
            await store.asetup()
        await store.aclose()
