"""Producer and consumer; four-stage pipeline."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from langgraph_agentstore import DataStore

from .conftest import LeaseEnd, Load, Start, StartAnywhere
from .threads import at_once
from .tools import Tools

HANDLES = {"handle": None}


async def test_a_consumer_handles_what_a_producer_left_in_its_order(start: StartAnywhere) -> None:
    producer, consumer, tools = await start("producer"), await start("consumer"), Tools(**HANDLES)

    assert await producer({"tasks": [{"n": n} for n in range(12)]}, None) == {"waiting": 12}
    assert await consumer({}, tools) == {"handled": 12}

    assert tools.calls == [("handle", {"n": n}) for n in range(12)]
    assert await consumer({}, tools) == {"handled": 0}


async def test_tasks_of_several_producers_do_not_replace_each_other(agent: Load) -> None:
    tools = Tools(**HANDLES)

    await at_once(agent("producer"), [{"tasks": [n, n]} for n in range(16)])
    await agent("consumer")({}, tools)

    assert sorted(task for _, task in tools.calls) == sorted([*range(16), *range(16)])


async def test_sixteen_consumers_at_once_handle_each_task_once(
    agent: Load, data_store: DataStore
) -> None:
    tools = Tools(**HANDLES)
    await agent("producer")({"tasks": list(range(40))}, None)

    told = await at_once(agent("consumer"), [{}] * 16, tools)

    assert sum(answer["handled"] for answer in told) == 40
    assert sorted(task for _, task in tools.calls) == list(range(40))
    assert data_store.use_namespace("queue").list_keys() == []


async def test_a_task_in_another_process_is_passed_over(process: Start) -> None:
    producer, slow, quick = [await process(name) for name in ("producer", "consumer", "consumer")]
    await producer({"tasks": ["first", "second"]})
    await slow.begin({})
    assert await slow.call_of("handle") == ["first"]

    tools = Tools(**HANDLES)
    assert await quick({}, tools) == {"handled": 1}
    assert tools.calls == [("handle", "second")]

    await slow.answer()
    assert await slow.result() == {"handled": 1}


async def test_the_task_of_a_killed_consumer_goes_to_another_when_its_lease_ends(
    process: Start, data_store: DataStore, lease_end: LeaseEnd
) -> None:
    producer, first, second = [await process(name) for name in ("producer", "consumer", "consumer")]
    await producer({"tasks": ["only"]})
    await first.begin({"lease_s": 1})
    await first.call_of("handle")
    stale_from = lease_end()
    await first.kill()

    queue = data_store.use_namespace("queue")
    with queue.lock("task:00000001", timeout_s=60, wait_s=30) as lock:
        assert lock.expires_at is not None
        assert lock.expires_at - timedelta(seconds=60) >= stale_from
        assert await second({}) == {"handled": 0}

    tools = Tools(**HANDLES)
    assert await second({}, tools) == {"handled": 1}
    assert tools.calls == [("handle", "only")]


PAGES = {"/tea": "  GREEN \n tea ", "/oak": "Old oak", "/ash": "Ash"}
STAGES = ("fetch", "clean", "rate", "report")


def pipeline_tools() -> Tools:
    return Tools(fetch=lambda url: PAGES[url], rate=len)


async def test_four_stages_make_a_report(start: StartAnywhere, data_store: DataStore) -> None:
    stages, tools = [await start(stage) for stage in STAGES], pipeline_tools()

    told = [await stage({"urls": list(PAGES)}, tools) for stage in stages]

    assert told == [3, 3, 3, {"best": ["/tea", "/oak", "/ash"], "of": 3}]
    rated = data_store.use_namespace("pipeline:rated").get("/tea")
    assert rated == {"text": "green tea", "stars": 9}


async def test_a_pipeline_that_runs_again_does_only_what_is_new(agent: Load) -> None:
    async def run_with(tools: Tools, urls: list[str]) -> Any:
        for stage in STAGES:
            told = await agent(stage)({"urls": urls}, tools)
        return told

    await run_with(pipeline_tools(), ["/tea", "/oak"])
    tools = pipeline_tools()

    assert (await run_with(tools, list(PAGES)))["of"] == 3
    assert tools.calls == [("fetch", "/ash"), ("rate", "ash")]


async def test_a_stage_that_was_killed_goes_on_where_it_was(process: Start) -> None:
    fetch, clean, killed = [await process(stage) for stage in STAGES[:3]]
    await fetch({"urls": list(PAGES)}, pipeline_tools())
    await clean({})
    await killed.begin({})
    assert await killed.call_of("rate") == ["ash"]
    await killed.answer(3)
    assert await killed.call_of("rate") == ["old oak"]
    await killed.kill()

    rate, report, tools = await process("rate"), await process("report"), pipeline_tools()

    assert await rate({}, tools) == 3
    assert tools.calls == [("rate", "old oak"), ("rate", "green tea")]
    assert (await report({}))["best"] == ["/tea", "/oak", "/ash"]
