"""`watch` with the SQL for several nodes: what differs between two reads, each change once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.data_store import Change
from langgraph_agentstore.data_store.compared_records import ComparedRecords
from langgraph_agentstore.model.addresses import locate
from langgraph_agentstore.model.users import Address
from langgraph_agentstore.runtime.job import Job
from langgraph_agentstore.runtime.session import Session
from tests.support.distributed import written_for_nodes


@pytest.fixture
def jobs(postgres_dsn: str, schema_name: str) -> Iterator[DataStore]:
    with written_for_nodes(), AgentStore(postgres_dsn, schema=schema_name) as store:
        yield DataStore(store, "ann", "tester", "jobs")


def told(changes: Iterator[Change], count: int) -> list[tuple[str, str, object, int]]:
    found = [change for _, change in zip(range(count), changes, strict=False)]
    return [(each.op, each.key, each.value, each.version) for each in found]


def test_each_record_is_told_as_it_is_when_the_watch_looks(jobs: DataStore) -> None:
    for key in ("kept", "gone", "made anew", "grown"):
        jobs.set(key, 1)
    with jobs.watch(timeout_s=10) as changes:
        jobs.delete("gone")
        jobs.delete("made anew")
        jobs.set("made anew", 2)
        jobs.set("passing", 1)
        jobs.delete("passing")
        jobs.increment("grown", 5)
        jobs.increment("grown", 5)
        jobs.set("new", None)
        assert told(changes, 4) == [
            ("delete", "gone", None, 1), ("set", "made anew", 2, 1),
            ("set", "grown", 11, 3), ("set", "new", None, 1),
        ]  # fmt: skip
        jobs.set("kept", 2)
        assert told(changes, 1) == [("set", "kept", 2, 2)]


def test_a_watch_of_all_below_tells_each_namespace(jobs: DataStore) -> None:
    compared = ComparedRecords(locate(Address("ann", ()), ()), "", 0.0, with_below=True)
    jobs.set("a", 1)
    jobs.use_namespace("jobs:deep").set("a", 2)

    async def look(session: Session) -> list[tuple[str, str]]:
        return [(each.namespace, each.key) for each in await compared.look(session, 1.0)]

    assert jobs._store.executor.run(Job(look, kind="look")) == [("jobs", "a"), ("jobs:deep", "a")]
    jobs.delete("a")
    assert jobs._store.executor.run(Job(look, kind="look")) == [("jobs", "a")]


def test_a_short_watch_looks_before_it_ends(jobs: DataStore) -> None:
    with jobs.watch("a", timeout_s=0.3) as changes:
        jobs.set("b", 1)
        jobs.set("a1", 1)
        assert [change.key for change in changes] == ["a1"]


def test_a_watch_that_reads_long_rests_longer(jobs: DataStore) -> None:
    compared = ComparedRecords(jobs._operations.at, "", 0.0)

    async def look_twice(session: Session) -> tuple[int, int]:
        await compared.begin(session)
        jobs_set = await compared.look(session, 1.0)
        compared._due_s += 60.0
        return len(jobs_set), len(await compared.look(session, 0.001))

    jobs.set("a", 1)
    assert jobs._store.executor.run(Job(look_twice, kind="look")) == (0, 0)
