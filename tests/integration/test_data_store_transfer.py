"""Export and import: what is written to a file comes back as it was, or not at all."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.data_store import DataStoreAdministration, DataStoreRecord
from langgraph_agentstore.data_store.importing import LARGEST_BATCH
from langgraph_agentstore.errors import (
    AgentStoreError,
    InvalidOperationError,
    InvalidValueError,
    MissingUserError,
    ValueTypeError,
    VersionConflictError,
)
from langgraph_agentstore.testing.facts.hostile import TEXTS
from tests.support.embedders import CountingEmbedder
from tests.support.faults import execute, locked_rows, start_script, wait_until

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

DOCUMENT: dict[str, Any] = {
    "_id": "ann:files:repo:YQ==",
    "userId": "ann",
    "namespace": "files:repo",
    "key": "a",
    "value": {"n": 1},
    "metadata": {"by": "hand"},
    "createdByAgent": "scout",
    "lastAccessedByAgent": "reader",
    "accessCount": 3,
    "createdAt": "2024-01-02T03:04:05.678901",
    "updatedAt": "2024-01-03T03:04:05Z",
    "lastAccessedAt": "2024-01-04T05:04:05+02:00",
}
"""As the original data_store writes them."""


@pytest.fixture
def store(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        yield store


@pytest.fixture
def admin(store: AgentStore) -> DataStoreAdministration:
    return DataStoreAdministration(store)


@pytest.fixture
def another(postgres_dsn: str, schema_name: str) -> Iterator[DataStoreAdministration]:
    """Of an empty store, in a schema of its own."""
    with AgentStore(postgres_dsn, schema=f"{schema_name}_b") as store:
        yield DataStoreAdministration(store)


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


def everything(admin: DataStoreAdministration) -> list[DataStoreRecord]:
    return list(admin.records())


def document(**fields: Any) -> dict[str, Any]:
    """A document whose `_id` is left out, with other fields."""
    merged = {**DOCUMENT, **fields}
    del merged["_id"]
    return merged


def numbered(count: int) -> Iterator[dict[str, Any]]:
    return (document(key=f"k{n:05}") for n in range(count))


# There and back


@pytest.mark.parametrize("lines", [False, True])
def test_what_is_exported_is_imported_as_it_was(
    filled: AgentStore,
    admin: DataStoreAdministration,
    another: DataStoreAdministration,
    tmp_path: Path,
    lines: bool,
) -> None:
    path = tmp_path / "records.json"
    count = admin.export_records(path, lines=lines, page_size=7)
    imported = another.import_records(path)
    assert (imported.written, imported.skipped) == (count, 0)
    assert everything(another) == everything(admin)
    assert [one.labels for one in another.namespaces()] == [
        one.labels for one in admin.namespaces()
    ]
    assert another.most_accessed(limit=None) == admin.most_accessed(limit=None)


def test_types_of_values_survive_the_way(
    filled: AgentStore, admin: DataStoreAdministration, another: DataStoreAdministration
) -> None:
    file = io.StringIO()
    admin.export_records(file, "ann", "files:repo")
    file.seek(0)
    another.import_records(file)
    found = {record.key: record.value for record in another.records("ann", "files:repo")}
    assert {key: (type(found[key]), found[key]) for key in VALUES} == {
        key: (type(value), value) for key, value in VALUES.items()
    }


def test_the_ttl_comes_along_so_that_later_writes_expire_too(
    filled: AgentStore,
    admin: DataStoreAdministration,
    another: DataStoreAdministration,
    postgres_dsn: str,
    schema_name: str,
) -> None:
    # As reads through LangGraph move it: the TTL is then not what lies between the two times.
    execute(postgres_dsn, "UPDATE {}.item SET expires_at = expires_at + ttl", schema_name)
    file = io.StringIO()
    admin.export_records(file)
    file.seek(0)
    another.import_records(file)
    ttls = [
        execute(postgres_dsn, "SELECT key, ttl FROM {}.item WHERE ttl IS NOT NULL", schema)
        for schema in (schema_name, f"{schema_name}_b")
    ]
    assert len(ttls[0]) == 1
    assert ttls[0] == ttls[1]


def test_a_user_or_a_namespace_alone_is_exported(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    def keys(*within: Any, **options: Any) -> set[str]:
        file = io.StringIO()
        admin.export_records(file, *within, **options)
        return {one["key"] for one in json.loads(file.getvalue())}

    assert keys("a:b") == {"a:b"}
    assert keys("ann", ("a:b",)) == {"odd"}
    assert keys("ann", ()) == {"root"}
    assert keys("ann", "files") == set()
    assert keys("ann", "files", below=True) == {*VALUES, "twice", "expires"}
    assert keys("") == {"shared"}


def test_nothing_is_an_empty_array(admin: DataStoreAdministration) -> None:
    file = io.StringIO()
    assert admin.export_records(file) == 0
    assert json.loads(file.getvalue()) == []
    file.seek(0)
    assert admin.import_records(file).written == 0
    assert admin.import_records(io.StringIO("")).written == 0


def test_records_are_imported_as_another_users(
    filled: AgentStore, admin: DataStoreAdministration
) -> None:
    file = io.StringIO()
    admin.export_records(file, "ann")
    file.seek(0)
    admin.import_records(file, user_id="copy")
    copied = [record.model_copy(update={"user_id": "ann"}) for record in admin.records("copy")]
    assert copied == list(admin.records("ann"))


@pytest.mark.parametrize("make", [io.StringIO, io.BytesIO])
def test_open_files_of_text_and_of_bytes_serve_and_stay_open(
    filled: AgentStore,
    admin: DataStoreAdministration,
    another: DataStoreAdministration,
    make: Callable[[], Any],
) -> None:
    file = make()
    admin.export_records(file)
    file.seek(0)
    another.import_records(file)
    assert not file.closed
    assert everything(another) == everything(admin)


def test_an_iterable_of_dicts_is_imported(admin: DataStoreAdministration) -> None:
    assert admin.import_records(document(key=key) for key in "abc").written == 3


def test_more_than_a_batch_is_imported_whole(admin: DataStoreAdministration) -> None:
    count = 2 * LARGEST_BATCH + 1
    assert admin.import_records(numbered(count)).written == count
    assert admin.users()[0].records == count


# Files


def test_a_path_keeps_its_old_file_if_the_export_fails(
    filled: AgentStore, admin: DataStoreAdministration, tmp_path: Path
) -> None:
    path = tmp_path / "records.json"
    path.write_text("before")
    filled.close()
    with pytest.raises(AgentStoreError):
        admin.export_records(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


_WRITER = """
import sys
from langgraph_agentstore.data_store.transfer import write_documents

def documents():
    yield {"key": "a"}
    print("begun", flush=True)
    sys.stdin.read()

write_documents(documents(), sys.argv[1], lines=False)
"""


def test_a_killed_export_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text("before")
    with start_script(_WRITER, str(path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "begun"
        process.kill()
    assert path.read_text() == "before"


def test_documents_are_written_as_they_come_not_gathered_first(
    admin: DataStoreAdministration,
) -> None:
    def documents() -> Iterator[Any]:
        yield from numbered(LARGEST_BATCH)
        written.append(len(everything(admin)))
        yield document(key="one more")

    written: list[int] = []
    assert admin.import_records(documents(), conflict="upsert").written == LARGEST_BATCH + 1
    assert written == [LARGEST_BATCH]


# What is there already


def test_fail_writes_nothing_at_all_if_one_is_there(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    count = 2 * LARGEST_BATCH
    DataStore(store, "ann", "scout", "files:repo").set(f"k{count - 1:05}", "mine")
    with pytest.raises(VersionConflictError, match=rf"document {count}: .*nothing was written"):
        admin.import_records(numbered(count))
    [record] = admin.records()
    assert record.value == "mine"


def test_skip_leaves_what_is_there_and_writes_the_rest(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    DataStore(store, "ann", "scout", "files:repo").set("k00001", "mine", {"m": 1})
    imported = admin.import_records(numbered(3), conflict="skip")
    assert (imported.written, imported.skipped) == (2, 1)
    record = admin.record("ann", "files:repo", "k00001")
    assert record is not None
    assert (record.value, record.metadata, record.version) == ("mine", {"m": 1}, 1)


def test_upsert_replaces_metadata_author_times_and_counts(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    mine = DataStore(store, "ann", "mine", "files:repo")
    mine.set("a", "mine", {"m": 1})
    mine.get_many(["a"] * 9)
    admin.import_records([DOCUMENT], conflict="upsert")
    record = admin.record("ann", "files:repo", "a")
    expected = DataStoreRecord.model_validate({**document(), "version": 2})
    assert record == expected


def test_counts_of_a_record_without_accesses_are_forgotten(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    records = DataStore(store, "ann", "mine", "files:repo")
    records.set("a", 1)
    records.get("a")
    before = admin.record("ann", "files:repo", "a")
    assert before is not None
    plain = {**before.document(), "accessCount": 0}
    plain["lastAccessedAt"] = plain["lastAccessedByAgent"] = None
    admin.import_records([plain], conflict="upsert")
    assert admin.recently_accessed() == []


def test_a_version_never_means_two_values(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    records = DataStore(store, "ann", "mine", "files:repo")
    for n in range(5):
        records.set("a", n)
    admin.import_records([document(version=3)], conflict="upsert")
    admin.import_records([document(version=50, key="b")])
    found = {record.key: record.version for record in admin.records()}
    assert found == {"a": 6, "b": 50}


@pytest.mark.parametrize("conflict", ["fail", "skip", "upsert"])
def test_an_expired_record_counts_as_absent(
    store: AgentStore,
    admin: DataStoreAdministration,
    postgres_dsn: str,
    schema_name: str,
    conflict: Any,
) -> None:
    DataStore(store, "ann", "mine", "files:repo").set("a", 1, ttl=5)
    execute(postgres_dsn, "UPDATE {}.item SET expires_at = now()", schema_name)
    imported = admin.import_records([DOCUMENT], conflict=conflict)
    assert (imported.written, imported.skipped) == (1, 0)
    record = admin.record("ann", "files:repo", "a")
    assert record is not None
    assert (record.created_by_agent, record.expires_at) == ("scout", None)


def test_of_one_record_twice_the_conflict_decides_too(admin: DataStoreAdministration) -> None:
    twice = [document(value=1), document(value=2)]
    with pytest.raises(VersionConflictError, match=r"document 2: .*document 1 too"):
        admin.import_records(twice)
    assert everything(admin) == []
    assert admin.import_records(twice, conflict="skip").skipped == 1
    assert [record.value for record in admin.records()] == [1]
    assert admin.import_records(twice, conflict="upsert").written == 2
    assert [record.value for record in admin.records()] == [2]


def test_a_conflict_that_does_not_exist_is_refused(admin: DataStoreAdministration) -> None:
    with pytest.raises(InvalidOperationError, match="'upsert', 'skip' or 'fail'"):
        admin.import_records([DOCUMENT], conflict="merge")  # type: ignore[arg-type]


_IMPORTER = """
import json, sys
from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import DataStoreAdministration

def documents():
    document = json.loads(sys.argv[3])
    for n in range(int(sys.argv[4])):
        yield {**document, "key": str(n)}
    print("begun", flush=True)
    sys.stdin.read()

store = AgentStore(sys.argv[1], schema=sys.argv[2])
DataStoreAdministration(store).import_records(documents())
"""


def test_a_killed_import_that_was_to_fail_leaves_nothing(
    admin: DataStoreAdministration, postgres_dsn: str, schema_name: str
) -> None:
    arguments = (postgres_dsn, schema_name, json.dumps(document()), str(2 * LARGEST_BATCH))
    with start_script(_IMPORTER, *arguments) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "begun"
        process.kill()
    assert everything(admin) == []
    assert admin.import_records(numbered(1)).written == 1


def test_of_two_imports_at_once_that_may_meet_nothing_one_is_whole(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    def documents() -> Iterator[Any]:
        yield from numbered(LARGEST_BATCH)
        other.start()  # it meets the first batch, which is written and not yet seen
        yield from list(numbered(LARGEST_BATCH + 1))[LARGEST_BATCH:]

    def import_too() -> None:
        try:
            admin.import_records(numbered(LARGEST_BATCH + 1))
        except VersionConflictError as error:
            refused.append(error)

    refused: list[VersionConflictError] = []
    other = threading.Thread(target=import_too)
    imported = admin.import_records(documents())
    other.join()
    assert imported.written == admin.users()[0].records == LARGEST_BATCH + 1
    assert len(refused) == 1


def test_an_import_waits_for_a_locked_record_turn_by_turn(
    store: AgentStore, admin: DataStoreAdministration, postgres_dsn: str, schema_name: str
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
            admin.import_records(numbered(LARGEST_BATCH))
        except AgentStoreError as error:
            raised.append(error)

    begun: set[Any] = set()
    raised: list[AgentStoreError] = []
    DataStore(store, "ann", "scout", "files:repo").set("k00007", "mine")
    importing = threading.Thread(target=import_it)
    with locked_rows(postgres_dsn, schema_name, "k00007"):
        importing.start()
        wait_until(waited_twice)
    importing.join()
    [error] = raised
    assert str(error).startswith("document 8: key 'k00007'")
    assert admin.users()[0].records == 1


def test_one_connection_is_enough_to_import(postgres_dsn: str, schema_name: str) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, pool={"max_size": 1}) as store:
        admin = DataStoreAdministration(store)
        assert admin.import_records(numbered(LARGEST_BATCH + 1)).written == LARGEST_BATCH + 1
        with pytest.raises(VersionConflictError):
            admin.import_records(numbered(1))
        assert admin.users()[0].records == LARGEST_BATCH + 1


def test_a_file_that_is_missing_is_the_callers_error_and_holds_no_connection(
    admin: DataStoreAdministration, tmp_path: Path
) -> None:
    for _ in range(10):  # more often than the pool has connections
        with pytest.raises(FileNotFoundError):
            admin.import_records(tmp_path / "missing.json")
    assert everything(admin) == []


# Documents of the original


def test_a_document_of_the_original_keeps_all_it_says(admin: DataStoreAdministration) -> None:
    admin.import_records([DOCUMENT])
    [record] = admin.records()
    assert record.document() == {
        **DOCUMENT,
        "createdAt": "2024-01-02T03:04:05.678901+00:00",
        "updatedAt": "2024-01-03T03:04:05+00:00",
        "lastAccessedAt": "2024-01-04T03:04:05+00:00",
        "expiresAt": None,
        "version": 1,
    }


def test_what_the_original_may_leave_empty_may_be_empty(admin: DataStoreAdministration) -> None:
    sparse = document(metadata=None, accessCount=None, lastAccessedByAgent=None)
    del sparse["createdByAgent"], sparse["lastAccessedAt"]
    admin.import_records([sparse])
    [record] = admin.records()
    assert (record.metadata, record.created_by_agent, record.access_count) == ({}, None, 0)
    assert record.last_accessed_at is None


def test_a_count_without_a_reader_is_kept_as_an_unknown_ones(
    admin: DataStoreAdministration,
) -> None:
    admin.import_records([document(lastAccessedAt=None, lastAccessedByAgent=None)])
    [found] = admin.most_accessed()
    assert (found.access_count, found.last_accessed_by) == (3, "unknown")


def test_an_expiry_without_a_ttl_lasts_as_long_again_after_a_write(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    admin.import_records([document(value=1, expiresAt="2124-01-03T03:04:05Z")])
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
@pytest.mark.parametrize("conflict", ["fail", "upsert"])
def test_an_altered_document_is_refused_with_its_position_and_nothing_is_written(
    admin: DataStoreAdministration, altered: Any, conflict: Any
) -> None:
    documents = [document(key="first"), altered, document(key="last")]
    with pytest.raises(AgentStoreError, match=r"^document 2: .*; nothing was written$"):
        admin.import_records(iter(documents), conflict=conflict)
    assert everything(admin) == []


def test_an_error_names_the_field_and_not_its_value(admin: DataStoreAdministration) -> None:
    with pytest.raises(InvalidValueError, match="createdAt") as caught:
        admin.import_records([document(createdAt="a secret")])
    assert "secret" not in str(caught.value)


TORN = {
    "cut within a document": ('[{"_id": "a', "document 1: it is not JSON"),
    "cut after a document": (f"[{json.dumps(DOCUMENT)}", "document 2: the file ends after it"),
    "cut after a comma": (f"[{json.dumps(DOCUMENT)},", "document 2: it is not JSON"),
    "no comma": (f"[{json.dumps(DOCUMENT)} {json.dumps(DOCUMENT)}]", "document 2: '{' follows it"),
    "more after the array": (f"[{json.dumps(DOCUMENT)}] x", "document 2: there is more"),
    "two arrays": ("[][]", "document 1: there is more"),
    "a line cut": (f'{json.dumps(DOCUMENT)}\n{{"_id": "b', "document 2: it is not JSON"),
    "no JSON": ("userId,key\nann,a", "document 1: it is not JSON"),
    "nested too deep": ("[" * 100_000, "document 1: it "),
    "single quotes": ("[{'a': 1}]", "document 1: it is not JSON"),
}


@pytest.mark.parametrize(("text", "said"), TORN.values(), ids=TORN.keys())
def test_a_torn_file_is_refused_and_nothing_is_written(
    admin: DataStoreAdministration, text: str, said: str
) -> None:
    with pytest.raises(InvalidValueError, match="nothing was written") as caught:
        admin.import_records(io.StringIO(text), conflict="upsert")
    assert str(caught.value).startswith(said)
    assert everything(admin) == []


def test_a_file_that_is_not_utf8_is_refused(admin: DataStoreAdministration) -> None:
    with pytest.raises(InvalidValueError, match="not UTF-8"):
        admin.import_records(io.BytesIO(b'["\xff"]'))


def test_a_byte_order_mark_is_no_part_of_the_first_document(
    admin: DataStoreAdministration,
) -> None:
    file = io.BytesIO(json.dumps([DOCUMENT]).encode("utf-8-sig"))
    assert admin.import_records(file).written == 1


def test_batches_before_a_wrong_document_stay_unless_a_conflict_is_to_fail(
    admin: DataStoreAdministration,
) -> None:
    def documents() -> Iterator[Any]:
        yield from numbered(LARGEST_BATCH + 5)
        yield document(key="")

    with pytest.raises(AgentStoreError, match="nothing was written"):
        admin.import_records(documents())
    assert everything(admin) == []
    with pytest.raises(AgentStoreError, match=f"first {LARGEST_BATCH} documents were imported"):
        admin.import_records(documents(), conflict="upsert")
    assert admin.users()[0].records == LARGEST_BATCH


def test_an_iterable_that_fails_leaves_nothing_behind(admin: DataStoreAdministration) -> None:
    def documents() -> Iterator[Any]:
        yield from numbered(LARGEST_BATCH + 5)
        raise ZeroDivisionError

    for _ in range(10):  # more often than the pool has connections
        with pytest.raises(ZeroDivisionError):
            admin.import_records(documents())
    assert everything(admin) == []


@pytest.mark.parametrize("source", [5, None, DOCUMENT, b"[]"])
def test_a_source_that_is_none_is_refused(admin: DataStoreAdministration, source: Any) -> None:
    with pytest.raises(ValueTypeError, match="documents come from"):
        admin.import_records(source)


def test_nobody_is_no_user_to_import_for(admin: DataStoreAdministration) -> None:
    with pytest.raises(MissingUserError):
        admin.import_records([DOCUMENT], user_id="")


def test_a_target_that_is_none_is_refused(admin: DataStoreAdministration) -> None:
    with pytest.raises(ValueTypeError, match="a path or an open file"):
        admin.export_records(5)  # type: ignore[arg-type]


# What else sees it


def test_watchers_are_told_of_what_is_imported(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    with closing(DataStore(store, "ann", None, "files:repo").watch(timeout_s=20)) as changes:
        admin.import_records([DOCUMENT])
        change = next(changes)
    assert (change.op, change.key, change.value) == ("set", "a", {"n": 1})


def test_a_store_with_an_index_finds_what_is_imported(postgres_dsn: str, schema_name: str) -> None:
    index = {"embed": CountingEmbedder(), "dims": 16, "fields": ["text"], "mode": "hybrid"}
    with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        admin = DataStoreAdministration(store)
        records = DataStore(store, "ann", None, "files:repo")
        records.set("b", {"text": "the cat sleeps"})
        texts = {"a": "a green parrot", "b": "two grey dogs"}
        documents = [document(key=key, value={"text": text}) for key, text in texts.items()]
        admin.import_records(documents, conflict="upsert")
        for mode in ("vector", "text"):
            found = [
                [one.key for one in records.search(query, mode=mode)][:1]
                for query in ("green parrot", "grey dogs", "cat sleeps")
            ]
            assert found[:2] == [["a"], ["b"]]
        assert found[2] == []


def test_what_expires_is_swept_in_time(store: AgentStore, admin: DataStoreAdministration) -> None:
    admin.import_records([document(expiresAt="2024-02-01T00:00:00Z")])
    assert everything(admin) == []
    assert store.sweep_ttl() == 1


def test_reads_made_before_an_import_are_not_added_to_its_counts(
    store: AgentStore, admin: DataStoreAdministration
) -> None:
    admin.import_records([DOCUMENT])
    reader = DataStore(store, "ann", "late", "files:repo")
    reader.get("a")
    admin.import_records([DOCUMENT], conflict="upsert")
    reader.flush()
    record = admin.record("ann", "files:repo", "a")
    assert record is not None
    assert record.access_count == 3
