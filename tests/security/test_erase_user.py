"""Erasing a person: everything goes in one transaction, and a tombstone refuses late writers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from psycopg import sql

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory, remember_conversation
from langgraph_agentstore.data_store import change_feed
from langgraph_agentstore.errors import (
    BatchError,
    InvalidOperationError,
    MissingSchemaError,
    UserErasedError,
    WatchLapsedError,
)
from langgraph_agentstore.security import Encryption, Limits, LocalKeys, Quotas
from langgraph_agentstore.sql.change_notify import digest_of
from langgraph_agentstore.sql.tables import USER_TABLES
from langgraph_agentstore.transfer import export, import_
from tests.conversations.talking import tell
from tests.isolation.test_erasing import leave_traces, rows_of
from tests.support.faults import dsn_of, execute, grant_items, start_script, wait_until
from tests.support.servers import TestServer

CONTROLS: dict[str, Any] = {"history": True, "quotas": Quotas(Limits(items=10_000))}
INDEX = {"dims": 3, "embed": DeterministicFakeEmbedding(size=3), "mode": "hybrid"}

UNUSED = {"item_read", "quarantined_item", "share"}
"""Tables of controls that the store of these tests does not have."""


@pytest.fixture
def indexed(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name, index=INDEX, **CONTROLS) as store:
        yield store


@pytest.fixture
def limited_role(fresh_database: str, schema_name: str) -> Iterator[str]:
    """A role that may read and write the tables of a store, and create nothing."""
    name = f"role_{schema_name}"
    AgentStore(fresh_database).setup()
    execute(fresh_database, "CREATE ROLE {} LOGIN", name)
    grant_items(fresh_database, name)
    yield name
    execute(fresh_database, "DROP OWNED BY {}", name)
    execute(fresh_database, "DROP ROLE {}", name)


def notes(user: str) -> tuple[str, ...]:
    return ("users", user, "notes")


def test_nothing_is_left_in_any_table_and_the_receipt_counts_what_went(
    indexed: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    _watches = [leave_traces(indexed, user) for user in ("ada", "bob")]
    before = rows_of(postgres_dsn, schema_name, "ada")
    assert all(n for table, n in before.items() if table not in UNUSED), (
        f"a table that holds nothing proves nothing: {before}"
    )

    receipt = indexed.erase_user("ada")

    assert set(rows_of(postgres_dsn, schema_name, "ada").values()) == {0}
    assert rows_of(postgres_dsn, schema_name, "bob") == before
    history = receipt.removed["item_history"] - before["item_history"]
    assert history == before["item"], "removing the items is history too, and goes with it"
    assert {**receipt.removed, "item_history": before["item_history"]} == before
    assert receipt.digest == digest_of("ada")


def test_the_list_of_tables_of_users_is_that_of_the_catalogue(
    indexed: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    found = set(rows_of(postgres_dsn, schema_name, "ada"))
    assert {table for table in found if not table.startswith("item_vector_")} == set(USER_TABLES)


def test_the_receipt_tells_where_something_remains_and_until_when(store: AgentStore) -> None:
    receipt = store.erase_user("ada")
    places = [remainder.place for remainder in receipt.remains]
    assert any("dead rows" in place for place in places)
    assert any("write-ahead log" in place for place in places)
    assert any(receipt.digest in place for place in places)
    assert any("on whose behalf" in place for place in places)
    assert receipt.as_dict()["remains"][0]["until"]
    assert "ada" not in str(receipt)


@pytest.mark.parametrize("user", ["ada", "bob"])
def test_what_was_shared_by_and_with_the_user_is_erased_and_exported(
    store: AgentStore, postgres_dsn: str, schema_name: str, tmp_path: Path, user: str
) -> None:
    for owner, other in (("ada", "bob"), ("cid", "dan")):
        store.share(("users", owner, "notes"), other, "read")
    export(store, tmp_path / "a.jsonl", user_id=user, everything=True)
    assert (tmp_path / "a.jsonl").read_text(encoding="utf-8").count('"table":"share"') == 1
    assert store.erase_user(user).removed["share"] == 1
    left = execute(postgres_dsn, "SELECT user_id, with_user FROM {}.share", schema_name)
    assert left == [("cid", "dan")]


LATE_WRITES: dict[str, Callable[[AgentStore], Any]] = {
    "put": lambda store: store.put(notes("ada"), "n", {"late": 1}),
    "put with expiry": lambda store: store.put(notes("ada"), "n", {"late": 1}, ttl=5),
    "put of a new item": lambda s: s.put(notes("ada"), "n", {"late": 1}, expected_version=0),
    "update": lambda store: store.update(notes("ada"), "n", lambda _: {"late": 1}),
    "load": lambda store: store.load([(notes("ada"), "n", {"late": 1})]),
    "view": lambda store: store.for_user("ada").put(("notes",), "n", {"late": 1}),
    "record": lambda store: DataStore(store, "ada", None).set("n", 1),
    "records": lambda store: DataStore(store, "ada", None).set_many({"n": 1, "m": 2}),
    "counter": lambda store: DataStore(store, "ada", None).increment("n"),
    "list": lambda store: DataStore(store, "ada", None).append("n", 1),
    "lock": lambda store: DataStore(store, "ada", None).lock("n").acquire(),
    "watch": lambda store: DataStore(store, "ada", None).watch(),
    "turn": lambda store: ConversationMemory(store, "ada").save_turn("late?", "late.", "t"),
}


@pytest.mark.parametrize("name", LATE_WRITES)
def test_a_late_write_is_refused(
    indexed: AgentStore, postgres_dsn: str, schema_name: str, name: str
) -> None:
    indexed.erase_user("ada")
    with pytest.raises(UserErasedError, match="readmit_user") as caught:
        LATE_WRITES[name](indexed)
    assert caught.value.digest == digest_of("ada")
    assert caught.value.erased_at is not None
    assert "ada" not in str(caught.value)
    assert set(rows_of(postgres_dsn, schema_name, "ada").values()) == {0}


def test_an_import_of_the_erased_user_is_refused(store: AgentStore, tmp_path: Path) -> None:
    store.put(notes("ada"), "n", {"n": 1})
    export(store, tmp_path / "all.jsonl")
    store.erase_user("ada")
    with pytest.raises(UserErasedError):
        import_(store, tmp_path / "all.jsonl")


def test_others_of_the_same_batch_are_written(store: AgentStore) -> None:
    store.erase_user("ada")

    async def write_all() -> list[object]:
        users = [f"user{n}" for n in range(300)]
        users[150] = "ada"
        puts = [store.aput(notes(user), "n", {"n": 1}) for user in users]
        return await asyncio.gather(*puts, return_exceptions=True)

    outcomes = asyncio.run(write_all())
    assert [n for n, outcome in enumerate(outcomes) if outcome is not None] == [150]
    assert isinstance(outcomes[150], UserErasedError)
    assert store.count() == 299


def test_a_batch_call_names_the_write_that_was_refused(store: AgentStore) -> None:
    from langgraph.store.base import PutOp

    store.erase_user("ada")
    puts = [PutOp(notes(user), "n", {"n": 1}) for user in ("bob", "ada", "cid")]
    with pytest.raises((BatchError, UserErasedError)):
        store.batch(puts)
    assert store.count() == 2


def test_another_store_that_was_open_before_is_refused_too(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as other:
        other.put(notes("ada"), "n", {"n": 1})
        store.erase_user("ada")
        with pytest.raises(UserErasedError):
            other.put(notes("ada"), "n", {"n": 2})


def test_plain_sql_is_refused_too(store: AgentStore, postgres_dsn: str, schema_name: str) -> None:
    store.erase_user("ada")
    insert = (
        "INSERT INTO {}.item (user_id, namespace, key, value, created_at, updated_at, place)"
        " VALUES ('ada', 'n', 'k', '1', now(), now(), 'n')"
    )
    with pytest.raises(psycopg.Error, match="was erased") as caught:
        execute(postgres_dsn, insert, schema_name)
    assert caught.value.sqlstate == "AGE01"


def test_erasing_again_is_no_error_and_readmitting_admits_the_person(store: AgentStore) -> None:
    store.put(notes("ada"), "n", {"n": 1})
    assert store.erase_user("ada").removed["item"] == 1
    assert store.erase_user("ada").removed["item"] == 0
    assert asyncio.run(store.areadmit_user("ada"))
    assert not store.readmit_user("ada")
    store.put(notes("ada"), "n", {"n": 2})
    assert store.get(notes("ada"), "n") is not None


def test_a_store_on_which_nobody_was_erased_has_no_trigger(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    triggers = (
        "SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE c.relnamespace = %(schema)s::regnamespace AND NOT t.tgisinternal"
    )
    store.put(notes("ada"), "n", {"n": 1})
    assert execute(postgres_dsn, triggers, schema=schema_name) == [(0,)]
    store.erase_user("bob")
    assert execute(postgres_dsn, triggers, schema=schema_name)[0][0] > 0


@pytest.mark.parametrize("values", ["'new'", "'old'"], ids=["insert", "replacement"])
def test_a_write_in_flight_is_awaited_and_erased(
    store: AgentStore, postgres_dsn: str, schema_name: str, values: str
) -> None:
    store.put(notes("ada"), "old", {"n": 1})
    store.erase_user("somebody")  # the triggers are there
    insert = sql.SQL(
        "INSERT INTO {}.item (user_id, namespace, key, value, created_at, updated_at, place)"
        " VALUES ('ada', 'notes', {}, '2', now(), now(), 'notes')"
        " ON CONFLICT (user_id, namespace, key) DO UPDATE SET value = '2'"
    ).format(sql.Identifier(schema_name), sql.SQL(values))
    with psycopg.connect(postgres_dsn) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute(insert)
        erasing = pool.submit(store.erase_user, "ada")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_until(lambda: execute(postgres_dsn, waits)[0][0] > 0)
        assert not erasing.done()
        writer.commit()
        erasing.result(timeout=20)
    assert rows_of(postgres_dsn, schema_name, "ada")["item"] == 0


def test_reads_that_are_counted_late_leave_no_count(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    # As a count whose statement read the item just before it was removed.
    store.erase_user("ada")
    execute(
        postgres_dsn,
        "INSERT INTO {}.item_access VALUES ('ada', 'default', 'n', now(), 1, now(), ''),"
        " ('bob', 'default', 'm', now(), 1, now(), '')",
        schema_name,
    )
    assert rows_of(postgres_dsn, schema_name, "ada")["item_access"] == 0
    assert rows_of(postgres_dsn, schema_name, "bob")["item_access"] == 1


def test_a_role_without_the_rights_is_told_what_the_owner_must_run(
    fresh_database: str, limited_role: str
) -> None:
    with AgentStore(dsn_of(fresh_database, user=limited_role)) as store:
        store.put(notes("ada"), "n", {"n": 1})
        with pytest.raises(MissingSchemaError, match="may not create triggers") as caught:
            store.erase_user("ada")
        assert store.count() == 1
        execute(fresh_database, caught.value.sql)
        assert store.erase_user("ada", vacuum=True).vacuumed is False
        with pytest.raises(UserErasedError):
            store.put(notes("ada"), "n", {"n": 1})


def test_an_unknown_kind_of_vacuum_is_refused_before_anything_is_erased(
    store: AgentStore,
) -> None:
    store.put(notes("ada"), "n", {"n": 1})
    with pytest.raises(InvalidOperationError, match="'full'"):
        store.erase_user("ada", vacuum="all")  # type: ignore[arg-type]
    assert store.count() == 1


def test_the_data_key_is_destroyed_and_a_late_writer_makes_none(
    postgres_dsn: str, schema_name: str
) -> None:
    encryption = Encryption(LocalKeys(LocalKeys.generate_key()))
    with AgentStore(postgres_dsn, schema=schema_name, encryption=encryption) as store:
        for user in ("ada", "bob"):
            store.put(notes(user), "n", {"n": 1})
        assert store.erase_user("ada").key_destroyed is True
        assert store.erase_user("nobody").key_destroyed is None
        with pytest.raises(UserErasedError):
            store.put(notes("ada"), "n", {"n": 1})
        assert store.get(notes("bob"), "n") is not None
        assert store.erase_user("cid", vacuum="full").vacuumed == "full"
    keys = "SELECT user_id FROM {}.user_key"
    assert execute(postgres_dsn, keys, f"{schema_name}_keys") == [("bob",)]


_WRITER = """
import asyncio, sys
from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import UserErasedError
store = AgentStore(sys.argv[1], schema=sys.argv[2])
async def main():
    n = refused = others = 0
    while refused < 20:
        n += 1
        outcomes = await asyncio.gather(
            *[store.aput(("users", user, "late"), f"late{n}", {"text": f"of {user}: {n}"})
              for user in ("zaphod-beeblebrox", "ford")],
            return_exceptions=True,
        )
        if n == 3:
            print("ready", flush=True)
        refused += isinstance(outcomes[0], UserErasedError)
        assert outcomes[1] is None, outcomes
        assert outcomes[0] is None or isinstance(outcomes[0], UserErasedError), outcomes
asyncio.run(main())
store.close()
print("refused", flush=True)
"""


def occurrences(folder: Path, text: bytes) -> list[str]:
    """The files of the server's tables and catalogues in which a text stands."""
    files = [path for part in ("base", "global") for path in (folder / part).rglob("*")]
    return [str(path) for path in files if path.is_file() and text in path.read_bytes()]


def test_a_person_is_erased_while_a_saver_a_watcher_and_another_process_are_at_work(
    disposable_server: TestServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(change_feed, "RENEW_S", 0.0)
    user, secret = "zaphod-beeblebrox", "the-password-is-xyzzy-42"
    dsn, data_folder = disposable_server.dsn, disposable_server.data
    lapsed: list[BaseException] = []
    stop = threading.Event()
    with AgentStore(dsn, schema="erasing", index=INDEX, history=True) as store:
        remember = remember_conversation(store, user_id=user)
        watch = DataStore(store, user, None).watch(timeout_s=30)

        def follow() -> None:
            try:
                for _ in watch:
                    pass
            except WatchLapsedError as error:
                lapsed.append(error)

        def talk() -> None:
            for n in range(10_000):
                if stop.is_set():
                    return
                tell(remember, f"thread{n % 3}", f"{secret} {n}?", user)
                stop.wait(0.002)

        threads = [threading.Thread(target=follow), threading.Thread(target=talk)]
        leave_traces(store, user)
        store.put(("users", user, "notes"), "secret", {"text": secret})
        process = start_script(_WRITER, dsn, "erasing")
        for thread in threads:
            thread.start()
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        wait_until(lambda: remember.stats().saved > 20)
        execute(dsn, "ANALYZE")  # the planner's statistics know the user too
        execute(dsn, "CHECKPOINT")
        assert occurrences(data_folder, user.encode())

        receipt = store.erase_user(user)

        wait_until(lambda: remember.stats().lost > 0)
        printed, complaints = process.communicate(timeout=60)
        assert (process.returncode, printed, complaints) == (0, "refused\n", "")
        stop.set()
        for thread in threads:
            thread.join(30)
        wait_until(lambda: remember.stats().waiting == 0)  # a refused write leaves dead rows
        assert lapsed
        assert receipt.removed["item"] > 20
        assert store.erase_user(user, vacuum="full").vacuumed == "full"
        assert set(rows_of(dsn, "erasing", user).values()) == {0}
        assert store.for_user("ford").count() > 0
        export(store, tmp_path / "all.jsonl")
        text = (tmp_path / "all.jsonl").read_bytes()
        assert b"ford" in text
        assert user.encode() not in text
        assert secret.encode() not in text
    execute(dsn, "CHECKPOINT")
    assert occurrences(data_folder, user.encode()) == []
    assert occurrences(data_folder, secret.encode()) == []
