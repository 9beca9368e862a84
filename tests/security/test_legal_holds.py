"""Legal holds beat deletes, erasing, sweeps and retention, in every process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.errors import InvalidOperationError, LegalHoldError
from langgraph_agentstore.runtime import ttl_sweeper
from langgraph_agentstore.security import Encryption, History, LocalKeys, Retention
from tests.isolation.test_erasing import rows_of
from tests.support.faults import execute, wait_until

NOTES = ("users", "ada", "notes")

DELETES: dict[str, Callable[[AgentStore], Any]] = {
    "delete": lambda store: store.delete(NOTES, "n"),
    "delete_namespace": lambda store: store.delete_namespace(NOTES),
    "delete_user": lambda store: store.delete_user("ada"),
    "erase_user": lambda store: store.erase_user("ada"),
    "view": lambda store: store.for_user("ada").delete(("notes",), "n"),
    "record": lambda store: DataStore(store, "ada", None, "notes").delete("n"),
    "records": lambda store: DataStore(store, "ada", None, "notes").clear(),
}


@pytest.mark.parametrize("held", ["user", "namespace", "both"])
@pytest.mark.parametrize("name", DELETES)
def test_a_held_item_cannot_be_deleted(store: AgentStore, name: str, held: str) -> None:
    store.put(NOTES, "n", {"n": 1})
    user, namespace = (None if held == "namespace" else "ada"), ()
    hold = store.hold(user, namespace=namespace if held == "user" else ("notes",), reason="case 7")
    with pytest.raises(LegalHoldError, match="release_hold") as caught:
        DELETES[name](store)
    assert caught.value.hold_id == hold.id
    assert store.get(NOTES, "n") is not None

    assert store.release_hold(hold.id)
    DELETES[name](store)
    assert store.get(NOTES, "n") is None


def test_what_the_hold_does_not_cover_is_deleted(store: AgentStore) -> None:
    for user, namespace in (("ada", "notes"), ("ada", "other"), ("bob", "notes")):
        store.put(("users", user, namespace), "n", {"n": 1})
    store.hold("ada", namespace=("notes",), reason="case 7")
    store.delete(("users", "ada", "other"), "n")
    assert store.delete_user("bob") == 1
    assert store.count() == 1


def test_other_deletes_of_the_same_batch_are_made(store: AgentStore) -> None:
    for n in range(100):
        store.put(("users", f"user{n}"), "n", {"n": 1})
    store.hold("user50", reason="case 7")

    async def delete_all() -> list[object]:
        deletes = [store.adelete(("users", f"user{n}"), "n") for n in range(100)]
        return await asyncio.gather(*deletes, return_exceptions=True)

    outcomes = asyncio.run(delete_all())
    assert [n for n, outcome in enumerate(outcomes) if outcome is not None] == [50]
    assert store.count() == 1


def test_an_expired_held_item_stays_hidden_and_fills_no_batch_of_the_sweep(
    store: AgentStore, postgres_dsn: str, schema_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ttl_sweeper, "BATCH_SIZE", 3)
    for user in ("ada", "bob"):
        store.load([(("users", user, "notes"), f"n{n}", {"n": n}) for n in range(5)])
    store.hold("ada", reason="case 7")
    expire = "UPDATE {}.item SET expires_at = now() - interval '1 day' * length(user_id || %(u)s)"
    execute(postgres_dsn, expire, schema_name, u="")
    execute(
        postgres_dsn,
        "UPDATE {}.item SET expires_at = now() - interval '9 days' WHERE user_id = 'ada'",
        schema_name,
    )
    assert store.sweep_ttl() == 5
    assert rows_of(postgres_dsn, schema_name, "ada")["item"] == 5
    assert rows_of(postgres_dsn, schema_name, "bob")["item"] == 0
    assert store.search(NOTES) == []
    # A process that does not ask for holds leaves it too.
    execute(postgres_dsn, "DELETE FROM {}.item", schema_name)
    assert rows_of(postgres_dsn, schema_name, "ada")["item"] == 5
    with pytest.raises(LegalHoldError):
        store.erase_user("ada")


def test_retention_leaves_held_items_out(
    postgres_dsn: str, schema_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ttl_sweeper, "BATCH_SIZE", 3)
    retention = Retention({("notes",): timedelta(days=90)})
    with AgentStore(postgres_dsn, schema=schema_name, retention=retention) as store:
        for user in ("ada", "bob"):
            store.load([(("users", user, "notes"), f"n{n}", {"n": n}) for n in range(5)])
        execute(
            postgres_dsn, "UPDATE {}.item SET updated_at = now() - interval '91 days'", schema_name
        )
        store.hold("ada", reason="case 7")
        assert store.sweep_ttl() == 5
        assert store.for_user("ada").count() == 5


@pytest.mark.parametrize("user", ["ada", None])
def test_the_keys_of_a_held_user_cannot_be_destroyed(
    postgres_dsn: str, schema_name: str, user: str | None
) -> None:
    keys = Encryption(LocalKeys.generate_key())
    with AgentStore(postgres_dsn, schema=schema_name, encryption=keys) as store:
        for name in ("ada", "bob"):
            store.put(("users", name, "notes" if name == "ada" else "other"), "n", {"n": 1})
        hold = store.hold(user, namespace=("notes",), reason="case 7")
        with pytest.raises(LegalHoldError):
            store.destroy_keys("ada")
        assert store.destroy_keys("bob") == 1
        assert store.get(NOTES, "n") is not None
        store.release_hold(hold.id)
        assert store.destroy_keys("ada") == 1


def test_keep_days_leaves_the_history_of_what_is_held(
    postgres_dsn: str, schema_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Held entries are the oldest ones, and more than a batch.
    monkeypatch.setattr("langgraph_agentstore.security.history.sealing_sql.SEAL_SIZE", 3)
    kept = History(keep_days=30, audit_reads=True)
    with AgentStore(postgres_dsn, schema=schema_name, history=kept) as store:
        for user in ("ada", "bob"):
            store.load([(("users", user, "notes"), f"n{n}", {"n": n}) for n in range(5)])
            store.put(("users", user, "other"), "n", {})
            assert store.get(("users", user, "notes"), "n1") is not None
        store.close()
    with AgentStore(postgres_dsn, schema=schema_name, history=kept) as store:
        for table, at in (("item_history", "changed_at"), ("item_read", "read_at")):
            old = f"UPDATE {{}}.{table} SET {at} = {at} - interval '31 days'"
            execute(postgres_dsn, old, schema_name)
        hold = store.hold("ada", namespace=("notes",), reason="case 7")
        store.sweep_ttl()
        assert kept_rows(postgres_dsn, schema_name) == {"ada": (5, 1)}
        assert store.delete_user("bob") == 6
        with pytest.raises(LegalHoldError):
            store.erase_user("ada")
        store.release_hold(hold.id)
        store.sweep_ttl()
        assert kept_rows(postgres_dsn, schema_name) == {"bob": (6, 0)}


def kept_rows(dsn: str, schema: str) -> dict[str, tuple[int, int]]:
    """The entries of history and the audited reads of each user."""
    history = execute(dsn, "SELECT user_id, 1, 0 FROM {}.item_history", schema)
    reads = execute(dsn, "SELECT user_id, 0, 1 FROM {}.item_read", schema)
    counts: dict[str, tuple[int, int]] = {}
    for user, entry, read in [*history, *reads]:
        entries_before, reads_before = counts.get(user, (0, 0))
        counts[user] = (entries_before + entry, reads_before + read)
    return counts


def test_history_in_a_held_namespace_keeps_its_user_from_being_erased(
    postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, history=True) as store:
        store.put(NOTES, "n", {"n": 1})
        store.delete(NOTES, "n")
        store.hold(namespace=("notes",), reason="case 7")
        with pytest.raises(LegalHoldError):
            store.erase_user("ada")
        assert len(store.history(NOTES, "n")) == 2


def test_a_hold_waits_for_a_delete_in_flight(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    store.put(NOTES, "n", {"n": 1})
    store.release_hold(store.hold("somebody", reason="the trigger is there").id)
    with psycopg.connect(postgres_dsn) as deleting, ThreadPoolExecutor(1) as pool:
        deleting.execute(f'DELETE FROM "{schema_name}".item')
        holding = pool.submit(store.hold, "ada", reason="case 7")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
        wait_until(lambda: execute(postgres_dsn, waits)[0][0] > 0)
        assert not holding.done()
        deleting.rollback()
        holding.result(timeout=20)
    with pytest.raises(LegalHoldError):
        store.delete(NOTES, "n")


def test_holds_are_listed_and_released_one_by_one(store: AgentStore) -> None:
    first = store.hold("ada", reason="case 7")
    second = asyncio.run(store.ahold(namespace=("notes", "a:b"), reason="case 8"))
    assert store.holds() == [first, second]
    assert (second.user_id, second.namespace, second.reason) == (None, ("notes", "a:b"), "case 8")
    assert asyncio.run(store.arelease_hold(first.id))
    assert not store.release_hold(first.id)
    assert asyncio.run(store.aholds()) == [second]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"reason": "case 7"}, "name a user"),
        ({"user_id": "ada", "reason": ""}, "reason"),
        ({"user_id": "ada", "reason": None}, "reason"),
    ],
)
def test_a_hold_of_nobody_or_without_a_reason_is_refused(
    store: AgentStore, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidOperationError, match=named):
        store.hold(**arguments)
    with pytest.raises(InvalidOperationError, match="UUID"):
        store.release_hold(str(uuid4()))  # type: ignore[arg-type]
