"""The server goes away for a while: operations wait for it, or for another in its place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import StoreUnavailableError
from tests.runtime.load import NAMESPACE, Account, writing
from tests.runtime.pairs import Pair, streaming_pair
from tests.support.faults import slow_writes, versions
from tests.support.proxy import Proxy
from tests.support.servers import TestServer

SOON_S = 20.0


async def test_a_restart_after_a_crash_fails_no_put(disposable_server: TestServer) -> None:
    async with AgentStore(disposable_server.dsn) as store, writing(store) as account:
        await asyncio.to_thread(disposable_server.kill)
        await asyncio.to_thread(disposable_server.restart)
        await account.grows()
    assert account.errors == []
    assert set(account.acknowledged) == set(versions(disposable_server.dsn, "agentstore"))


async def test_operations_of_every_kind_wait_for_the_server(
    fresh_database: str,
) -> None:
    with Proxy(fresh_database) as proxy:
        async with AgentStore(proxy.dsn) as store:
            await store.aput(NAMESPACE, "k", {"n": 1})
            proxy.refuse()
            waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(store.aget(NAMESPACE, "k"))]
            await asyncio.wait(waiting, timeout=0.2)  # by now the old connection is gone
            waiting += [
                asyncio.ensure_future(operation)
                for operation in (
                    store.asearch(NAMESPACE),
                    store.aput(NAMESPACE, "other", {"n": 1}, expected_version=0),
                    store.aload([(NAMESPACE, "loaded", {"n": 1})]),
                    store.asetup(),
                    asyncio.to_thread(store.get, NAMESPACE, "k"),
                )
            ]
            done, _ = await asyncio.wait(waiting, timeout=0.3)
            assert not done
            before = proxy.connections
            proxy.accept()
            await asyncio.wait_for(asyncio.gather(*waiting), SOON_S)
            # One probes the way; no more than the pool's size follow.
            assert proxy.connections - before <= 8


async def test_a_cancelled_operation_waits_no_longer(fresh_database: str) -> None:
    with Proxy(fresh_database) as proxy:
        async with AgentStore(proxy.dsn) as store:
            await store.aput(NAMESPACE, "k", {"n": 1})
            proxy.refuse()
            started = time.monotonic()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(store.aget(NAMESPACE, "k"), 0.3)
            assert time.monotonic() - started < 5
            proxy.accept()
            assert await store.aget(NAMESPACE, "k") is not None


async def test_an_outage_longer_than_the_wait_fails_at_once_and_ends(fresh_database: str) -> None:
    pool = {"failover_wait_s": 0.5}
    with Proxy(fresh_database) as proxy:
        async with AgentStore(proxy.dsn, pool=pool) as store:
            await store.aput(NAMESPACE, "k", {"n": 1})
            proxy.refuse()
            for longest_s in (5.0, 1.5):
                started = time.monotonic()
                with pytest.raises(StoreUnavailableError, match="cannot connect") as caught:
                    await store.aget(NAMESPACE, "k")
                assert time.monotonic() - started < longest_s
            assert caught.value.written is False
            proxy.accept()
            assert await store.aget(NAMESPACE, "k") is not None


@pytest.fixture
def pair() -> Iterator[Pair]:
    with streaming_pair() as pair:
        yield pair


def check(account: Account, pair: Pair) -> None:
    """All that was acknowledged is on the new primary, and nothing was made twice."""
    found = versions(pair.standby.dsn, "agentstore")
    assert account.strangers == []
    assert set(account.acknowledged) <= set(found), "an acknowledged put was lost"
    assert not set(account.unwritten) & set(found)
    assert set(found.values()) <= {1}


async def test_a_standby_that_takes_over_from_a_killed_primary_fails_no_put(pair: Pair) -> None:
    async with (
        AgentStore(pair.dsn, read_dsn=pair.dsn) as store,
        writing(store) as account,
    ):
        await asyncio.to_thread(pair.primary.kill)
        await asyncio.sleep(1.5)  # as long as somebody takes to notice
        await asyncio.to_thread(pair.standby.promote)
        promoted = time.monotonic()
        await account.grows()
        # What was acknowledged is read, too: also the last of it, and before the failure.
        for key in (account.acknowledged[0], account.acknowledged[-1]):
            assert await store.aget(NAMESPACE, key) is not None
        assert time.monotonic() - promoted < 5
        assert store.stats().failovers == 1
    assert account.errors == []
    check(account, pair)


async def test_a_standby_that_takes_over_from_a_hung_primary_answers_within_five_seconds(
    pair: Pair,
) -> None:
    async with AgentStore(pair.dsn) as store, writing(store) as account:
        pair.primary.freeze()
        await asyncio.sleep(1)
        await asyncio.to_thread(pair.standby.promote)
        promoted = time.monotonic()
        await account.grows()
        assert time.monotonic() - promoted < 5
        assert (await store.aready()).read_only is False
        assert store.stats().failovers == 1
    assert account.errors == []
    check(account, pair)


async def test_health_is_short_while_the_server_hangs(disposable_server: TestServer) -> None:
    async with AgentStore(disposable_server.dsn) as store:
        await store.aput(NAMESPACE, "k", {"n": 1})
        disposable_server.freeze()
        started = time.monotonic()
        found = await store.aready()
        assert (found.ready, "no sign of health" in found.reason) == (False, True)
        assert (await store.ahealth()).alive
        assert time.monotonic() - started < 5
        disposable_server.thaw()
        assert (await store.aready()).read_only is False


@pytest.mark.slow
async def test_a_statement_that_takes_long_on_a_server_that_answers_is_let_be(pair: Pair) -> None:
    async with AgentStore(pair.dsn) as store:
        slow_writes(pair.primary.dsn, "agentstore")  # 10 s
        await store.aput(NAMESPACE, "slow", {"n": 1}, expected_version=0)
        assert store.stats().retries == 0


async def test_a_compare_and_set_on_a_server_that_was_replaced_is_in_doubt(pair: Pair) -> None:
    async with AgentStore(pair.dsn) as store:
        await store.aput(NAMESPACE, "k", {"n": 1})
        await asyncio.to_thread(pair.standby.promote)
        pair.primary.freeze()
        with pytest.raises(StoreUnavailableError, match="is not known") as caught:
            await asyncio.wait_for(store.aput(NAMESPACE, "k", {"n": 2}, expected_version=1), SOON_S)
        assert caught.value.written is None
        item = await store.aget(NAMESPACE, "k")
    assert item is not None
    assert item.value == {"n": 1}
