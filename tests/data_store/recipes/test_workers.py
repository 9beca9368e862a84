"""Fan-out, workers, collector; `tests/data_store/test_fan_out.py` has sixteen processes."""

from __future__ import annotations

import asyncio

from langgraph_agentstore import DataStore

from .conftest import Load, Start
from .threads import at_once
from .tools import Tools

WORK = {"numbers": list(range(200)), "size": 5}


def tools() -> Tools:
    return Tools(add=sum)


async def test_sixteen_workers_at_once_do_each_part_once(
    agent: Load, data_store: DataStore
) -> None:
    assert await agent("planner")(WORK, None) == 40

    done = await at_once(agent("worker"), [{"name": f"w{n}"} for n in range(16)], tools())

    assert sum(done) == 40
    parts = [total["part"] for total in data_store.get("totals")]
    assert sorted(parts) == data_store.use_namespace("parts").list_keys()
    assert await agent("collector")({}, None) == {"ready": True, "total": sum(range(200))}


async def test_four_processes_share_the_parts(process: Start, data_store: DataStore) -> None:
    planner, collector = await process("planner"), await process("collector")
    workers = [await process("worker") for _ in range(4)]
    await planner(WORK)
    assert await collector({}) == {"ready": False, "done": 0, "of": 40}

    runs = [worker({"name": f"w{n}"}, tools()) for n, worker in enumerate(workers)]
    done = await asyncio.gather(*runs)

    by = [total["by"] for total in data_store.get("totals")]
    assert [by.count(f"w{n}") for n in range(4)] == done
    assert await collector({}) == {"ready": True, "total": sum(range(200))}


async def test_a_collector_is_not_ready_while_a_part_is_worked_on(process: Start) -> None:
    planner, worker, collector = [
        await process(name) for name in ("planner", "worker", "collector")
    ]
    await planner({"numbers": [1, 2], "size": 1})
    await worker.begin({"name": "w"})
    assert await worker.call_of("add") == [[1]]
    await worker.answer(1)
    assert await worker.call_of("add") == [[2]]

    assert await collector({}) == {"ready": False, "done": 1, "of": 2}

    await worker.answer(2)
    assert await worker.result() == 2
    assert await collector({}) == {"ready": True, "total": 3}
