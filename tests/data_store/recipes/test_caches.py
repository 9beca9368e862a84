"""Cache-aside, write-through, cache with a TTL."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_agentstore import DataStore
from tests.support.faults import until

from .conftest import Load, StartAnywhere
from .tools import Tools

OSLO = {"city": "Oslo"}
EURO = {"pair": "EUR/NOK"}


async def test_a_cache_is_asked_before_the_source(start: StartAnywhere) -> None:
    one, other, tools = await start("weather"), await start("weather"), Tools(ask={"degrees": 7})

    assert [await run(OSLO, tools) for run in (one, other, one)] == [{"degrees": 7}] * 3

    assert tools.calls == [("ask", "Oslo")]


@pytest.mark.parametrize("answer", [None, 0, "", False, [], {}])
async def test_a_cache_keeps_empty_answers_too(agent: Load, answer: Any) -> None:
    weather, tools = agent("weather"), Tools(ask=answer)

    assert [await weather(OSLO, tools) for _ in range(2)] == [answer, answer]

    assert len(tools.calls) == 1


async def test_what_the_system_of_record_made_of_a_write_is_what_is_kept(
    agent: Load, data_store: DataStore
) -> None:
    saved = {"name": "Ada", "revision": 1}

    assert await agent("profile")({"profile": {"name": "Ada"}}, Tools(save=saved)) == saved

    assert data_store.get("profile") == saved


async def test_what_the_system_of_record_refuses_is_not_kept(
    agent: Load, data_store: DataStore
) -> None:
    def refuse(profile: dict[str, Any]) -> None:
        raise PermissionError("read-only today")

    data_store.set("profile", {"name": "Ada"})

    with pytest.raises(PermissionError):
        await agent("profile")({"profile": {"name": "Bob"}}, Tools(save=refuse))

    assert data_store.get("profile") == {"name": "Ada"}


async def test_a_cache_with_a_ttl_asks_anew_once_what_it_kept_has_expired(
    agent: Load, data_store: DataStore
) -> None:
    quotes = iter([11.5, 11.75])
    rates, tools = agent("rates"), Tools(quote=lambda _: next(quotes))
    kept = data_store.use_namespace("rates")

    assert await rates({**EURO, "minutes": 0.01}, tools) == 11.5
    await until(lambda: not kept.exists("EUR/NOK"))

    assert [await rates(EURO, tools) for _ in range(2)] == [11.75, 11.75]
    assert len(tools.calls) == 2


async def test_reading_a_cache_does_not_prolong_what_it_keeps(
    agent: Load, data_store: DataStore
) -> None:
    rates, tools = agent("rates"), Tools(quote=11.5)
    kept = data_store.use_namespace("rates")
    await rates({**EURO, "minutes": 5}, tools)
    first = kept.record("EUR/NOK")

    await rates({**EURO, "minutes": 5}, tools)

    again = kept.record("EUR/NOK")
    assert first is not None
    assert again is not None
    assert first.expires_at is not None
    assert (first.expires_at - first.updated_at).total_seconds() == 300
    assert again.expires_at == first.expires_at
