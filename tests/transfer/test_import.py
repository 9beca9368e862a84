"""Import: what is refused and changes nothing, conflicts, resuming, other programs' documents."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.errors import (
    ConfigurationError,
    DamagedFileError,
    InvalidNamespaceError,
    InvalidOperationError,
    InvalidValueError,
    MissingExtraError,
    TransferError,
    VersionConflictError,
)
from langgraph_agentstore.transfer import Manifest, export, import_, verify
from langgraph_agentstore.transfer.manifest import manifest_entry
from langgraph_agentstore.transfer.store_writer import BATCH_RECORDS
from tests.support.faults import kill, locked_rows, start_script
from tests.transfer.moved_stores import DOCUMENT, fill, put_many, rows

# Damage


@pytest.mark.parametrize(
    "name", ["x.jsonl", "x.json", "x.csv", "x.yaml", "x.parquet", "x.jsonl.gz", "x.csv.zst"]
)
def test_a_file_cut_off_anywhere_is_refused_and_nothing_is_written(
    name: str, store: AgentStore, other: AgentStore, tmp_path: Path
) -> None:
    fill(store)
    export(store, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    chance = random.Random(name)
    cut = tmp_path / f"cut-{name}"
    for at in {0, 1, len(whole) // 2, *chance.sample(range(len(whole) - 20), 20)}:
        cut.write_bytes(whole[:at])
        with pytest.raises(DamagedFileError, match="cut-x"):
            verify(cut)
        with pytest.raises(DamagedFileError):
            import_(other, cut)
    assert other.count() == 0


@pytest.mark.parametrize(
    "name", ["x.jsonl", "x.json", "x.csv", "x.yaml", "x.jsonl.gz", "x.csv.zst"]
)
def test_a_file_with_one_byte_altered_is_refused_or_says_the_same(
    name: str, store: AgentStore, tmp_path: Path
) -> None:
    fill(store)
    manifest = export(store, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    chance = random.Random(name)
    altered = tmp_path / f"altered-{name}"
    refused = 0
    for at in chance.sample(range(len(whole)), 60):
        one = bytearray(whole)
        one[at] ^= 1
        altered.write_bytes(bytes(one))
        try:
            found = verify(altered)
        except DamagedFileError:
            refused += 1
        else:
            # A byte of the layout, such as gzip's header or a line end of CSV.
            assert found == manifest
    assert refused > 40


def test_a_record_more_or_less_is_refused(store: AgentStore, tmp_path: Path) -> None:
    fill(store)
    export(store, tmp_path / "x.jsonl")
    lines = (tmp_path / "x.jsonl").read_bytes().splitlines(keepends=True)
    for changed in (lines[1:], [lines[0], *lines], [lines[1], lines[0], *lines[2:]]):
        (tmp_path / "y.jsonl").write_bytes(b"".join(changed))
        said = "checksum" if len(changed) == len(lines) else "its manifest says"
        with pytest.raises(DamagedFileError, match=said):
            verify(tmp_path / "y.jsonl")


def test_an_altered_manifest_is_refused(store: AgentStore, tmp_path: Path) -> None:
    fill(store)
    export(store, tmp_path / "x.jsonl", user_id="ann")
    text = (tmp_path / "x.jsonl").read_text("utf-8")
    for old, new in (('"user_id":"ann"', '"user_id":"bob"'), ('"records":', '"records":1'),
                     ('"addresses":"users"', '"addresses":"tuples"')):  # fmt: skip
        assert old in text
        (tmp_path / "y.jsonl").write_text(text.replace(old, new), "utf-8")
        with pytest.raises(DamagedFileError, match="manifest was altered"):
            verify(tmp_path / "y.jsonl")


def test_more_after_the_manifest_is_refused(store: AgentStore, tmp_path: Path) -> None:
    fill(store)
    export(store, tmp_path / "x.jsonl")
    whole = (tmp_path / "x.jsonl").read_bytes()
    (tmp_path / "y.jsonl").write_bytes(whole + whole)
    with pytest.raises(DamagedFileError, match="more after its manifest"):
        verify(tmp_path / "y.jsonl")


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl.zst"])
def test_more_after_what_is_compressed_is_refused(
    name: str, store: AgentStore, tmp_path: Path
) -> None:
    fill(store)
    export(store, tmp_path / name)
    with (tmp_path / name).open("ab") as file:
        file.write(b"more")
    with pytest.raises(DamagedFileError):
        verify(tmp_path / name)


def test_a_file_of_a_later_format_is_refused_with_its_version(tmp_path: Path) -> None:
    later = replace(Manifest(0, "…"), format_version=2)
    (tmp_path / "x.jsonl").write_text(json.dumps(manifest_entry(later)), "utf-8")
    with pytest.raises(DamagedFileError, match=r"version 2.*upgrade"):
        verify(tmp_path / "x.jsonl")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'{"name": "somebody else\'s"}\n'),
        ("a.jsonl", b"\x89PNG\r\n\x1a\n\x00\xff"),
        ("a.json", b'{"a": 1}'),
        ("a.json", b'[{"manifest": {"format": "theirs"}}]'),
        ("a.json", b"[" * 100_000),
        ("a.csv", b"a,b\n1,2\n"),
        ("a.yaml", b"a: &x [1]\nb: *x\n"),
        ("a.yaml", b"!!python/object/apply:os.system ['true']"),
        ("a.parquet", b"PAR1 and no more"),
        ("a.jsonl.gz", b"not packed"),
        ("a.jsonl.zst", b"not packed"),
        ("a.jsonl", b""),
    ],
)
def test_a_foreign_file_is_refused(
    name: str, content: bytes, store: AgentStore, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DamagedFileError):
        import_(store, tmp_path / name)
    assert store.count() == 0


def test_a_file_in_yaml_may_not_stand_for_more_than_it_has(tmp_path: Path) -> None:
    bomb = "a: &a [1,1]\n" + "".join(
        f"{two}: &{two} [*{one},*{one},*{one}]\n" for one, two in pairwise("abcdefghi")
    )
    (tmp_path / "x.yaml").write_text(bomb, "utf-8")
    with pytest.raises(DamagedFileError, match="references"):
        verify(tmp_path / "x.yaml")


def test_a_file_that_is_not_there_is_the_builtins_error(store: AgentStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        import_(store, tmp_path / "none.jsonl")


# Conflicts


def test_upsert_replaces_and_the_version_goes_on(
    store: AgentStore, other: AgentStore, tmp_path: Path
) -> None:
    store.put(("a",), "k", {"n": 1})
    export(store, tmp_path / "x.jsonl")
    for n in range(3):
        other.put(("a",), "k", {"there": n})

    assert import_(other, tmp_path / "x.jsonl") == 1

    record = other.get_record(("a",), "k")
    assert record is not None
    assert (record.value, record.version) == ({"n": 1}, 4)


@pytest.mark.parametrize("foreign", [False, True])
def test_skip_leaves_what_is_there(
    foreign: bool, store: AgentStore, other: AgentStore, tmp_path: Path
) -> None:
    put_many(store, BATCH_RECORDS + 10)
    export(store, tmp_path / "x.jsonl")
    target = InMemoryStore() if foreign else other
    target.put(("users", "u1", "notes"), "k000001", {"mine": True})

    assert import_(target, tmp_path / "x.jsonl", on_conflict="skip") == BATCH_RECORDS + 9

    kept, new = (target.get(("users", f"u{n}", "notes"), f"k00000{n}") for n in (1, 2))
    assert kept is not None
    assert new is not None
    assert (kept.value, new.value) == ({"mine": True}, {"n": 2})


@pytest.mark.parametrize("foreign", [False, True])
def test_fail_writes_nothing_at_all_if_the_last_record_is_there(
    foreign: bool, store: AgentStore, other: AgentStore, tmp_path: Path
) -> None:
    put_many(store, BATCH_RECORDS * 2 + 10)
    export(store, tmp_path / "x.jsonl")
    last = list(store.iter_items())[-1]
    target = InMemoryStore() if foreign else other
    target.put(last.namespace, last.key, {"mine": True})

    with pytest.raises(VersionConflictError, match="is there already"):
        import_(target, tmp_path / "x.jsonl", on_conflict="fail")

    assert [item.value for item in target.search((), limit=10)] == [{"mine": True}]


def test_an_unknown_policy_is_refused_before_the_file_is_looked_at(store: AgentStore) -> None:
    with pytest.raises(InvalidOperationError, match="upsert, skip, fail"):
        import_(store, "nowhere.jsonl", on_conflict="merge")  # type: ignore[arg-type]


# Whose


def test_one_user_and_one_namespace_are_exported(
    store: AgentStore, other: AgentStore, tmp_path: Path
) -> None:
    put_many(store, 9)
    store.put(("users", "u1", "files"), "f", {})
    assert export(store, tmp_path / "user.jsonl", user_id="u1").user_id == "u1"
    manifest = export(store, tmp_path / "notes.jsonl", user_id="u1", prefix=("notes",))
    assert manifest.records == 3
    assert import_(other, tmp_path / "user.jsonl") == 4
    assert {item.namespace[:2] for item in other.iter_items()} == {("users", "u1")}


def test_a_user_of_any_template_and_of_other_stores_is_exported(
    postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    memory = InMemoryStore()
    put_many(memory, 9)
    assert export(memory, tmp_path / "x.jsonl", user_id="u1").records == 3
    with AgentStore(postgres_dsn, schema=schema_name, users=("{user_id}",)) as store:
        store.put(("ann", "notes"), "a", {"n": 1})
        store.put(("bob", "notes"), "a", {"n": 1})
        assert export(store, tmp_path / "x.jsonl", user_id="ann").user_id == "ann"
        shown = InMemoryStore()
        import_(shown, tmp_path / "x.jsonl")
        assert [item.namespace for item in shown.search(())] == [("ann", "notes")]


def test_a_users_file_goes_into_a_view_and_that_of_several_does_not(
    store: AgentStore, other: AgentStore, tmp_path: Path
) -> None:
    put_many(store, 9)
    export(store, tmp_path / "u1.jsonl", user_id="u1")
    export(store, tmp_path / "all.jsonl")
    view = other.for_user("u9")
    assert import_(view, tmp_path / "u1.jsonl") == 3
    assert {item.namespace for item in other.iter_items()} == {("users", "u9", "notes")}
    with pytest.raises(TransferError, match="several users"):
        import_(view, tmp_path / "all.jsonl")


def test_a_view_is_exported_relative_to_its_user(
    store: AgentStore, other: AgentStore, tmp_path: Path
) -> None:
    put_many(store, 9)
    export(store.for_user("u1"), tmp_path / "x.jsonl")
    assert import_(other.for_user("u2"), tmp_path / "x.jsonl") == 3
    assert {item.namespace for item in other.iter_items()} == {("users", "u2", "notes")}
    with pytest.raises(InvalidOperationError, match="view"):
        export(store.for_user("u1"), tmp_path / "x.jsonl", user_id="u2")


# Names


@pytest.mark.parametrize("name", ["x", "x.txt", "x.gz", "x.parquet.gz", "x.jsonl.bz2"])
def test_a_name_that_says_no_format_is_refused(
    name: str, store: AgentStore, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError):
        export(store, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_format_can_be_named_instead(store: AgentStore, tmp_path: Path) -> None:
    count = fill(store)
    export(store, tmp_path / "x.backup", format="csv")
    assert verify(tmp_path / "x.backup", format="csv").records == count
    with pytest.raises(ConfigurationError, match="'xml'"):
        export(store, tmp_path / "x.backup", format="xml")  # type: ignore[arg-type]


def test_a_folder_that_is_not_there_is_told(store: AgentStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not there"):
        export(store, tmp_path / "none" / "x.jsonl")


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [("x.yaml", "yaml", "yaml"), ("x.parquet", "pyarrow", "parquet"),
     ("x.csv.zst", "zstandard", "zstd")],
)  # fmt: skip
def test_a_missing_package_names_its_extra_and_leaves_no_file(
    name: str,
    module: str,
    extra: str,
    store: AgentStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"langgraph_agentstore\[{extra}\]"):
        export(store, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# Failures and resuming


def test_an_export_that_fails_leaves_the_old_file(store: AgentStore, tmp_path: Path) -> None:
    put_many(store, 10)
    for name in ("x.jsonl", "x.jsonl.gz", "x.csv.zst", "x.parquet"):
        export(store, tmp_path / name)
        before = (tmp_path / name).read_bytes()

        def stop(_done: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            export(store, tmp_path / name, progress=stop)
        assert (tmp_path / name).read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 4


_EXPORT = """
import sys
from langgraph_agentstore import AgentStore
from langgraph_agentstore.transfer import export
dsn, schema, path = sys.argv[1:]
def tell(done):
    print(done, flush=True)
    sys.stdin.readline()
with AgentStore(dsn, schema=schema) as store:
    export(store, path, progress=tell)
"""


def test_an_export_that_is_killed_leaves_the_old_file(
    store: AgentStore, postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    put_many(store, 1200)
    path = tmp_path / "x.jsonl"
    manifest = export(store, path)
    store.put(("new",), "k", {})
    process = start_script(_EXPORT, postgres_dsn, schema_name, str(path))
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdin.write("on\n")
    process.stdin.flush()
    assert process.stdout.readline()
    kill(process.pid)
    process.communicate()
    assert verify(path) == manifest


_IMPORT = """
import sys
from langgraph_agentstore import AgentStore
from langgraph_agentstore.transfer import import_
dsn, schema, path = sys.argv[1:]
def tell(done):
    print(done, flush=True)
    sys.stdin.readline()
with AgentStore(dsn, schema=schema) as store:
    import_(store, path, resume=True, progress=tell)
"""


def test_an_import_killed_half_way_is_resumed_and_every_row_is_as_it_was(
    store: AgentStore, postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    put_many(store, BATCH_RECORDS * 6)
    fill(store)
    path = tmp_path / "x.jsonl.gz"
    manifest = export(store, path)
    target = f"{schema_name}_other"
    process = start_script(_IMPORT, postgres_dsn, target, str(path))
    assert process.stdin is not None
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline()
        process.stdin.write("on\n")
        process.stdin.flush()
    process.stdout.readline()
    kill(process.pid)
    process.communicate()

    with AgentStore(postgres_dsn, schema=target) as other:
        there = other.count()
        assert BATCH_RECORDS * 4 <= there < manifest.records
        # Between a batch and its note nobody knows of it: as if it was killed just there.
        note = tmp_path / "x.jsonl.gz.resume"
        note.write_text(note.read_text().replace(f'"done":{BATCH_RECORDS * 4}',
                                                 f'"done":{BATCH_RECORDS * 3}'))  # fmt: skip

        written = import_(other, path, resume=True)

        assert written == manifest.records - BATCH_RECORDS * 4
        assert not note.exists()
    assert rows(postgres_dsn, schema_name) == rows(postgres_dsn, target)


def test_an_import_that_fails_says_how_far_it_came_and_goes_on_there(
    store: AgentStore, other: AgentStore, postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    put_many(store, BATCH_RECORDS * 3)
    export(store, tmp_path / "x.jsonl")
    last = list(store.iter_items())[-1]
    other.put(last.namespace, last.key, {})
    target = f"{schema_name}_other"
    with (
        AgentStore(postgres_dsn, schema=target, pool={"command_timeout_s": 3}) as impatient,
        locked_rows(postgres_dsn, target, last.key),
        pytest.raises(TimeoutError, match=f"first {BATCH_RECORDS * 2} records"),
    ):
        import_(impatient, tmp_path / "x.jsonl", resume=tmp_path / "note")
    assert import_(other, tmp_path / "x.jsonl", resume=tmp_path / "note") == BATCH_RECORDS
    assert not (tmp_path / "note").exists()


def test_a_note_of_another_import_is_refused(
    store: AgentStore, other: AgentStore, tmp_path: Path
) -> None:
    put_many(store, 10)
    export(store, tmp_path / "x.jsonl")
    (tmp_path / "x.jsonl.resume").write_text('{"done": 3}', "utf-8")
    with pytest.raises(TransferError, match="another file"):
        import_(other, tmp_path / "x.jsonl", resume=True)
    with pytest.raises(InvalidOperationError, match="all or nothing"):
        import_(other, tmp_path / "x.jsonl", resume=True, on_conflict="fail")
    assert other.count() == 0


def test_progress_tells_every_record(store: AgentStore, other: AgentStore, tmp_path: Path) -> None:
    put_many(store, 600)
    told: list[int] = []
    export(store, tmp_path / "x.jsonl", progress=told.append)
    assert told == [500, 600]
    told.clear()
    import_(other, tmp_path / "x.jsonl", progress=told.append)
    assert told == [*range(BATCH_RECORDS, 600, BATCH_RECORDS), 600]


# Documents of the original data_store


@pytest.mark.parametrize("form", ["array", "indented", "lines"])
def test_documents_of_the_original_data_store_are_imported(
    form: str, store: AgentStore, tmp_path: Path
) -> None:
    second = {**DOCUMENT, "_id": "ann:files:repo:Yg==", "key": "b", "value": [1]}
    path = tmp_path / ("x.jsonl" if form == "lines" else "x.json")
    if form == "lines":
        path.write_text(f"{json.dumps(DOCUMENT)}\n{json.dumps(second)}\n", "utf-8")
    else:
        path.write_text(json.dumps([DOCUMENT, second], indent=2 if form == "indented" else None))

    assert import_(store, path, foreign=True) == 2

    record = DataStore(store, "ann", None, "files:repo").record("a")
    assert record is not None
    said = record.document()
    assert said == {
        **DOCUMENT,
        "createdAt": "2024-01-02T03:04:05.678901+00:00",
        "updatedAt": "2024-01-03T03:04:05+00:00",
        "lastAccessedAt": "2024-01-04T03:04:05+00:00",
        "expiresAt": None,
        "version": 1,
    }


def test_they_go_into_other_stores_too(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([DOCUMENT]), "utf-8")
    memory = InMemoryStore()
    assert import_(memory, tmp_path / "x.json", foreign=True) == 1
    found = memory.get(("users", "ann", "files", "repo"), "a")
    assert found is not None
    assert found.value == {"n": 1}


def test_they_are_refused_unless_asked_for(store: AgentStore, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([DOCUMENT]), "utf-8")
    with pytest.raises(DamagedFileError, match="foreign=True"):
        import_(store, tmp_path / "x.json")


def test_a_wrong_document_is_named_and_nothing_is_written(
    store: AgentStore, tmp_path: Path
) -> None:
    good = [{**DOCUMENT, "_id": None, "key": f"k{n}"} for n in range(BATCH_RECORDS + 1)]
    wrong = {**DOCUMENT, "_id": None, "accessCount": "many"}
    (tmp_path / "x.json").write_text(json.dumps([*good, wrong]), "utf-8")
    with pytest.raises(InvalidValueError, match=f"document {BATCH_RECORDS + 2}: .*accessCount"):
        import_(store, tmp_path / "x.json", foreign=True)
    assert store.count() == 0


def test_labels_that_another_store_refuses_are_refused_before_the_first_write(
    store: AgentStore, tmp_path: Path
) -> None:
    DataStore(store, "ann", None, "a.b").set("k", 1)
    store.put(("docs",), "k", {})
    export(store, tmp_path / "x.jsonl")
    memory = InMemoryStore()
    with pytest.raises(InvalidNamespaceError, match="nothing was written"):
        import_(memory, tmp_path / "x.jsonl")
    assert memory.search(()) == []


def test_no_file_stays_open(store: AgentStore, tmp_path: Path) -> None:
    put_many(store, 3)
    for name in ("x.parquet", "x.jsonl.zst", "x.csv", "x.yaml.gz"):
        export(store, tmp_path / name)
        import_(store, tmp_path / name)
        opened = [file.path for file in psutil.Process().open_files()]
        assert not [path for path in opened if str(tmp_path) in path]
