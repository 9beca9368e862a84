"""Status tracking, also while it happens."""

from __future__ import annotations

from langgraph_agentstore import DataStore

from .conftest import Load, Start, StartAnywhere
from .tools import Tools

JOB = {"job": "orders", "rows": ["a", "b"]}


async def test_a_monitor_sees_how_far_another_agent_is(start: StartAnywhere) -> None:
    loader, monitor, seen = await start("loader"), await start("monitor"), []

    class Loading:
        async def load(self, row: str) -> None:
            seen.append(await monitor({}, None))

    await loader(JOB, Loading())

    assert seen == [{"orders": "running 0/2"}, {"orders": "running 1/2"}]
    assert await monitor({}, None) == {"orders": "finished 2/2"}


async def test_a_worker_that_was_killed_shows_as_lost(process: Start) -> None:
    loader, monitor = await process("loader"), await process("monitor")
    await loader.begin(JOB)
    await loader.call_of("load")
    await loader.answer()
    await loader.call_of("load")
    await loader.kill()

    # Anything that was silent at all counts as lost here, so there is no time to wait.
    assert await monitor({"silent_s": -1}) == {"orders": "lost 1/2"}
    assert await monitor({"silent_s": 3600}) == {"orders": "running 1/2"}


async def test_a_job_that_is_finished_is_never_lost(agent: Load) -> None:
    await agent("loader")(JOB, Tools(load=None))

    assert await agent("monitor")({"silent_s": -1}, None) == {"orders": "finished 2/2"}


async def test_a_follower_sees_every_change_of_another_process_in_order(process: Start) -> None:
    follower, loader = await process("follower"), await process("loader")
    await follower.begin({"job": "orders"})
    await follower.call_of("watching")

    rows = list(range(50))
    await loader({"job": "orders", "rows": rows}, Tools(load=None))
    await follower.answer()

    assert await follower.result() == [*range(51), 50]


async def test_a_follower_that_waits_already_is_told_as_it_happens(process: Start) -> None:
    follower, loader = await process("follower"), await process("loader")
    await follower.begin({"job": "orders"})
    await follower.call_of("watching")
    await follower.answer()

    await loader(JOB, Tools(load=None))

    assert await follower.result() == [0, 1, 2, 2]


async def test_a_follower_is_not_told_of_other_jobs(agent: Load, data_store: DataStore) -> None:
    loader, follower = agent("loader"), agent("follower")

    class Watching:
        async def watching(self) -> None:
            for job, rows in [("orders2", "ab"), ("other", "abc"), ("orders", "a")]:
                await loader({"job": job, "rows": list(rows)}, Tools(load=None))

    assert await follower({"job": "orders"}, Watching()) == [0, 1, 1]


async def test_following_a_job_that_never_begins_ends_after_a_while(agent: Load) -> None:
    told = await agent("follower")({"job": "none", "timeout_s": 0.05}, Tools(watching=None))

    assert told == []
