"""Copying between stores, the awaitable forms, and stores of other packages."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore, Op, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.postgres import AsyncPostgresStore, PostgresStore

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.errors import CopyMismatchError, VersionConflictError
from langgraph_agentstore.transfer import acopy, aexport, aimport_, copy, export, import_
from langgraph_agentstore.transfer.store_readers import FOREIGN_PAGE_SIZE
from tests.support.embedders import CountingEmbedder
from tests.transfer.moved_stores import fill, put_many, rows


def contents(store: BaseStore) -> dict[tuple[Any, ...], Any]:
    return {(item.namespace, item.key): item.value for item in store.search((), limit=100_000)}


def test_a_copy_of_a_whole_store_is_equal_row_by_row(
    store: AgentStore, other: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    count = fill(store)
    assert copy(store, other) == count
    assert rows(postgres_dsn, schema_name) == rows(postgres_dsn, f"{schema_name}_other")


def test_a_prefix_copies_what_is_at_or_below_it_and_no_more(store: AgentStore) -> None:
    for namespace in [("a",), ("a", "b"), ("ab",), ("b", "a")]:
        store.put(namespace, "k", {"in": list(namespace)})
    for source in (store, _in_memory(store)):
        target = InMemoryStore()
        assert copy(source, target, ("a",)) == 2
        assert {namespace for namespace, _ in contents(target)} == {("a",), ("a", "b")}


class _ByCharacters(InMemoryStore):
    """Finds what begins with the text of the prefix, as stores that join labels may."""

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        [op] = ops
        if not isinstance(op, SearchOp):
            return super().batch([op])
        found: Any = super().batch([op._replace(namespace_prefix=())])[0]
        text = ".".join(op.namespace_prefix)
        return [[item for item in found if ".".join(item.namespace).startswith(text)]]


def test_a_prefix_means_labels_where_a_store_takes_it_for_characters(store: AgentStore) -> None:
    source = _ByCharacters()
    for namespace in [("a",), ("a", "b"), ("ab",), ("ab", "c")]:
        source.put(namespace, "k", {})
    assert copy(source, store, ("a",)) == 2
    assert {namespace for namespace, _ in contents(store)} == {("a",), ("a", "b")}


def _in_memory(store: AgentStore) -> InMemoryStore:
    memory = InMemoryStore()
    copy(store, memory)
    return memory


def test_there_and_back_through_the_official_store(
    store: AgentStore, other: AgentStore, fresh_database: str
) -> None:
    put_many(store, 700)
    with PostgresStore.from_conn_string(fresh_database) as official:
        official.setup()
        assert copy(store, official) == 700
        assert copy(official, other) == 700
    assert contents(other) == contents(store)


def test_items_that_the_official_store_wrote_at_one_moment_are_all_copied(
    store: AgentStore, fresh_database: str
) -> None:
    count = FOREIGN_PAGE_SIZE * 2 + 7
    with PostgresStore.from_conn_string(fresh_database) as official:
        official.setup()
        put_many(official, count)  # all with one updated_at, by which its pages are ordered
        assert copy(official, store) == count
    assert store.count() == count


class _Shuffled(InMemoryStore):
    """Orders each page anew, as a server may where items are equal."""

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        answers = []
        for op in ops:
            if isinstance(op, SearchOp):
                found: Any = super().batch([op._replace(limit=10**9, offset=0)])[0]
                turned = found[op.offset // 2 :] + found[: op.offset // 2]
                answers.append(turned[op.offset : op.offset + op.limit])
            else:
                answers += super().batch([op])
        return answers


@pytest.mark.slow
def test_pages_that_overlap_lose_nothing(store: AgentStore) -> None:
    source = _Shuffled()
    put_many(source, FOREIGN_PAGE_SIZE * 3)
    assert copy(source, store) == FOREIGN_PAGE_SIZE * 3
    assert store.count() == FOREIGN_PAGE_SIZE * 3


def test_views_are_copied_into_views(store: AgentStore, other: AgentStore) -> None:
    put_many(store, 9)
    assert copy(store.for_user("u1"), other.for_user("ann"), ("notes",)) == 3
    assert {item.namespace for item in other.iter_items()} == {("users", "ann", "notes")}
    assert copy(store.for_user("u1"), store.for_user("twin")) == 3
    assert store.count(("users", "twin")) == 3


def test_tuples_stay_where_templates_differ(postgres_dsn: str, schema_name: str) -> None:
    with (
        AgentStore(postgres_dsn, schema=schema_name, users=("{user_id}",)) as one,
        AgentStore(postgres_dsn, schema=f"{schema_name}_other", users=None) as other,
    ):
        one.put(("ann", "notes"), "k", {"n": 1})
        assert copy(one, other) == 1
        assert contents(other) == contents(one)


def test_a_tuple_of_another_store_belongs_to_the_user_that_the_template_says(
    postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    memory = InMemoryStore()
    memory.put(("ann", "notes"), "k", {"n": 1})
    export(memory, tmp_path / "x.jsonl")
    with AgentStore(postgres_dsn, schema=schema_name, users=("{user_id}",)) as store:
        import_(store, tmp_path / "x.jsonl")
        assert contents(store.for_user("ann")) == {(("notes",), "k"): {"n": 1}}


def test_values_of_data_store_are_mappings_elsewhere(store: AgentStore) -> None:
    DataStore(store, "ann", None, "n").set("k", [1, 2])
    memory = InMemoryStore()
    copy(store, memory)
    assert contents(memory) == {(("users", "ann", "n"), "k"): {"value": [1, 2]}}


def test_an_expiry_stays_at_its_moment_where_a_store_has_one(
    store: AgentStore, fresh_database: str
) -> None:
    store.put(("a",), "k", {}, ttl=90)
    with PostgresStore.from_conn_string(fresh_database, ttl={"sweep_interval_minutes": 60}) as to:
        to.setup()
        copy(store, to)
        with to._cursor() as cursor:
            cursor.execute("SELECT expires_at FROM store")
            row = cursor.fetchone()
    record = store.get_record(("a",), "k")
    assert row is not None
    assert record is not None
    assert record.expires_at is not None
    assert abs((row["expires_at"] - record.expires_at).total_seconds()) < 2


class _Forgetful(InMemoryStore):
    """Loses one item of each batch."""

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        listed = list(ops)
        return super().batch(listed[:-1] if isinstance(listed[-1], PutOp) else listed)


class _Careless(InMemoryStore):
    """Keeps one value as another."""

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        return super().batch(
            [
                op._replace(value={"n": True})
                if isinstance(op, PutOp) and op.value == {"n": 1}
                else op
                for op in ops
            ]
        )


@pytest.mark.parametrize("kind", [_Forgetful, _Careless])
def test_a_store_that_does_not_keep_what_was_copied_is_noticed(
    kind: type[InMemoryStore], store: AgentStore
) -> None:
    put_many(store, 10)
    with pytest.raises(CopyMismatchError, match="not in the target as they were copied"):
        copy(store, kind())


def test_conflicts_are_treated_as_asked(store: AgentStore, other: AgentStore) -> None:
    put_many(store, 10)
    other.put(("users", "u1", "notes"), "k000001", {"mine": True})
    assert copy(store, other, on_conflict="skip") == 9
    with pytest.raises(VersionConflictError):
        copy(store, other, on_conflict="fail")
    assert copy(store, other) == 10
    assert contents(other) == contents(store)


def test_items_get_their_vectors_where_the_target_has_an_index(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    store.put(("a",), "k", {"text": "green tea"})
    index = {"embed": CountingEmbedder(), "dims": 16, "fields": ["text"]}
    with AgentStore(postgres_dsn, schema=f"{schema_name}_index", index=index) as searched:
        copy(store, searched)
        found = searched.search((), query="green tea")
        assert [item.key for item in found] == ["k"]
        assert found[0].score is not None


# Awaited


async def test_the_awaitable_forms_do_the_same(
    store: AgentStore, other: AgentStore, postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    count = await asyncio.to_thread(fill, store)
    manifest = await aexport(store, tmp_path / "x.csv.gz")
    assert manifest.sha256 == export(store, tmp_path / "y.csv.gz").sha256
    assert await aimport_(other, tmp_path / "x.csv.gz") == count
    assert await acopy(store, other) == count
    memory = InMemoryStore()
    assert await acopy(other.for_user("ann"), memory) == len(contents(memory))


async def test_a_store_that_is_only_awaited_is_awaited_on_its_loop(
    store: AgentStore, fresh_database: str
) -> None:
    await asyncio.to_thread(put_many, store, 700)
    async with AsyncPostgresStore.from_conn_string(fresh_database) as official:
        await official.setup()
        assert await acopy(store, official) == 700
        memory = InMemoryStore()
        assert await acopy(official, memory) == 700
    assert contents(memory) == contents(store)


async def test_the_loop_goes_on_while_files_are_written(store: AgentStore, tmp_path: Path) -> None:
    put_many(store, 600)
    threads: set[int] = set()
    await aexport(
        store, tmp_path / "x.yaml", progress=lambda _done: threads.add(threading.get_ident())
    )
    assert threads
    assert threading.get_ident() not in threads


async def test_what_is_cancelled_leaves_the_old_file_and_the_store_usable(
    store: AgentStore, other: AgentStore, tmp_path: Path
) -> None:
    await asyncio.to_thread(put_many, store, 2000)
    await aexport(store, tmp_path / "x.jsonl")
    before = (tmp_path / "x.jsonl").read_bytes()
    loop = asyncio.get_running_loop()

    def names() -> list[str]:
        return [path.name for path in tmp_path.iterdir()]

    async def cancelled_at_first_progress(work: Any) -> None:
        reached = asyncio.Event()
        task = asyncio.create_task(work(lambda _done: loop.call_soon_threadsafe(reached.set)))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    await cancelled_at_first_progress(
        lambda tell: aexport(store, tmp_path / "x.jsonl", progress=tell)
    )
    assert (tmp_path / "x.jsonl").read_bytes() == before
    assert names() == ["x.jsonl"]
    await cancelled_at_first_progress(
        lambda tell: aimport_(other, tmp_path / "x.jsonl", on_conflict="fail", progress=tell)
    )
    assert await other.acount() == 0
    assert await aimport_(other, tmp_path / "x.jsonl", on_conflict="fail") == 2000


def test_reads_that_were_noted_before_an_import_do_not_count_on(
    store: AgentStore, tmp_path: Path
) -> None:
    data = DataStore(store, "ann", "agent", "n")
    data.set("k", 1)
    export(store, tmp_path / "x.jsonl")
    data.get("k")
    import_(store, tmp_path / "x.jsonl")
    record = data.record("k")
    assert record is not None
    assert record.access_count == 0
