"""Running counter, append to a list, statistics, inventory."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_agentstore import DataStore

from .conftest import Load, StartAnywhere
from .threads import at_once


async def test_a_counter_goes_on_where_another_agent_left_it(start: StartAnywhere) -> None:
    one, other = await start("visits"), await start("visits")

    told = [await run({"page": "home"}, None) for run in (one, other, one)]

    assert told == [{"page": n, "all": n} for n in (1, 2, 3)]


async def test_a_counter_gives_each_of_sixteen_visitors_a_number_of_its_own(agent: Load) -> None:
    told = await at_once(agent("visits"), [{"page": f"p{n % 4}"} for n in range(16)])

    assert sorted(visit["all"] for visit in told) == list(range(1, 17))
    assert sorted(visit["page"] for visit in told) == sorted([1, 2, 3, 4] * 4)


async def test_a_journal_keeps_the_order_of_its_entries(start: StartAnywhere) -> None:
    one, other = await start("journal"), await start("journal")

    for n, write in enumerate([one, other, other, one]):
        told = await write({"entry": n}, None)

    assert told == {"length": 4, "last": [1, 2, 3]}


@pytest.mark.parametrize("entry", [None, [], [1, 2], {"a": [1]}, "", 0])
async def test_an_entry_is_one_entry_whatever_it_is(
    agent: Load, data_store: DataStore, entry: Any
) -> None:
    await agent("journal")({"entry": "first"}, None)

    assert (await agent("journal")({"entry": entry}, None))["length"] == 2

    assert data_store.get("journal") == ["first", entry]


async def test_statistics_leave_out_none_of_sixteen_measurements_at_once(
    agent: Load, data_store: DataStore
) -> None:
    await at_once(agent("latency"), [{"call": "search", "ms": ms} for ms in range(10, 170, 10)])

    total = sum(range(10, 170, 10))
    expected = {"count": 16, "total": total, "least": 10, "most": 160}
    assert data_store.get("latency:search") == expected


async def test_statistics_begin_with_the_first_measurement(agent: Load) -> None:
    told = await agent("latency")({"call": "ask", "ms": -3}, None)

    assert told == {"mean": -3.0, "least": -3, "most": -3}


async def test_sixteen_buyers_at_once_take_no_more_than_there_is(
    agent: Load, data_store: DataStore
) -> None:
    shop = agent("shop")
    await shop({"article": "lamp", "restock": 20}, None)

    told = await at_once(shop, [{"article": "lamp", "take": 3}] * 16)

    assert sorted(answer["left"] for answer in told if "left" in answer) == [2, 5, 8, 11, 14, 17]
    assert data_store.use_namespace("stock").get("lamp") == 2


async def test_a_refused_purchase_writes_nothing(
    start: StartAnywhere, data_store: DataStore
) -> None:
    seller, buyer = await start("shop"), await start("shop")
    await seller({"article": "lamp", "restock": 2}, None)

    refused = await buyer({"article": "lamp", "take": 3}, None)
    unknown = await buyer({"article": "desk", "take": 1}, None)

    assert refused == {"refused": "2 of lamp left, 3 wanted"}
    assert unknown == {"refused": "0 of desk left, 1 wanted"}
    stock = data_store.use_namespace("stock")
    record = stock.record("lamp")
    assert record is not None
    assert (record.value, stock.list_keys()) == (2, ["lamp"])
    assert record.updated_at == record.created_at, "it was written once more than restocked"
