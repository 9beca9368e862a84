"""Locks: one holder among all, a lease that ends by itself, and no trace in listings."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore
from langgraph_agentstore.errors import (
    InvalidOperationError,
    LockHeldError,
    LockLostError,
    NotPermittedError,
)
from tests.support.faults import execute


@pytest.fixture
def first(store: AgentStore) -> DataStore:
    return DataStore(store, "ann", "first")


@pytest.fixture
def second(store: AgentStore) -> DataStore:
    return DataStore(store, "ann", "second")


@pytest.fixture
def end_leases(postgres_dsn: str, schema_name: str) -> Any:
    """Call it, and every lease has ended a second ago."""
    statement = "UPDATE {}.item_lock SET expires_at = now() - interval '1 second'"
    return lambda: execute(postgres_dsn, statement, schema_name)


def test_while_one_holds_it_no_other_gets_it(first: DataStore, second: DataStore) -> None:
    with first.lock("job") as lock:
        assert lock.held
        with pytest.raises(LockHeldError, match="'job' is held by 'first' until"):
            second.lock("job", wait_s=0).acquire()
    with second.lock("job", wait_s=0):
        pass


def test_the_same_agent_excludes_itself_too(first: DataStore) -> None:
    with first.lock("job"), pytest.raises(LockHeldError):
        first.lock("job", wait_s=0.02).acquire()


def test_locks_of_other_names_namespaces_and_users_are_others(
    store: AgentStore, first: DataStore
) -> None:
    with first.lock("job"):
        for other in (
            first.lock("other", wait_s=0),
            first.use_namespace("default:below").lock("job", wait_s=0),
            DataStore(store, "bob", "first").lock("job", wait_s=0),
        ):
            with other:
                pass


def test_it_is_released_when_the_block_fails(first: DataStore, second: DataStore) -> None:
    with pytest.raises(ZeroDivisionError), first.lock("job"):
        raise ZeroDivisionError
    with second.lock("job", wait_s=0):
        pass


def test_when_the_lease_ends_another_gets_it_and_the_first_is_told(
    first: DataStore, second: DataStore, end_leases: Any
) -> None:
    lock = first.lock("job", timeout_s=30).acquire()
    end_leases()
    with second.lock("job", wait_s=0):
        with pytest.raises(LockLostError, match="'job' ended after 30 s"):
            lock.release()
        with pytest.raises(LockHeldError):  # the loser's release gave up nothing
            first.lock("job", wait_s=0).acquire()


def test_a_lease_that_ended_is_told_even_if_nobody_else_took_it(
    first: DataStore, end_leases: Any
) -> None:
    with pytest.raises(LockLostError), first.lock("job"):
        end_leases()


def test_the_error_of_the_block_is_not_hidden_by_a_lost_lease(
    first: DataStore, end_leases: Any
) -> None:
    with pytest.raises(ZeroDivisionError), first.lock("job"):  # noqa: PT012
        end_leases()
        raise ZeroDivisionError


def test_a_lease_can_be_renewed(first: DataStore, end_leases: Any) -> None:
    with pytest.raises(LockLostError), first.lock("job", timeout_s=10) as lock:  # noqa: PT012
        before = lock.expires_at
        lock.renew(60)
        assert before is not None
        assert lock.expires_at is not None
        assert (lock.expires_at - before).total_seconds() > 40
        end_leases()
        lock.renew()


def test_it_shows_in_no_listing_and_outlives_clear(first: DataStore, second: DataStore) -> None:
    with first.lock("job"):
        assert (first.list_keys(), first.list_namespaces(), first.get_all()) == ([], [], {})
        assert first.clear() == 0
        with pytest.raises(LockHeldError):
            second.lock("job", wait_s=0).acquire()


def test_a_sweep_removes_what_dead_holders_left(
    store: AgentStore, first: DataStore, end_leases: Any, postgres_dsn: str, schema_name: str
) -> None:
    for n in range(3):
        first.lock(f"job {n}").acquire()
    end_leases()
    with first.lock("held"):
        assert store.sweep_ttl() == 0
        names = execute(postgres_dsn, "SELECT key FROM {}.item_lock", schema_name)
        assert names == [("held",)]


def test_removing_a_user_removes_the_locks(
    store: AgentStore, first: DataStore, second: DataStore
) -> None:
    lock = first.lock("job").acquire()
    store.delete_user("ann")
    with second.lock("job", wait_s=0), pytest.raises(LockLostError):
        lock.release()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), True, "5"])
def test_a_lease_is_a_number_of_seconds(first: DataStore, seconds: Any) -> None:
    with pytest.raises(InvalidOperationError, match="timeout_s is a number of seconds above 0"):
        first.lock("job", seconds)


def test_what_is_not_held_cannot_be_renewed_nor_what_is_held_taken_again(
    first: DataStore,
) -> None:
    lock = first.lock("job")
    with pytest.raises(InvalidOperationError, match="is not held"):
        lock.renew()
    lock.release()
    lock.acquire()
    with pytest.raises(InvalidOperationError, match="held by this object already"):
        lock.acquire()
    lock.release()
    with lock:  # it may be taken again after that
        pass


def test_a_read_only_proxy_may_not_lock(store: AgentStore) -> None:
    with pytest.raises(NotPermittedError, match="lock"):
        DataStore(store, "ann", "reader", access="read").lock("job")


async def test_the_awaited_form_excludes_the_blocking_one(
    store: AgentStore, first: DataStore, end_leases: Any
) -> None:
    records = AsyncDataStore(store, "ann", "awaiting")
    async with records.lock("job", timeout_s=5) as lock:
        with pytest.raises(LockHeldError, match="'awaiting'"):
            first.lock("job", wait_s=0).acquire()
        await lock.renew()

    async def hold_too_long(error: Exception | None) -> None:
        async with records.lock("job"):
            end_leases()
            if error is not None:
                raise error

    with pytest.raises(ZeroDivisionError):
        await hold_too_long(ZeroDivisionError())
    with pytest.raises(LockLostError):
        await hold_too_long(None)
