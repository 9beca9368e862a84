"""What one operation suffers, the others do not: they travelled together by chance."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langgraph.store.base import GetOp, Item, Op, PutOp
from typing_extensions import LiteralString

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import BatchError, DatabaseError, ItemLockedError
from tests.support.faults import (
    execute,
    locked_rows,
    reading_role,
    refuse_values_with,
    until,
    versions,
)

NAMESPACE = ("users", "ann", "notes")

_UNREADABLE: LiteralString = "IF key = {key} THEN RAISE 'unreadable'; END IF"


@pytest.fixture
def hurried_store(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    """A store that gives up after 0.6 s."""
    pool = {"command_timeout_s": 0.6}
    with AgentStore(postgres_dsn, schema=schema_name, pool=pool) as store:
        yield store


def puts(*keys: str, value: dict[str, Any] | None = None) -> list[Op]:
    return [PutOp(NAMESPACE, key, value or {"is": "good"}) for key in keys]


async def put_all(store: AgentStore, keys: list[str]) -> list[BaseException | None]:
    """Every key by a caller of its own, all at once; what each of them got."""
    writes = [store.aput(NAMESPACE, key, {"refused" if "bad" in key else "is": 1}) for key in keys]
    return await asyncio.gather(*writes, return_exceptions=True)


async def test_a_refused_write_fails_alone_among_its_callers(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    refuse_values_with(postgres_dsn, schema_name, "refused")
    bad = {"bad-0", "bad-150", "bad-399"}
    keys = [f"bad-{n}" if f"bad-{n}" in bad else f"good-{n}" for n in range(400)]

    outcomes = await put_all(store, keys)

    failed = {key for key, outcome in zip(keys, outcomes, strict=True) if outcome is not None}
    assert failed == bad
    assert all(isinstance(outcome, (DatabaseError, type(None))) for outcome in outcomes)
    assert versions(postgres_dsn, schema_name) == dict.fromkeys(set(keys) - bad, 1)
    assert store.stats().failed_operations == len(bad)
    assert store.stats().statements < len(keys)  # they did travel together


def test_a_refused_write_of_a_batch_raises_its_own_error_and_the_others_are_written(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    refuse_values_with(postgres_dsn, schema_name, "refused")
    ops = puts("a", "b") + puts("c", value={"refused": True}) + puts("d")

    with pytest.raises(DatabaseError) as caught:
        store.batch(ops)

    assert caught.value.sqlstate == "23514"
    assert set(versions(postgres_dsn, schema_name)) == {"a", "b", "d"}


def test_several_refused_writes_of_a_batch_are_told_by_position(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    refuse_values_with(postgres_dsn, schema_name, "refused")
    bad = puts("x", "y", value={"refused": True})
    ops = [*puts("a"), bad[0], *puts("b"), bad[1]]

    with pytest.raises(BatchError, match="2 of 4 operations failed") as caught:
        store.batch(ops)

    assert set(caught.value.errors) == {1, 3}
    assert set(versions(postgres_dsn, schema_name)) == {"a", "b"}


@pytest.mark.parametrize("bad_first", [True, False])
def test_of_several_writes_to_one_item_the_last_wins_also_beside_a_refused_one(
    store: AgentStore, postgres_dsn: str, schema_name: str, bad_first: bool
) -> None:
    refuse_values_with(postgres_dsn, schema_name, "refused")
    bad = puts("bad", value={"refused": True})
    for round_ in range(10):
        older = puts("contested", *[f"o{n}" for n in range(3)], value={"is": "older"})
        newer = puts("contested", *[f"n{n}" for n in range(3)], value={"is": "newer"})
        ops = [*bad, *older, *newer] if bad_first else [*older, *newer, *bad]

        with pytest.raises(DatabaseError):
            store.batch(ops)

        item = store.get(NAMESPACE, "contested")
        assert item is not None
        assert item.value == {"is": "newer"}, f"round {round_}"


def test_a_good_write_is_made_though_a_later_one_to_its_item_is_refused(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    refuse_values_with(postgres_dsn, schema_name, "refused")
    ops = [*puts("a", "b"), *puts("a", value={"refused": True}), *puts("c")]

    with pytest.raises(DatabaseError):
        store.batch(ops)

    assert set(versions(postgres_dsn, schema_name)) == {"a", "b", "c"}


def test_what_a_batch_reads_is_what_was_there_before_it(store: AgentStore) -> None:
    store.put(NAMESPACE, "a", {"is": "old"})

    _, item = store.batch([PutOp(NAMESPACE, "a", {"is": "new"}), GetOp(NAMESPACE, "a")])

    assert isinstance(item, Item)
    assert item.value == {"is": "old"}


async def test_a_locked_item_delays_only_its_own_write(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await put_all(store, ["locked"])
    keys = [f"free-{n}" for n in range(256)]
    started = time.monotonic()
    with locked_rows(postgres_dsn, schema_name, "locked"):
        writes = [asyncio.ensure_future(store.abatch(puts(*keys[:100], "locked", *keys[100:])))]
        # Its batch-mates' fate is seen in the table: the batch itself waits for its last write.
        await until(lambda: set(keys) <= set(versions(postgres_dsn, schema_name)))
        took_s = time.monotonic() - started
        assert not writes[0].done()
    await asyncio.gather(*writes)
    assert versions(postgres_dsn, schema_name)["locked"] == 2
    assert took_s < 5


async def test_callers_of_other_items_do_not_wait_for_a_locked_one(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await put_all(store, ["locked"])
    with locked_rows(postgres_dsn, schema_name, "locked"):
        locked = asyncio.ensure_future(store.aput(NAMESPACE, "locked", {"is": "mine"}))
        free = put_all(store, [f"free-{n}" for n in range(100)])
        assert not any(await asyncio.wait_for(free, 5))
        for n in range(20):
            await asyncio.wait_for(store.aput(NAMESPACE, f"free-{n}", {"again": n}), 1)
        assert not locked.done()
    await locked
    item = await store.aget(NAMESPACE, "locked")
    assert item is not None
    assert item.value == {"is": "mine"}


async def test_more_locked_items_than_connections_leave_the_others_alone(
    postgres_dsn: str, schema_name: str
) -> None:
    held = [f"locked-{n}" for n in range(12)]
    async with AgentStore(postgres_dsn, schema=schema_name, pool={"max_size": 4}) as store:
        await put_all(store, held)
        with locked_rows(postgres_dsn, schema_name, *held):
            writes = []
            for n, key in enumerate(held):
                writes.append(asyncio.ensure_future(store.aput(NAMESPACE, key, {"n": 1})))
                # One after another, so that each is a batch of its own.
                await asyncio.wait_for(store.aput(NAMESPACE, f"free-{n}", {"n": n}), 2)
                await asyncio.wait_for(store.aget(NAMESPACE, f"free-{n}"), 1)
            assert not any(write.done() for write in writes)
        await asyncio.gather(*writes)
        written = versions(postgres_dsn, schema_name)
        assert [written[key] for key in held] == [2] * len(held)


async def test_a_write_raises_when_its_item_stays_locked_for_all_the_time_allowed(
    hurried_store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await put_all(hurried_store, ["locked"])
    with locked_rows(postgres_dsn, schema_name, "locked"):
        started = time.monotonic()
        outcomes = await put_all(hurried_store, ["a", "b", "locked", "c"])
        took_s = time.monotonic() - started
    assert [type(outcome) for outcome in outcomes] == [
        type(None), type(None), ItemLockedError, type(None)
    ]  # fmt: skip
    assert isinstance(outcomes[2], ItemLockedError)
    assert outcomes[2].written is False
    assert 0.5 < took_s < 3
    assert versions(postgres_dsn, schema_name) == dict.fromkeys(("a", "b", "c", "locked"), 1)


WAITING: dict[str, Callable[[AgentStore], Any]] = {
    "put with expected_version": lambda s: s.aput(
        NAMESPACE, "locked", {"n": 2}, expected_version=1
    ),
    "delete": lambda s: s.adelete(NAMESPACE, "locked"),
    "delete_namespace": lambda s: s.adelete_namespace(NAMESPACE),
    "delete_user": lambda s: s.adelete_user("ann"),
    "load": lambda s: s.aload([(NAMESPACE, "locked", {"n": 2})]),
    "update": lambda s: s.aupdate(NAMESPACE, "locked", lambda _: {"n": 2}),
}


@pytest.mark.parametrize("operation", WAITING)
async def test_every_kind_of_write_outlasts_a_lock_shorter_than_its_deadline(
    store: AgentStore, postgres_dsn: str, schema_name: str, operation: str
) -> None:
    await put_all(store, ["locked"])
    with locked_rows(postgres_dsn, schema_name, "locked"):
        write = asyncio.ensure_future(WAITING[operation](store))
        # Longer than the server lets one statement wait for a lock.
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(write), 0.35)
    await asyncio.wait_for(write, 5)
    assert versions(postgres_dsn, schema_name).get("locked") in (None, 2)


@pytest.mark.parametrize("operation", WAITING)
async def test_every_kind_of_write_gives_up_at_its_deadline(
    hurried_store: AgentStore, postgres_dsn: str, schema_name: str, operation: str
) -> None:
    await put_all(hurried_store, ["locked"])
    with locked_rows(postgres_dsn, schema_name, "locked"):
        started = time.monotonic()
        with pytest.raises(ItemLockedError):
            await WAITING[operation](hurried_store)
        took_s = time.monotonic() - started
    assert 0.5 < took_s < 3
    assert versions(postgres_dsn, schema_name) == {"locked": 1}


async def test_a_failed_read_does_not_keep_a_batch_from_writing(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    """Reads come first, and `BatchError` promises that what it does not list was done."""
    await put_all(store, ["a"])
    with reading_role(postgres_dsn, schema_name, _UNREADABLE, key="a") as dsn:
        async with AgentStore(dsn, schema=schema_name) as reader:
            ops: list[Op] = [GetOp(NAMESPACE, "a"), *puts("b"), GetOp(NAMESPACE, "b")]
            with pytest.raises(DatabaseError, match="unreadable"):
                await reader.abatch(ops)
    assert set(versions(postgres_dsn, schema_name)) == {"a", "b"}


async def test_a_refused_read_fails_alone_among_its_callers(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    keys = [f"k{n}" for n in range(60)]
    await put_all(store, keys)
    with reading_role(postgres_dsn, schema_name, _UNREADABLE, key="k7") as dsn:
        async with AgentStore(dsn, schema=schema_name) as reader:
            reads = [reader.aget(NAMESPACE, key) for key in keys]
            outcomes = await asyncio.gather(*reads, return_exceptions=True)
    refused = [key for key, got in zip(keys, outcomes, strict=True) if isinstance(got, Exception)]
    assert refused == ["k7"]


async def test_twenty_thousand_puts_at_once_are_all_written(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await asyncio.gather(*[store.aput(NAMESPACE, f"k{n}", {"n": n}) for n in range(20_000)])
    ((count,),) = execute(postgres_dsn, "SELECT count(*) FROM {}.item", schema_name)
    assert count == 20_000


def test_a_batch_of_twenty_thousand_puts_is_written(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    store.batch([PutOp(NAMESPACE, f"k{n}", {"n": n}) for n in range(20_000)])
    ((count,),) = execute(postgres_dsn, "SELECT count(*) FROM {}.item", schema_name)
    assert count == 20_000
