"""Hierarchical keys, namespaces, discovery, copies, clean-up."""

from __future__ import annotations

import asyncio

import pytest

from langgraph_agentstore import AgentStore, DataStore
from tests.support.faults import execute, until

from .conftest import Load, Start
from .tools import Tools


async def test_a_level_of_keys_is_listed_by_number(agent: Load) -> None:
    titles = [f"lesson {n}" for n in range(1, 13)]

    assert await agent("course")({"course": "python", "lessons": titles}, None) == titles


@pytest.mark.parametrize("other", ["py", "%", "pyth_n", "python:", "PYTHON"])
async def test_a_level_of_keys_is_found_by_exactly_its_name(agent: Load, other: str) -> None:
    course = agent("course")
    await course({"course": "python", "lessons": ["names"]}, None)

    assert await course({"course": other}, None) == []


async def test_a_branch_that_is_merged_takes_no_other_branch_with_it(
    agent: Load, data_store: DataStore
) -> None:
    files, branches = agent("files"), ["main", "main2", "main:sub", "fix/a", "v1.0"]
    for branch in branches:
        given = {"repo": "site", "branch": branch, "files": {"a.py": branch}}
        assert await files(given, None) == {"stored": 1}

    merged = await files({"repo": "site", "branch": "main", "merged": True}, None)

    assert merged == {"removed": 1}
    left = {
        name: data_store.use_namespace(name).get("a.py") for name in data_store.list_namespaces()
    }
    assert left == {f"files:site:{branch}": branch for branch in sorted(branches[1:])}


async def test_discovery_shows_what_there_is_and_nothing_of_others(
    agent: Load, store: AgentStore, data_store: DataStore
) -> None:
    for user_id in ("ada", "ada:a", "bob"):
        DataStore(store, user_id, None, f"of:{user_id}").set_many(dict.fromkeys("cab"))
    emptied = data_store.use_namespace("emptied")
    emptied.set("a", 1)
    emptied.clear()

    assert await agent("explorer")({}, None) == {"of:ada": ["a", "b"]}


async def test_a_copy_is_of_one_namespace_and_stays_as_it_was(
    agent: Load, data_store: DataStore
) -> None:
    source = data_store.use_namespace("files")
    source.set_many({f"{n:04}": n for n in range(2500)})
    data_store.use_namespace("files:below").set("x", 1)

    assert await agent("snapshot")({"from": "files", "to": "copy"}, None) == {"copied": 2500}
    source.set("0000", "changed")

    assert data_store.use_namespace("copy").get_all() == {f"{n:04}": n for n in range(2500)}
    assert data_store.list_namespaces() == ["copy", "files", "files:below"]


async def test_copying_is_no_access_and_overwrites_what_has_the_same_key(
    agent: Load, data_store: DataStore
) -> None:
    source, target = data_store.use_namespace("source"), data_store.use_namespace("target")
    source.set("a", "new")
    target.set_many({"a": "old", "b": "kept"})

    await agent("snapshot")({"from": "source", "to": "target"}, None)

    assert target.get_all() == {"a": "new", "b": "kept"}
    record = source.record("a")
    assert record is not None
    assert (record.access_count, record.last_accessed_by_agent) == (0, None)


async def test_copying_nothing_copies_nothing(agent: Load, data_store: DataStore) -> None:
    assert await agent("snapshot")({"from": "nowhere", "to": "copy"}, None) == {"copied": 0}
    assert data_store.list_namespaces() == []


LINES = {"job": "1", "lines": ["to", "by"]}


async def test_scratch_records_are_there_while_the_work_goes_on_and_gone_after_it(
    agent: Load, data_store: DataStore
) -> None:
    scratch, seen = data_store.use_namespace("scratch:1"), []

    def translate(line: str) -> str:
        seen.append(scratch.list_keys())
        return line

    assert await agent("sorter")(LINES, Tools(translate=translate)) == ["by", "to"]

    assert seen == [[], ["000000"]]
    assert scratch.list_keys() == []


async def test_work_that_is_cancelled_leaves_nothing(agent: Load, data_store: DataStore) -> None:
    reached = asyncio.Event()

    class Endless:
        async def translate(self, line: str) -> str:
            if line == "by":
                reached.set()
                await asyncio.Event().wait()
            return line

    work = asyncio.ensure_future(agent("sorter")(LINES, Endless()))
    await reached.wait()
    assert data_store.list_namespaces() == ["scratch:1"]
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    assert work.cancelled()
    assert data_store.list_namespaces() == []


async def test_what_a_killed_process_left_expires(
    process: Start, data_store: DataStore, postgres_dsn: str, schema_name: str
) -> None:
    sorter = await process("sorter")
    await sorter.begin({**LINES, "ttl": 0.02})
    await sorter.call_of("translate")
    await sorter.answer("zu")
    await sorter.call_of("translate")
    await sorter.kill()

    left = execute(postgres_dsn, "SELECT key FROM {}.item", schema_name)
    assert left == [("000000",)]
    await until(lambda: data_store.list_namespaces() == [])
