"""Large values: read apart from others, decoded away from the I/O thread, and whole everywhere."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import orjson
import pytest
from langgraph.store.base import GetOp, PutOp, SearchOp

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.runtime import statements
from langgraph_agentstore.sql.statement import LARGE_VALUE_BYTES

NS = ("users", "alice", "blobs")


def large(n: int) -> dict[str, Any]:
    """A value that compression makes hardly smaller."""
    return {
        "n": n,
        "numbers": [(i * 2654435761 + n) % 2**32 for i in range(LARGE_VALUE_BYTES // 6)],
    }


async def test_large_and_small_values_of_one_batch_come_whole_and_in_order(
    store: AgentStore,
) -> None:
    values = [large(n) if n % 3 == 0 else {"n": n} for n in range(12)]
    await store.abatch([PutOp(NS, str(n), value) for n, value in enumerate(values)])

    gotten = await store.abatch([GetOp(NS, str(n)) for n in (*range(12), 99)])
    awaited = await asyncio.gather(*[store.aget(NS, str(n)) for n in (*range(12), 0)])
    searched = (await store.abatch([SearchOp(NS, limit=20)]))[0]
    copied = DataStore(store, "alice", None, "blobs").get_all()

    assert [item.value for item in gotten[:-1]] == values  # type: ignore[union-attr]
    assert gotten[-1] is None
    assert [item.value for item in awaited if item is not None] == [*values, values[0]]
    assert {item.key: item.value for item in searched} == {  # type: ignore[union-attr]
        str(n): value for n, value in enumerate(values)
    }
    assert copied == {str(n): value for n, value in enumerate(values)}


async def test_callers_who_ask_for_one_large_value_have_their_own(store: AgentStore) -> None:
    await store.aput(NS, "a", large(1))
    await store.aput(NS, "b", {"n": 1})
    one, other, _ = await asyncio.gather(*[store.aget(NS, key) for key in ("a", "a", "b")])
    assert one is not None
    assert other is not None
    one.value["numbers"].clear()
    assert other.value == large(1)


async def test_a_large_value_is_not_decoded_on_the_io_thread(
    store: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.aput(NS, "a", large(1))
    threads: list[str] = []
    decode = orjson.loads

    class Watching:
        @staticmethod
        def loads(text: bytes) -> Any:
            if len(text) > LARGE_VALUE_BYTES:
                threads.append(threading.current_thread().name)
            return decode(text)

    monkeypatch.setattr(statements, "orjson", Watching)
    assert (await store.aget(NS, "a")).value == large(1)  # type: ignore[union-attr]
    await store.asearch(NS)

    assert len(threads) == 2
    assert "agentstore-io" not in threads


def test_an_expiry_is_moved_by_the_read_of_a_large_value(
    postgres_dsn: str, schema_name: str
) -> None:
    ttl: Any = {"default_ttl": 10, "refresh_on_read": True}
    with AgentStore(postgres_dsn, schema=schema_name, ttl=ttl) as store:
        store.batch([PutOp(NS, "a", large(1), ttl=10), PutOp(NS, "b", {}, ttl=10)])
        both = store.batch([GetOp(NS, "a"), GetOp(NS, "b")])
    assert all(item is not None for item in both)
