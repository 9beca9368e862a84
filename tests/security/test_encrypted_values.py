"""Values in a store that encrypts: what stands in the tables, and what is refused."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from langgraph.store.base import GetOp, PutOp, SearchOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import DecryptionError, InvalidFilterError
from langgraph_agentstore.security import Encryption
from tests.support.encrypted import KEY, OTHER_KEY, Database, Opened

NOTES = ("users", "alice", "notes")
VALUE = {"text": "the cat purrs", "n": [1, 2.5, None, {"ä": True}], "kind": "note"}


def test_a_value_comes_back_as_it_was_put(opened: Opened) -> None:
    store = opened()
    store.put(NOTES, "a", VALUE)
    item = store.get(NOTES, "a")
    assert item is not None
    assert item.value == VALUE


async def test_no_row_holds_the_text_or_a_field_name(opened: Opened, database: Database) -> None:
    await opened().aput(NOTES, "a", VALUE)
    [(row,)] = await database.run("SELECT i::text FROM {schema}.item i")
    assert "cat" not in row
    assert "kind" not in row


@pytest.mark.parametrize("value", [{}, {"$sealed": "x"}, {"a": {"$sealed": 1}}, {"f": 2.0**60}])
def test_any_value_is_sealed_and_opened(opened: Opened, value: dict[str, Any]) -> None:
    for store in (opened(), opened(fields=["a"])):
        store.put(NOTES, "a", value)
        item = store.get(NOTES, "a")
        assert item is not None
        assert item.value == value


def test_another_process_reads_it_by_the_stored_key(opened: Opened) -> None:
    opened().put(NOTES, "a", VALUE)
    item = opened().get(NOTES, "a")
    assert item is not None
    assert item.value == VALUE


def test_a_store_without_keys_warns_that_values_stay_encrypted(
    opened: Opened, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    opened().put(NOTES, "a", VALUE)
    assert "is used with encryption" not in caplog.text
    with AgentStore(database.dsn, schema=database.schema) as store:
        item = store.get(NOTES, "a")
    assert item is not None
    assert list(item.value) == ["$sealed"]
    assert "is used with encryption, and this store is made without encryption=" in caplog.text


def test_every_read_opens(opened: Opened) -> None:
    store = opened()
    store.batch([PutOp(NOTES, key, {"key": key}) for key in "abc"])
    keys = {"a", "b", "c"}
    gotten = store.batch([GetOp(NOTES, key) for key in "abc"])
    assert [item.value["key"] for item in gotten] == ["a", "b", "c"]  # type: ignore[union-attr]
    for prefix in (NOTES, ("users", "alice"), ("users",), ()):
        assert {item.value["key"] for item in store.search(prefix)} == keys
    found: Any = store.batch([SearchOp(NOTES), SearchOp(("users", "bob"))])
    assert [len(each) for each in found] == [3, 0]
    assert {item.value["key"] for item in store.iter_items()} == keys
    record = store.get_record(NOTES, "b")
    assert record is not None
    assert record.value == {"key": "b"}


def test_fields_that_are_not_named_stay_clear_and_are_filtered_by(opened: Opened) -> None:
    store = opened(fields=["text"])
    store.put(NOTES, "a", VALUE)
    store.put(NOTES, "b", {**VALUE, "kind": "other"})
    [found] = store.search(NOTES, filter={"kind": "note"})
    assert found.value == VALUE


async def test_named_fields_are_encrypted(opened: Opened, database: Database) -> None:
    await opened(fields=["text"]).aput(NOTES, "a", VALUE)
    [(row,)] = await database.run("SELECT i.value::text FROM {schema}.item i")
    assert "cat" not in row
    assert '"kind": "note"' in row


@pytest.mark.parametrize(
    "filter",
    [{"text": "x"}, {"text.in": 1}, {"$or": [{"kind": 1}, {"$not": {"text": {"$gt": "a"}}}]}],
)
def test_a_filter_on_an_encrypted_field_is_refused(opened: Opened, filter: dict[str, Any]) -> None:
    store = opened(fields=["text"])
    for read in (store.search, store.count):
        with pytest.raises(InvalidFilterError, match=r"'text.*' is encrypted"):
            read(NOTES, filter=filter)


def test_a_store_that_encrypts_whole_values_refuses_every_filter(opened: Opened) -> None:
    with pytest.raises(InvalidFilterError, match="'kind' is encrypted"):
        opened().search(NOTES, filter={"kind": "note"})


async def test_a_clear_row_is_an_error_that_names_the_item(
    opened: Opened, postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as clear:
        clear.put(NOTES, "old", VALUE)
    with pytest.raises(DecryptionError, match=r"key 'old' of namespace .*without encryption") as e:
        opened().get(NOTES, "old")
    assert "cat" not in str(e.value)
    item = opened(read_plaintext=True).get(NOTES, "old")
    assert item is not None
    assert item.value == VALUE


async def test_a_token_that_was_taken_off_is_noticed(opened: Opened, database: Database) -> None:
    store = opened(fields=["text"])
    await store.aput(NOTES, "a", VALUE)
    await database.run("UPDATE {schema}.item SET value = value - '$sealed'")
    with pytest.raises(DecryptionError, match="without encryption"):
        await store.aget(NOTES, "a")


async def test_a_clear_field_put_beside_a_token_is_noticed(
    opened: Opened, database: Database
) -> None:
    for store in (opened(fields=["text"]), opened()):
        await store.aput(NOTES, "a", VALUE)
        await database.run("""UPDATE {schema}.item SET value = value || '{"text": "forged"}'""")
        with pytest.raises(DecryptionError, match="'text' without encryption"):
            await store.aget(NOTES, "a")


MOVES = {
    "another key": "UPDATE {schema}.item SET key = 'b'",
    "another namespace": "UPDATE {schema}.item SET namespace = 'other', place = 'other'",
    "another user": "UPDATE {schema}.item SET user_id = 'bob'",
}


@pytest.mark.parametrize("move", MOVES)
async def test_a_value_moved_elsewhere_does_not_open(
    opened: Opened, database: Database, move: str
) -> None:
    store = opened()
    await store.aput(("users", "bob", "notes"), "own", {"text": "bob has a key too"})
    await store.adelete(("users", "bob", "notes"), "own")
    await store.aput(NOTES, "a", VALUE)
    await database.run(MOVES[move])
    with pytest.raises(DecryptionError, match="altered, or encrypted for another place") as error:
        [item async for item in store.aiter_items()]
    assert "cat" not in str(error.value)


async def test_values_of_two_users_that_were_swapped_do_not_open(
    opened: Opened, database: Database
) -> None:
    store = opened()
    for user in ("alice", "bob"):
        await store.aput(("users", user, "notes"), "a", {"of": user})
    await database.run(
        "UPDATE {schema}.item i SET value = o.value FROM {schema}.item o"
        " WHERE o.user_id <> i.user_id"
    )
    for user in ("alice", "bob"):
        with pytest.raises(DecryptionError):
            await store.aget(("users", user, "notes"), "a")


async def test_a_key_renamed_to_another_user_does_not_unwrap(
    opened: Opened, database: Database
) -> None:
    await opened().aput(NOTES, "a", VALUE)
    await database.run("UPDATE {schema}.item SET user_id = 'bob'")
    await database.run("UPDATE {keys}.user_key SET user_id = 'bob'")
    with pytest.raises(DecryptionError, match="wrapped data key was altered, or moved"):
        await opened().aget(("users", "bob", "notes"), "a")


async def test_a_copy_in_another_schema_does_not_open(
    opened: Opened, database: Database, postgres_dsn: str
) -> None:
    await opened().aput(NOTES, "a", VALUE)
    for kind, there in (("", f"{database.schema}b"), ("_keys", f"{database.schema}b_keys")):
        await database.run(f'ALTER SCHEMA "{database.schema}{kind}" RENAME TO "{there}"')
    with pytest.raises(DecryptionError):
        await opened(store={"schema": f"{database.schema}b"}).aget(NOTES, "a")


@pytest.mark.parametrize("how", ["cut", "altered", "lengthened", "of another kind"])
async def test_an_altered_token_does_not_open(opened: Opened, database: Database, how: str) -> None:
    store = opened()
    await store.aput(NOTES, "a", VALUE)
    [(token,)] = await database.run("SELECT value->>'$sealed' FROM {schema}.item")
    altered = {
        "cut": token[:-4],
        "altered": token[:-3] + ("A" if token[-3] != "A" else "B") + token[-2:],
        "lengthened": token + "AAAA",
        "of another kind": token.replace(".w.", ".f."),
    }[how]
    await database.run(
        "UPDATE {schema}.item SET value = jsonb_build_object('$sealed', $1::text)", altered
    )
    with pytest.raises(DecryptionError, match=r"key 'a' .*altered"):
        await store.aget(NOTES, "a")


async def test_a_token_of_an_older_backup_does_not_open_after_its_key_is_gone(
    opened: Opened, database: Database
) -> None:
    store = opened()
    await store.aput(NOTES, "a", VALUE)
    await database.run("DELETE FROM {keys}.user_key")
    with pytest.raises(DecryptionError, match="not in the table user_key"):
        await opened().aget(NOTES, "a")


def test_another_key_ring_opens_nothing(opened: Opened) -> None:
    opened().put(NOTES, "a", VALUE)
    with pytest.raises(DecryptionError, match="add that key to the ring"):
        opened(keys=OTHER_KEY).get(NOTES, "a")
    item = opened(keys=[OTHER_KEY, KEY]).get(NOTES, "a")
    assert item is not None
    assert item.value == VALUE


async def test_of_a_batch_only_the_damaged_items_fail(opened: Opened, database: Database) -> None:
    store = opened()
    store.batch([PutOp(NOTES, str(n), {"n": n}) for n in range(20)])
    await database.run("UPDATE {schema}.item SET value = '{}' WHERE key = '7'")
    gotten = store.batch([GetOp(NOTES, str(n)) for n in range(20) if n != 7])
    assert [item.value["n"] for item in gotten] == [n for n in range(20) if n != 7]  # type: ignore[union-attr]
    with pytest.raises(DecryptionError, match="key '7'"):
        store.batch([GetOp(NOTES, str(n)) for n in range(20)])


def test_writers_who_race_share_one_key(opened: Opened) -> None:
    stores = [opened() for _ in range(4)]
    for n, store in enumerate(stores):
        store.put(NOTES, str(n), {"n": n})
    for store in stores:
        assert {item.value["n"] for item in store.search(NOTES)} == {0, 1, 2, 3}


def test_neither_repr_nor_error_shows_a_key() -> None:
    assert KEY not in repr(Encryption(KEY))
    assert KEY not in repr(Encryption(KEY).provider)


async def test_a_store_without_encryption_makes_no_schema_of_keys(
    database: Database, postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        store.put(NOTES, "a", VALUE)
    assert not await database.run(
        "SELECT FROM pg_namespace WHERE nspname = $1", f"{schema_name}_keys"
    )


@pytest.mark.parametrize("fields", [None, ["email", "text"]])
async def test_a_blind_index_finds_equal_values_of_one_user(
    opened: Opened, database: Database, fields: list[str] | None
) -> None:
    options = {"fields": fields, "equality": ["email"], "equality_key": OTHER_KEY}
    store = opened(**options)
    for key, email in {"a": "ann@x", "b": "bob@x", "c": "ann@x", "d": 7, "e": [1]}.items():
        await store.aput(NOTES, key, {"email": email, "text": key})
    await store.aput(("users", "bob", "notes"), "a", {"email": "ann@x"})
    for reader in (store, opened(**options)):
        found = reader.search(NOTES, filter={"email": "ann@x"})
        assert {item.key: item.value["email"] for item in found} == {"a": "ann@x", "c": "ann@x"}
        assert [item.key for item in reader.search(NOTES, filter={"email": 7.0})] == ["d"]
        assert reader.count(NOTES, {"$not": {"email": {"$in": ["ann@x", "bob@x"]}}}) == 2
        assert reader.for_user("bob").count((), {"email": "ann@x"}) == 1
    rows = await database.run("SELECT user_id, value->'$equal'->>'email' FROM {schema}.item")
    hashes = {user: {row[1] for row in rows if row[0] == user} for user in ("alice", "bob")}
    assert not hashes["alice"] & hashes["bob"], "equal values of two users cannot be told"
    assert not [row for row in rows if "ann" in str(row[1])]
    await store.arotate()
    assert store.count(NOTES, {"email": "ann@x"}) == 2


async def test_the_script_of_the_set_up_creates_the_tables_of_keys_too(
    opened: Opened, database: Database, postgres_dsn: str
) -> None:
    store = AgentStore(postgres_dsn, schema=database.schema, encryption=Encryption(KEY))
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(store.setup_sql().encode())
    store.close()
    assert await database.run("SELECT FROM {keys}.user_key") == []
    opened().put(NOTES, "a", VALUE)
