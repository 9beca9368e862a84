"""Records as documents: what a file says is imported as it was, or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conformance.facts.hostile import TEXTS
from langgraph_agentstore.data_store import DataStoreAdministration, DataStoreRecord
from langgraph_agentstore.errors import (
    AgentStoreError,
    DamagedFileError,
    InvalidValueError,
    VersionConflictError,
)
from langgraph_agentstore.transfer import export, import_
from langgraph_agentstore.transfer.store_writer import BATCH_RECORDS
from tests.support.embedders import CountingEmbedder
from tests.support.faults import execute, locked_rows, start_script, wait_until
from tests.transfer.moved_stores import DOCUMENT

VALUES: dict[str, Any] = {
    "object": {"n": 1, "deep": [{"a": [None, True]}]},
    "null": None,
    "false": False,
    "zero": 0,
    "empty text": "",
    "empty list": [],
    "empty object": {},
    "smallest": -(2**63),
    "largest": 2**64 - 1,
    "float": 0.1,
    "whole float": 2.0**63,
    "tiny": 5e-324,
    "text": "é 👩‍👩‍👧 \u2028 \\u0000 </script>",
}


@pytest.fixture
def admin(store: AgentStore) -> DataStoreAdministration:
    return DataStoreAdministration(store)


FileOf = Callable[[Iterable[Any]], Path]


@pytest.fixture
def file_of(tmp_path: Path) -> FileOf:
    """Writes documents to a file, as another program would."""

    def write(documents: Iterable[Any]) -> Path:
        path = tmp_path / "documents.json"
        path.write_text("\n".join(map(json.dumps, documents)), "utf-8")
        return path

    return write


@pytest.fixture
def filled(store: AgentStore) -> AgentStore:
    """Every kind of value and name, with metadata, reads, an expiry, several versions."""
    scout = DataStore(store, "ann", "scout", "files:repo")
    scout.set_many(VALUES, {"kind": "value"})
    scout.set("twice", 1)
    scout.set("twice", 2)
    scout.set("expires", 1, ttl=90.5)
    DataStore(store, "ann", "reader", "files:repo").get_many(["null", "null", "twice"])
    for number, text in enumerate(TEXTS.values()):
        DataStore(store, text, text, text).set(text, {"n": number}, {text: text})
    store.put(("users", "ann", "a:b"), "odd", {"n": 2})
    store.put(("users", "ann"), "root", {"n": 3})
    store.put(("docs", "a:b"), "shared", {"n": 4})
    return store


def everything(store: AgentStore) -> list[DataStoreRecord]:
    return list(DataStoreAdministration(store).records())


def document(**fields: Any) -> dict[str, Any]:
    """A document whose `_id` is left out, with other fields."""
    merged = {**DOCUMENT, **fields}
    del merged["_id"]
    return merged


def numbered(count: int) -> Iterator[dict[str, Any]]:
    return (document(key=f"k{n:05}") for n in range(count))


# There and back


def test_what_is_exported_is_imported_as_it_was(
    filled: AgentStore, other: AgentStore, tmp_path: Path
) -> None:
    count = export(filled, tmp_path / "x.json").records
    assert import_(other, tmp_path / "x.json") == count
    assert everything(other) == everything(filled)
    admin, another = DataStoreAdministration(filled), DataStoreAdministration(other)
    assert [one.labels for one in another.namespaces()] == [
        one.labels for one in admin.namespaces()
    ]
    assert another.most_accessed(limit=None) == admin.most_accessed(limit=None)


def test_types_of_values_survive_the_way(
    filled: AgentStore, other: AgentStore, tmp_path: Path
) -> None:
    export(filled, tmp_path / "x.json", user_id="ann", prefix=("files", "repo"))
    import_(other, tmp_path / "x.json")
    found = {record.key: record.value for record in everything(other)}
    assert {key: (type(found[key]), found[key]) for key in VALUES} == {
        key: (type(value), value) for key, value in VALUES.items()
    }


def test_the_ttl_comes_along_so_that_later_writes_expire_too(
    filled: AgentStore, other: AgentStore, postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    # As reads through LangGraph move it: the TTL is then not what lies between the two times.
    execute(postgres_dsn, "UPDATE {}.item SET expires_at = expires_at + ttl", schema_name)
    export(filled, tmp_path / "x.json")
    import_(other, tmp_path / "x.json")
    ttls = [
        execute(postgres_dsn, "SELECT key, ttl FROM {}.item WHERE ttl IS NOT NULL", schema)
        for schema in (schema_name, f"{schema_name}_other")
    ]
    assert len(ttls[0]) == 1
    assert ttls[0] == ttls[1]


@pytest.mark.parametrize("text", ["[]", "", " \n"])
def test_nothing_is_imported_of_nothing(store: AgentStore, tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    assert import_(store, tmp_path / "x.json", foreign=True) == 0


def test_records_are_imported_as_another_users(
    filled: AgentStore, admin: DataStoreAdministration, tmp_path: Path
) -> None:
    export(filled, tmp_path / "x.json", user_id="ann")
    import_(filled.for_user("copy"), tmp_path / "x.json")
    copied = [record.model_copy(update={"user_id": "ann"}) for record in admin.records("copy")]
    assert copied == list(admin.records("ann"))


def test_more_than_a_batch_is_imported_whole(
    store: AgentStore, admin: DataStoreAdministration, file_of: FileOf
) -> None:
    count = 2 * BATCH_RECORDS + 1
    assert import_(store, file_of(numbered(count)), foreign=True) == count
    assert admin.users()[0].records == count


def test_a_path_keeps_its_old_file_if_the_store_fails(filled: AgentStore, tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text("before")
    filled.close()
    with pytest.raises(AgentStoreError):
        export(filled, path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


# What is there already


def test_fail_writes_nothing_at_all_if_one_is_there(store: AgentStore, file_of: FileOf) -> None:
    count = 2 * BATCH_RECORDS
    DataStore(store, "ann", "scout", "files:repo").set(f"k{count - 1:05}", "mine")
    with pytest.raises(VersionConflictError, match=f"'k{count - 1:05}'.*nothing of the file was"):
        import_(store, file_of(numbered(count)), foreign=True, on_conflict="fail")
    [record] = everything(store)
    assert record.value == "mine"


def test_skip_leaves_what_is_there_and_writes_the_rest(
    store: AgentStore, admin: DataStoreAdministration, file_of: FileOf
) -> None:
    DataStore(store, "ann", "scout", "files:repo").set("k00001", "mine", {"m": 1})
    assert import_(store, file_of(numbered(3)), foreign=True, on_conflict="skip") == 2
    record = admin.record("ann", "files:repo", "k00001")
    assert record is not None
    assert (record.value, record.metadata, record.version) == ("mine", {"m": 1}, 1)


def test_upsert_replaces_metadata_author_times_and_counts(
    store: AgentStore, admin: DataStoreAdministration, file_of: FileOf
) -> None:
    mine = DataStore(store, "ann", "mine", "files:repo")
    mine.set("a", "mine", {"m": 1})
    mine.get_many(["a"] * 9)
    import_(store, file_of([DOCUMENT]), foreign=True)
    record = admin.record("ann", "files:repo", "a")
    expected = DataStoreRecord.model_validate({**document(), "version": 2})
    assert record == expected


def test_counts_of_a_record_without_accesses_are_forgotten(
    store: AgentStore, admin: DataStoreAdministration, file_of: FileOf
) -> None:
    records = DataStore(store, "ann", "mine", "files:repo")
    records.set("a", 1)
    records.get("a")
    before = admin.record("ann", "files:repo", "a")
    assert before is not None
    plain = {**before.document(), "accessCount": 0}
    plain["lastAccessedAt"] = plain["lastAccessedByAgent"] = None
    import_(store, file_of([plain]), foreign=True)
    assert admin.recently_accessed() == []


def test_a_version_never_means_two_values(store: AgentStore, file_of: FileOf) -> None:
    records = DataStore(store, "ann", "mine", "files:repo")
    for n in range(5):
        records.set("a", n)
    import_(store, file_of([document(version=3)]), foreign=True)
    import_(store, file_of([document(version=50, key="b")]), foreign=True, on_conflict="fail")
    found = {record.key: record.version for record in everything(store)}
    assert found == {"a": 6, "b": 50}


@pytest.mark.parametrize("on_conflict", ["fail", "skip", "upsert"])
def test_an_expired_record_counts_as_absent(
    store: AgentStore, file_of: FileOf, postgres_dsn: str, schema_name: str, on_conflict: Any
) -> None:
    DataStore(store, "ann", "mine", "files:repo").set("a", 1, ttl=5)
    execute(postgres_dsn, "UPDATE {}.item SET expires_at = now()", schema_name)
    assert import_(store, file_of([DOCUMENT]), foreign=True, on_conflict=on_conflict) == 1
    [record] = everything(store)
    assert (record.created_by_agent, record.expires_at) == ("scout", None)


def test_of_one_record_twice_the_conflict_decides_too(store: AgentStore, file_of: FileOf) -> None:
    path = file_of([document(value=1), document(value=2)])
    with pytest.raises(VersionConflictError, match=r"document 2: .*in the file twice"):
        import_(store, path, foreign=True, on_conflict="fail")
    assert everything(store) == []
    assert import_(store, path, foreign=True, on_conflict="skip") == 1
    assert [record.value for record in everything(store)] == [1]
    import_(store, path, foreign=True, on_conflict="upsert")
    assert [record.value for record in everything(store)] == [2]


_IMPORTER = """
import sys
from langgraph_agentstore import AgentStore
from langgraph_agentstore.transfer import import_

def tell(done):
    print("begun", flush=True)
    sys.stdin.read()

store = AgentStore(sys.argv[1], schema=sys.argv[2])
import_(store, sys.argv[3], foreign=True, on_conflict="fail", progress=tell)
"""


def test_a_killed_import_that_was_to_fail_leaves_nothing(
    store: AgentStore, file_of: FileOf, postgres_dsn: str, schema_name: str
) -> None:
    arguments = (postgres_dsn, schema_name, str(file_of(numbered(2 * BATCH_RECORDS))))
    with start_script(_IMPORTER, *arguments) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "begun"
        process.kill()
    assert everything(store) == []
    assert import_(store, file_of(numbered(1)), foreign=True, on_conflict="fail") == 1


def test_of_two_imports_at_once_that_may_meet_nothing_one_is_whole(
    store: AgentStore, admin: DataStoreAdministration, file_of: FileOf
) -> None:
    def begin_the_other(done: int) -> None:
        if done == BATCH_RECORDS:
            other.start()  # it meets the first batch, which is written and not yet seen

    def import_too() -> None:
        try:
            import_(store, path, foreign=True, on_conflict="fail")
        except VersionConflictError as error:
            refused.append(error)

    refused: list[VersionConflictError] = []
    path = file_of(numbered(BATCH_RECORDS + 1))
    other = threading.Thread(target=import_too)
    written = import_(store, path, foreign=True, on_conflict="fail", progress=begin_the_other)
    other.join()
    assert written == admin.users()[0].records == BATCH_RECORDS + 1
    assert len(refused) == 1


def test_an_import_waits_for_a_locked_record_turn_by_turn(
    store: AgentStore,
    admin: DataStoreAdministration,
    file_of: FileOf,
    postgres_dsn: str,
    schema_name: str,
) -> None:
    def waited_twice() -> bool:
        rows = execute(
            postgres_dsn,
            "SELECT query_start FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND query LIKE %(schema)s",
            schema=f'%"{schema_name}".item%',
        )
        begun.update(rows)
        return len(begun) >= 2

    def import_it() -> None:
        try:
            import_(store, path, foreign=True, on_conflict="fail")
        except AgentStoreError as error:
            raised.append(error)

    begun: set[Any] = set()
    raised: list[AgentStoreError] = []
    path = file_of(numbered(BATCH_RECORDS))
    DataStore(store, "ann", "scout", "files:repo").set("k00007", "mine")
    importing = threading.Thread(target=import_it)
    with locked_rows(postgres_dsn, schema_name, "k00007"):
        importing.start()
        wait_until(waited_twice)
    importing.join()
    [error] = raised
    assert str(error).startswith("key 'k00007' in ('users', 'ann', 'files', 'repo') is there")
    assert admin.users()[0].records == 1


def test_one_connection_is_enough_to_import(
    postgres_dsn: str, schema_name: str, file_of: FileOf
) -> None:
    count = BATCH_RECORDS + 1
    with AgentStore(postgres_dsn, schema=schema_name, pool={"max_size": 1}) as store:
        path = file_of(numbered(count))
        assert import_(store, path, foreign=True, on_conflict="fail") == count
        with pytest.raises(VersionConflictError):
            import_(store, path, foreign=True, on_conflict="fail")
        assert store.count() == count


def test_a_file_that_is_missing_is_the_callers_error_and_holds_no_connection(
    store: AgentStore, tmp_path: Path
) -> None:
    for _ in range(10):  # more often than the pool has connections
        with pytest.raises(FileNotFoundError):
            import_(store, tmp_path / "missing.json", on_conflict="fail")
    assert everything(store) == []


# Documents of the original


def test_a_document_of_the_original_keeps_all_it_says(store: AgentStore, file_of: FileOf) -> None:
    import_(store, file_of([DOCUMENT]), foreign=True)
    [record] = everything(store)
    assert record.document() == {
        **DOCUMENT,
        "createdAt": "2024-01-02T03:04:05.678901+00:00",
        "updatedAt": "2024-01-03T03:04:05+00:00",
        "lastAccessedAt": "2024-01-04T03:04:05+00:00",
        "expiresAt": None,
        "version": 1,
    }


def test_what_the_original_may_leave_empty_may_be_empty(store: AgentStore, file_of: FileOf) -> None:
    sparse = document(metadata=None, accessCount=None, lastAccessedByAgent=None)
    del sparse["createdByAgent"], sparse["lastAccessedAt"]
    import_(store, file_of([sparse]), foreign=True)
    [record] = everything(store)
    assert (record.metadata, record.created_by_agent, record.access_count) == ({}, None, 0)
    assert record.last_accessed_at is None


def test_a_count_without_a_reader_is_kept_as_an_unknown_ones(
    store: AgentStore, admin: DataStoreAdministration, file_of: FileOf
) -> None:
    unread = document(lastAccessedAt=None, lastAccessedByAgent=None)
    import_(store, file_of([unread]), foreign=True)
    [found] = admin.most_accessed()
    assert (found.access_count, found.last_accessed_by_agent) == (3, "unknown")


def test_an_expiry_without_a_ttl_lasts_as_long_again_after_a_write(
    store: AgentStore, file_of: FileOf
) -> None:
    expiring = document(value=1, expiresAt="2124-01-03T03:04:05Z")
    import_(store, file_of([expiring]), foreign=True)
    records = DataStore(store, "ann", "scout", "files:repo")
    assert records.increment("a") == 2
    record = records.record("a")
    assert record is not None
    assert record.expires_at is not None
    assert record.expires_at > record.updated_at


# Altered documents


ALTERED: dict[str, Any] = {
    "no object": ["a list"],
    "no value": {key: value for key, value in DOCUMENT.items() if key != "value"},
    "no user": {key: value for key, value in DOCUMENT.items() if key != "userId"},
    "an empty user": document(userId=""),
    "a user of another type": document(userId=5),
    "another key than the id says": {**DOCUMENT, "key": "b"},
    "another user than the id says": {**DOCUMENT, "userId": "bob"},
    "an id of another type": {**DOCUMENT, "_id": {"$oid": "1"}},
    "an empty key": document(key=""),
    "a key too long": document(key="k" * 3000),
    "a key with NUL": document(key="a\x00"),
    "a number as key": document(key=5),
    "an empty namespace": document(namespace=""),
    "a time that is none": document(createdAt="yesterday"),
    "a number as time": document(createdAt=1700000000),
    "a time before all": document(createdAt="0001-01-01T00:00:00+14:00"),
    "no time": document(updatedAt=None),
    "a negative count": document(accessCount=-1),
    "a text as count": document(accessCount="3"),
    "a count beyond 64 bits": document(accessCount=2**80),
    "version 0": document(version=0),
    "metadata that is a list": document(metadata=[]),
    "metadata that cannot be stored": document(metadata={"a": float("nan")}),
    "a field that there is not": document(colour="red"),
    "a NaN": document(value={"a": [float("nan")]}),
    "a lone surrogate": document(value="\ud800"),
    "an agent with NUL": document(createdByAgent="a\x00"),
    "an agent with a lone surrogate": document(lastAccessedByAgent="\ud800"),
    "an integer beyond 64 bits": document(value=2**64),
    "labels that are not the namespace": document(labels=["files", "other"]),
    "labels of another type": document(labels="files:repo"),
    "a TTL without expiry": document(ttlMinutes=5),
    "a TTL below 0": document(ttlMinutes=-5, expiresAt="2124-01-03T03:04:05Z"),
}


@pytest.mark.parametrize("altered", ALTERED.values(), ids=ALTERED.keys())
@pytest.mark.parametrize("on_conflict", ["fail", "upsert"])
def test_an_altered_document_is_refused_with_its_position_and_nothing_is_written(
    store: AgentStore, file_of: FileOf, altered: Any, on_conflict: Any
) -> None:
    path = file_of([document(key="first"), altered, document(key="last")])
    with pytest.raises(AgentStoreError, match=r"^document 2: .*; nothing was written$"):
        import_(store, path, foreign=True, on_conflict=on_conflict)
    assert everything(store) == []


def test_an_error_names_the_field_and_not_its_value(store: AgentStore, file_of: FileOf) -> None:
    with pytest.raises(InvalidValueError, match="createdAt") as caught:
        import_(store, file_of([document(createdAt="a secret")]), foreign=True)
    assert "secret" not in str(caught.value)


TORN = {
    "cut within a document": ('[{"_id": "a', "it is not JSON"),
    "cut after a document": (f"[{json.dumps(DOCUMENT)}", "the file ends after it"),
    "cut after a comma": (f"[{json.dumps(DOCUMENT)},", "it is not JSON"),
    "no comma": (f"[{json.dumps(DOCUMENT)} {json.dumps(DOCUMENT)}]", "'{' follows it"),
    "more after the array": (f"[{json.dumps(DOCUMENT)}] x", "there is more"),
    "two arrays": ("[][]", "there is more"),
    "a line cut": (f'{json.dumps(DOCUMENT)}\n{{"_id": "b', "it is not JSON"),
    "no JSON": ("userId,key\nann,a", "it is not JSON"),
    "nested too deep": ("[" * 100_000, "it "),
    "single quotes": ("[{'a': 1}]", "it is not JSON"),
}


@pytest.mark.parametrize(("text", "said"), TORN.values(), ids=TORN.keys())
def test_a_torn_file_is_refused_and_nothing_is_written(
    store: AgentStore, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "x.json").write_text(text, "utf-8")
    with pytest.raises(DamagedFileError) as caught:
        import_(store, tmp_path / "x.json", foreign=True)
    assert said in str(caught.value)
    assert everything(store) == []


def test_a_file_that_is_not_utf8_is_refused(store: AgentStore, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b'["\xff"]')
    with pytest.raises(DamagedFileError, match="not UTF-8"):
        import_(store, tmp_path / "x.json", foreign=True)


def test_a_byte_order_mark_is_no_part_of_the_first_document(
    store: AgentStore, tmp_path: Path
) -> None:
    (tmp_path / "x.json").write_text(json.dumps([DOCUMENT]), "utf-8-sig")
    assert import_(store, tmp_path / "x.json", foreign=True) == 1


# What else sees it


def test_watchers_are_told_of_what_is_imported(store: AgentStore, file_of: FileOf) -> None:
    with closing(DataStore(store, "ann", None, "files:repo").watch(timeout_s=20)) as changes:
        import_(store, file_of([DOCUMENT]), foreign=True)
        change = next(changes)
    assert (change.op, change.key, change.value) == ("set", "a", {"n": 1})


def test_a_store_with_an_index_finds_what_is_imported(
    postgres_dsn: str, schema_name: str, file_of: FileOf
) -> None:
    index = {"embed": CountingEmbedder(), "dims": 16, "fields": ["text"], "mode": "hybrid"}
    with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        records = DataStore(store, "ann", None, "files:repo")
        records.set("b", {"text": "the cat sleeps"})
        texts = {"a": "a green parrot", "b": "two grey dogs"}
        documents = [document(key=key, value={"text": text}) for key, text in texts.items()]
        import_(store, file_of(documents), foreign=True)
        for mode in ("vector", "text"):
            found = [
                [one.key for one in records.search(query, mode=mode)][:1]
                for query in ("green parrot", "grey dogs", "cat sleeps")
            ]
            assert found[:2] == [["a"], ["b"]]
        assert found[2] == []


def test_what_expires_is_swept_in_time(store: AgentStore, file_of: FileOf) -> None:
    import_(store, file_of([document(expiresAt="2024-02-01T00:00:00Z")]), foreign=True)
    assert everything(store) == []
    assert store.sweep_ttl() == 1


def test_reads_made_before_an_import_are_not_added_to_its_counts(
    store: AgentStore, file_of: FileOf
) -> None:
    import_(store, file_of([DOCUMENT]), foreign=True)
    reader = DataStore(store, "ann", "late", "files:repo")
    reader.get("a")
    import_(store, file_of([DOCUMENT]), foreign=True)
    reader.flush()
    [record] = everything(store)
    assert record.access_count == 3
