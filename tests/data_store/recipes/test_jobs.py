"""State machine per job, batch with a checkpoint, locks and claims that go stale."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest

from langgraph_agentstore import DataStore
from langgraph_agentstore.errors import LockLostError

from .conftest import LeaseEnd, Load, Start, StartAnywhere
from .threads import at_once
from .tools import Tools

START = {"job": "42", "to": "running"}


async def test_a_job_moves_along_its_states_whoever_moves_it(start: StartAnywhere) -> None:
    one, other = await start("jobs"), await start("jobs")
    moves = [
        (one, "running"),
        (other, "failed"),
        (one, "queued"),
        (other, "running"),
        (one, "done"),
    ]

    for run, to in moves:
        assert await run({"job": "42", "to": to}, None) == {"moved": True, "state": to}


@pytest.mark.parametrize("to", ["queued", "done", "failed"])
async def test_a_queued_job_can_only_be_started(agent: Load, to: str) -> None:
    assert await agent("jobs")({"job": "42", "to": to}, None) == {"moved": False, "state": "queued"}


async def test_of_sixteen_who_start_a_job_one_does(agent: Load, data_store: DataStore) -> None:
    told = await at_once(agent("jobs"), [START] * 16)

    assert sorted(answer["moved"] for answer in told) == [False] * 15 + [True]
    record = data_store.record("job:42")
    assert record is not None
    assert (record.value, record.version) == ("running", 2)


async def test_a_batch_goes_on_at_its_checkpoint_after_kill_9(
    process: Start, data_store: DataStore
) -> None:
    batch = {"batch": "1", "rows": ["a", "b", "c", "d"]}
    first = await process("importer")
    await first.begin(batch)
    for expected in "ab":
        assert await first.call_of("work_on") == [expected]
        await first.answer(expected.upper())
    assert await first.call_of("work_on") == ["c"]
    await first.kill()
    assert data_store.use_namespace("batch:1").get("next") == 2

    second, tools = await process("importer"), Tools(work_on=str.upper)

    assert await second(batch, tools) == ["A", "B", "C", "D"]
    assert tools.calls == [("work_on", "c"), ("work_on", "d")]


async def test_a_batch_that_is_done_is_not_worked_on_again(agent: Load) -> None:
    importer, tools = agent("importer"), Tools(work_on=str.upper)

    told = [await importer({"batch": "1", "rows": ["a", "b"]}, tools) for _ in range(2)]

    assert told == [["A", "B"], ["A", "B"]]
    assert len(tools.calls) == 2


async def test_work_under_a_lock_is_skipped_by_another_process(process: Start) -> None:
    one, other = await process("nightly"), await process("nightly")
    await one.begin({"pages": ["home"]})
    await one.call_of("build")

    assert await other({"pages": ["home"]}) == {"skipped": "somebody else is at it"}

    await one.answer("<h1>home</h1>")
    assert await one.result() == {"built": 1}
    assert await other({"pages": []}) == {"built": 0}


async def test_the_lock_of_a_killed_process_is_free_when_its_lease_ends(
    process: Start, data_store: DataStore, lease_end: LeaseEnd
) -> None:
    one, other = await process("nightly"), await process("nightly")
    await one.begin({"pages": ["home"], "lease_s": 1})
    await one.call_of("build")
    stale_from = lease_end()
    await one.kill()

    with data_store.lock("nightly", timeout_s=60, wait_s=30) as lock:
        assert lock.expires_at is not None
        assert lock.expires_at - timedelta(seconds=60) >= stale_from
        assert not data_store.exists("built:home")

    assert await other({"pages": ["home"]}, Tools(build="<h1>")) == {"built": 1}


async def test_a_lock_is_renewed_while_the_work_goes_on(agent: Load, lease_end: LeaseEnd) -> None:
    ends: list[datetime] = []

    def build(page: str) -> str:
        ends.append(lease_end())
        return page

    assert await agent("nightly")({"pages": ["a", "b", "c"]}, Tools(build=build)) == {"built": 3}

    assert ends[0] < ends[1] < ends[2]


async def test_work_that_outlives_its_lease_hears_of_it(agent: Load, data_store: DataStore) -> None:
    def build(page: str) -> str:
        with data_store.lock("nightly", wait_s=30):
            return page

    with pytest.raises(LockLostError):
        await agent("nightly")({"pages": ["a", "b"], "lease_s": 0.05}, Tools(build=build))

    assert data_store.list_keys() == ["built:a"]


async def test_work_that_fails_gives_its_lock_up(start: StartAnywhere) -> None:
    one, other = await start("nightly"), await start("nightly")

    def fail(page: str) -> str:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await one({"pages": ["home"]}, Tools(build=fail))

    assert await other({"pages": []}, None) == {"built": 0}


async def test_a_fresh_claim_stands_and_everybody_sees_whose_it_is(start: StartAnywhere) -> None:
    one, other = await start("claim"), await start("claim")

    await one({"task": "report", "worker": "one"}, None)

    assert (await other({"task": "report", "worker": "other"}, None))["by"] == "one"


async def test_of_sixteen_who_take_over_a_stale_claim_one_does(
    agent: Load, data_store: DataStore
) -> None:
    data_store.set("claim:report", {"by": "a dead one", "at": time.time() - 301})

    told = await at_once(agent("claim"), [{"task": "report", "worker": f"w{n}"} for n in range(16)])

    (winner,) = {claim["by"] for claim in told}
    assert winner.startswith("w")
    record = data_store.record("claim:report")
    assert record is not None
    assert record.version == 2
