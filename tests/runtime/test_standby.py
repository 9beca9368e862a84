"""A hot standby: it answers reads, refuses writes by name, and nothing is tried that it cannot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import StoreUnavailableError
from tests.runtime.pairs import Pair, streaming_pair
from tests.support.embedders import CountingEmbedder
from tests.support.faults import backends, execute, wait_until

NAMESPACE = ("users", "ann", "notes")
INDEX = {"dims": 4, "embed": CountingEmbedder(4), "fields": ["text"]}


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """With a store that has an index and an item."""
    with streaming_pair() as pair:
        with AgentStore(pair.primary.dsn, index=INDEX, ttl={"default_ttl": 60}) as store:
            store.put(NAMESPACE, "k", {"text": "tea"})
        behind = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn < sent_lsn"
        wait_until(lambda: execute(pair.primary.dsn, behind) == [(0,)])
        yield pair


async def test_a_store_with_an_index_opens_and_reads_there(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    dsn = pair.standby.dsn
    async with AgentStore(dsn, index=INDEX, ttl={"default_ttl": 60}) as store:
        await store.asetup()
        item = await store.aget(NAMESPACE, "k")
        assert item is not None
        assert [found.key for found in await store.asearch(NAMESPACE, query="tea")] == ["k"]
        assert (await store.aready()).read_only is True
    assert caplog.records == []


async def test_a_write_there_is_refused_by_name(pair: Pair) -> None:
    async with AgentStore(pair.standby.dsn, index=INDEX) as store:
        with pytest.raises(StoreUnavailableError, match="read-only") as caught:
            await store.aput(NAMESPACE, "new", {"text": "x"})
        assert caught.value.written is False


@pytest.mark.parametrize(
    ("attrs", "to_standby"),
    [
        ("prefer-standby", True),
        ("standby", True),
        ("read-only", True),
        ("primary", False),
        ("read-write", False),
        ("", False),
    ],
)
async def test_every_connection_goes_to_a_server_of_the_role_asked_for(
    pair: Pair, attrs: str, to_standby: bool
) -> None:
    dsn = pair.dsn + (f"&target_session_attrs={attrs}" if attrs else "")
    async with AgentStore(dsn, pool={"min_size": 4}) as store:
        await asyncio.gather(*[store.aget(NAMESPACE, f"k{n}") for n in range(200)])
        wanted = pair.standby if to_standby else pair.primary
        other = pair.primary if to_standby else pair.standby
        assert backends(wanted.dsn)
        assert not backends(other.dsn)
