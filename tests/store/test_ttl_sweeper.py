"""The sweeper of expired items, as LangGraph's `start_ttl_sweeper` starts it."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import InvalidOperationError


async def test_the_sweepers_future_can_be_cancelled(store: AgentStore) -> None:
    stopped = await store.astart_ttl_sweeper(60)
    assert stopped.cancel()
    await store.aready()  # a round trip through the thread that hears of it
    assert not await store.astop_ttl_sweeper()
    again = await store.astart_ttl_sweeper(60)
    assert await store.astop_ttl_sweeper(timeout=1)
    assert again.result(timeout=5) is None


@pytest.mark.parametrize("interval", [-1, 0, "5"])
async def test_a_sweep_interval_is_a_number_of_minutes(store: AgentStore, interval: Any) -> None:
    with pytest.raises(InvalidOperationError, match="ttl"):
        await store.astart_ttl_sweeper(interval)
