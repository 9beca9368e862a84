"""Rotation of data keys, wrapping anew, and erasing by key."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import DecryptionError, InvalidOperationError
from langgraph_agentstore.runtime.jobs import rotate
from tests.support.encrypted import KEY, OTHER_KEY, Database, Opened

USERS = ("alice", "bob", "carol", "dave")
NOTES = ("users", "alice", "notes")


def notes_of(user: str) -> tuple[str, ...]:
    return ("users", user, "notes")


def fill(store: AgentStore, each: int = 10) -> dict[tuple[tuple[str, ...], str], int]:
    puts = [
        PutOp(notes_of(user), str(n), {"n": number})
        for number, (user, n) in enumerate((user, n) for user in USERS for n in range(each))
    ]
    store.batch(puts)
    return {(put.namespace, put.key): put.value["n"] for put in puts if put.value}


def found_in(store: AgentStore) -> dict[tuple[tuple[str, ...], str], int]:
    return {(item.namespace, item.key): item.value["n"] for item in store.iter_items()}


async def keys_in_use(database: Database) -> set[str]:
    rows = await database.run(
        "SELECT DISTINCT split_part(value->>'$sealed', '.', 1) FROM {schema}.item"
    )
    return {row[0] for row in rows}


async def test_every_value_gets_a_new_key_and_nothing_else_changes(
    opened: Opened, database: Database
) -> None:
    store = opened()
    values, before = fill(store), await keys_in_use(database)
    columns = "SELECT user_id, key, version, updated_at FROM {schema}.item ORDER BY 1, 2"
    told = await database.run(columns)
    assert store.rotate() == len(values)
    assert not await keys_in_use(database) & before
    assert found_in(store) == values
    assert found_in(opened()) == values
    assert await database.run(columns) == told


async def test_a_retired_key_is_removed_once_nothing_needs_it(
    opened: Opened, database: Database
) -> None:
    store = opened()
    fill(store)
    first = await keys_in_use(database)
    store.rotate()
    stale = [row[0] for row in await database.run("SELECT id FROM {keys}.user_key")]
    assert first < set(stale), "another process may still seal with a retired key"
    await database.run("UPDATE {keys}.user_key SET retired_at = retired_at - interval '3 hours'")
    kept = await database.run(
        "UPDATE {schema}.item SET value = jsonb_build_object('$sealed', $1::text || '.w.x')"
        " WHERE user_id = 'alice' AND key = '0' RETURNING value",
        sorted(first)[0],
    )
    assert kept
    with pytest.raises(DecryptionError, match=r"^1 items could not be opened"):
        store.rotate()
    left = {row[0] for row in await database.run("SELECT id FROM {keys}.user_key")}
    assert left & first <= {sorted(first)[0]}


async def test_old_ciphertexts_do_not_open_once_their_key_is_gone(
    opened: Opened, database: Database
) -> None:
    store = opened()
    store.put(NOTES, "a", {"n": 1})
    [(old,)] = await database.run("SELECT value::text FROM {schema}.item")
    store.rotate()
    await database.run("UPDATE {keys}.user_key SET retired_at = retired_at - interval '3 hours'")
    store.rotate()
    await database.run("UPDATE {schema}.item SET value = $1::text::jsonb", old)
    with pytest.raises(DecryptionError, match="not in the table user_key"):
        opened().get(NOTES, "a")


async def test_moving_in_encrypts_what_was_clear(
    opened: Opened, database: Database, postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as clear:
        values = fill(clear)
        clear.put(NOTES, "text", {"n": 99, "text": "Mozzarella", "title": "about cheese"})
    moving = opened(fields=["n", "text"], read_plaintext=True, store={"index": {"mode": "text"}})
    assert found_in(moving) == {**values, (NOTES, "text"): 99}
    assert moving.rotate() == len(values) + 1
    rows = await database.run("SELECT i::text FROM {schema}.item i")
    assert not [row for (row,) in rows if "ozzarella" in row or '"n":' in row]
    strict = opened(fields=["n", "text"], store={"index": {"mode": "text"}})
    assert found_in(strict) == {**values, (NOTES, "text"): 99}
    assert [item.key for item in strict.search(NOTES, query="cheese")] == ["text"]
    assert strict.search(NOTES, query="Mozzarella") == []


def test_more_fields_are_encrypted_by_a_rotation(opened: Opened) -> None:
    opened(fields=["a"]).put(NOTES, "k", {"a": 1, "b": 2})
    strict = opened(fields=["a", "b"])
    with pytest.raises(DecryptionError, match="'b' without encryption"):
        strict.get(NOTES, "k")
    with pytest.raises(DecryptionError, match=r"^1 items could not be opened and stay"):
        strict.rotate()
    opened(fields=["a", "b"], read_plaintext=True).rotate()
    item = strict.get(NOTES, "k")
    assert item is not None
    assert item.value == {"a": 1, "b": 2}


async def test_values_that_cannot_be_opened_stay_and_are_named(
    opened: Opened, database: Database
) -> None:
    store = opened()
    values = fill(store)
    await database.run("UPDATE {schema}.item SET value = '{}' WHERE key = '3'")
    with pytest.raises(DecryptionError, match=r"4 items could not be opened.*key '3'"):
        store.rotate()
    store.batch([PutOp(notes_of(user), "3", None) for user in USERS])
    assert found_in(store) == {at: n for at, n in values.items() if at[1] != "3"}


def test_writers_go_on_while_keys_are_rotated(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotate, "ROTATED_AT_ONCE", 5)
    store, writer = opened(), opened()
    values = fill(store, 50)
    ended, written = threading.Event(), {}

    def write() -> None:
        for n in count():
            if ended.is_set():
                return
            at = notes_of(USERS[n % 4]), str(n % 60)
            written[at] = n
            writer.put(*at, {"n": n})

    thread = threading.Thread(target=write)
    thread.start()
    try:
        store.rotate()
    finally:
        ended.set()
        thread.join()
    assert found_in(opened()) == {**values, **written}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_a_rotation_that_was_killed_at_any_point_goes_on(
    opened: Opened, database: Database
) -> None:
    values = fill(opened())
    before = await keys_in_use(database)
    ended = []
    # Each is one statement further on its own way, and continues where the last one was.
    for doomed in (0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 16, 1000):
        arguments = [database.dsn, database.schema, KEY, str(doomed)]
        script = str(Path(__file__).with_name("rotating_process.py"))
        process = await asyncio.create_subprocess_exec(sys.executable, script, *arguments)
        ended.append(await process.wait())
        assert found_in(opened()) == values
    assert set(ended[:-1]) == {-signal.SIGKILL}
    assert ended[-1] == 0
    current = {
        row[0]
        for row in await database.run("SELECT id FROM {keys}.user_key WHERE retired_at IS NULL")
    }
    assert await keys_in_use(database) == current
    assert not current & before
    [rotations] = await database.run("SELECT count(*), count(ended_at) FROM {keys}.rotation")
    assert tuple(rotations) == (1, 1)
    [made] = await database.run("SELECT count(*) FROM {keys}.user_key")
    assert made[0] == 2 * len(USERS), "no user got two new keys"


def test_progress_tells_what_was_looked_at(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotate, "ROTATED_AT_ONCE", 15)
    told: list[int] = []
    store = opened()
    fill(store)
    store.rotate(progress=told.append)
    assert told[:3] == [15, 30, 40]


@pytest.mark.parametrize("connections", [1, 2, 4])
def test_a_small_pool_is_enough(opened: Opened, connections: int) -> None:
    pool = {"max_size": connections, "acquire_timeout_s": 2}
    with opened(store={"pool": pool}) as store:
        values = fill(store)
        assert store.rotate() == len(values)
        assert found_in(store) == values


async def test_awaited_forms(opened: Opened) -> None:
    store = opened()
    await store.aput(NOTES, "a", {"n": 1})
    assert await store.arotate() == 1
    assert await store.arewrap_keys() == 2
    assert await store.adestroy_keys("alice") == 2


def test_only_a_store_that_encrypts_has_keys(postgres_dsn: str, schema_name: str) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        for act in (store.rotate, store.rewrap_keys, lambda: store.destroy_keys("alice")):
            with pytest.raises(InvalidOperationError, match="does not encrypt"):
                act()


def test_a_new_key_encryption_key_takes_over_in_one_statement(opened: Opened) -> None:
    values = fill(opened())
    ring = opened(keys=[OTHER_KEY, KEY])
    statements = ring.stats().statements
    assert ring.rewrap_keys() == len(USERS)
    assert ring.stats().statements == statements + 2, "one reads, one writes"
    assert found_in(opened(keys=OTHER_KEY)) == values
    with pytest.raises(DecryptionError, match="add that key"):
        found_in(opened())


def test_nothing_of_a_user_opens_once_the_key_is_destroyed(opened: Opened) -> None:
    store = opened()
    values = fill(store)
    assert store.destroy_keys("alice") == 1
    for reader in (store, opened()):
        with pytest.raises(DecryptionError, match="its user was erased"):
            reader.get(NOTES, "0")
    for user in USERS[1:]:
        item = store.get(notes_of(user), "0")
        assert item is not None
        assert item.value["n"] == values[notes_of(user), "0"]


def test_a_key_in_memory_is_unwrapped_again_when_it_is_old_or_used_often(opened: Opened) -> None:
    for limit in ({"max_key_age_s": 0.000001}, {"max_key_uses": 1}):
        store = opened(**limit)
        store.put(NOTES, "a", {"n": 1})
        statements = store.stats().statements
        store.get(NOTES, "a")
        assert store.stats().statements == statements + 2
    store = opened()
    store.put(NOTES, "a", {"n": 1})
    statements = store.stats().statements
    store.get(NOTES, "a")
    assert store.stats().statements == statements + 1


@pytest.mark.parametrize("vacuum", [False, "full"])
async def test_erasing_a_user_destroys_the_data_key(
    opened: Opened, database: Database, vacuum: Any
) -> None:
    store = opened()
    fill(store)
    receipt = store.erase_user("alice", vacuum=vacuum)
    assert receipt.key_destroyed
    assert "data keys" in " ".join(remainder.place for remainder in receipt.remains)
    left = {row[0] for row in await database.run("SELECT user_id FROM {keys}.user_key")}
    assert left == set(USERS[1:])
    assert len(found_in(store)) == 30


def test_erasing_a_user_of_a_store_that_does_not_encrypt_destroys_no_key(
    postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        fill(store)
        assert store.erase_user("alice").key_destroyed is None
