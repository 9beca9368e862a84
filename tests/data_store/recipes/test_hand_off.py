"""Hand-off, error records, versioned formats."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_agentstore import DataStore

from .conftest import Load, Start, StartAnywhere
from .threads import at_once
from .tools import Tools

WHY_TWICE = {"for": "billing", "question": "Why twice?"}
BEA = {"field": "billing", "name": "bea"}


async def test_a_case_reaches_the_specialist_it_is_for(start: StartAnywhere) -> None:
    reception, specialist = await start("reception"), await start("specialist")
    case = await reception(WHY_TWICE, None)

    assert await specialist({"field": "shipping", "name": "sam"}, None) is None
    accepted = await specialist(BEA, None)

    assert accepted == {"case": case, "from": "reception", "asked": "Why twice?"}
    assert await specialist({**BEA, "name": "bob"}, None) is None


async def test_of_sixteen_who_could_accept_a_case_one_does(
    agent: Load, data_store: DataStore
) -> None:
    case = await agent("reception")(WHY_TWICE, None)

    told = await at_once(agent("specialist"), [{**BEA, "name": f"s{n}"} for n in range(16)])

    (accepted,) = [n for n, answer in enumerate(told) if answer is not None]
    assert data_store.get(case)["by"] == f"s{accepted}"


async def test_cases_left_at_once_are_accepted_one_each(agent: Load) -> None:
    await at_once(agent("reception"), [WHY_TWICE] * 16)

    told = await at_once(agent("specialist"), [{**BEA, "name": f"s{n}"} for n in range(16)])

    cases = [answer["case"] for answer in told if answer is not None]
    assert len(set(cases)) == len(cases)
    left = [await agent("specialist")(BEA, None) for _ in range(16 - len(cases))]
    cases += [answer["case"] for answer in left]
    assert sorted(cases) == [f"case:{n:06}" for n in range(1, 17)]


async def test_an_accepted_case_stays_accepted_when_its_specialist_is_killed(
    process: Start, data_store: DataStore
) -> None:
    reception, first, second = [
        await process(name) for name in ("reception", "specialist", "specialist")
    ]
    case = await reception(WHY_TWICE)
    await first(BEA)
    await first.kill()

    assert await second({**BEA, "name": "bob"}) is None
    assert data_store.get(case)["by"] == "bea"


def refuse(url: str) -> None:
    raise ConnectionError(f"no answer from {url}")


async def test_an_error_of_one_agent_is_dealt_with_by_another_once(start: StartAnywhere) -> None:
    caller, triage, tools = await start("caller"), await start("triage"), Tools(retry=None)
    for url in ("/a", "/b"):
        with pytest.raises(ConnectionError, match=f"no answer from {url}"):
            await caller({"url": url}, Tools(call=refuse))

    told = await triage({"kind": "ConnectionError"}, tools)

    assert told == [
        "ConnectionError:00000001 of caller: no answer from /a",
        "ConnectionError:00000002 of caller: no answer from /b",
    ]
    assert tools.calls == [("retry", {"url": "/a"}), ("retry", {"url": "/b"})]
    assert await triage({"kind": "ConnectionError"}, tools) == []


async def test_an_error_that_could_not_be_dealt_with_is_met_again(agent: Load) -> None:
    def fail(input_dict: dict[str, Any]) -> None:
        raise TimeoutError

    with pytest.raises(ConnectionError):
        await agent("caller")({"url": "/a"}, Tools(call=refuse))
    with pytest.raises(TimeoutError):
        await agent("triage")({"kind": "ConnectionError"}, Tools(retry=fail))

    told = await agent("triage")({"kind": "ConnectionError"}, Tools(retry=None))

    assert len(told) == 1


async def test_errors_of_a_kind_are_counted_and_their_records_expire(
    agent: Load, data_store: DataStore
) -> None:
    with pytest.raises(ConnectionError):
        await agent("caller")({"url": "/a"}, Tools(call=refuse))
    await agent("triage")({"kind": "ConnectionError"}, Tools(retry=None))

    record = data_store.use_namespace("errors").record("ConnectionError:00000001")
    counter = data_store.record("failed:ConnectionError")
    assert record is not None
    assert record.expires_at is not None
    assert (record.expires_at - record.updated_at).days == 7
    assert counter is not None
    assert (counter.value, counter.expires_at) == (1, None)


async def test_a_call_that_succeeds_leaves_no_error(agent: Load, data_store: DataStore) -> None:
    assert await agent("caller")({"url": "/a"}, Tools(call="fine")) == "fine"

    assert data_store.list_namespaces() == []


NEWEST = {"v": 3, "first": "Ada", "last": "Lovelace", "language": "en"}


async def test_a_newer_agent_brings_the_settings_of_an_older_one_up_to_date(
    start: StartAnywhere, data_store: DataStore
) -> None:
    old, new, tools = await start("settings_v1"), await start("settings_v3"), Tools(note=None)
    assert await new({}, tools) is None
    await old({"name": "Ada Lovelace"}, None)

    assert [await new({}, tools) for _ in range(2)] == [NEWEST, NEWEST]

    assert data_store.get("settings") == NEWEST
    assert tools.calls == [("note", "format 1 → 3")]


async def test_what_an_older_agent_writes_during_the_upgrade_is_not_lost(process: Start) -> None:
    old, new = await process("settings_v1"), await process("settings_v3")
    await old({"name": "Grace Hopper"})
    await new.begin({})
    await new.call_of("note")

    await old({"name": "Ada Lovelace"})
    await new.answer()

    assert await new.result(Tools(note=None)) == NEWEST


async def test_a_format_in_between_is_brought_up_to_date_from_where_it_is(
    agent: Load, data_store: DataStore
) -> None:
    data_store.set("settings", {"v": 2, "first": "Ada", "last": "Lovelace"})

    assert await agent("settings_v3")({}, Tools(note=None)) == NEWEST


async def test_a_format_from_the_future_is_refused_and_left_alone(
    agent: Load, data_store: DataStore
) -> None:
    data_store.set("settings", {"v": 4})

    with pytest.raises(ValueError, match="knows up to 3"):
        await agent("settings_v3")({}, Tools(note=None))

    assert data_store.get("settings") == {"v": 4}
