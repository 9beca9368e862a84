"""`agentstore export`, `import`, `verify`, `copy`, `backup`, `restore` and the migration."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from langgraph.store.postgres import PostgresStore

from langgraph_agentstore import AgentStore
from tests.support.commands import agentstore, on_terminal, running
from tests.support.faults import execute, wait_until


def items(dsn: str) -> int:
    """How many items a store has."""
    [[number]] = execute(dsn, "SELECT count(*) FROM agentstore.item")
    return int(number)


def test_an_exported_store_is_verified_and_imported_whole(
    filled: str, new_database: Callable[[], str], tmp_path: Path
) -> None:
    file = str(tmp_path / "all.jsonl.gz")
    dry = agentstore("export", file, "--dry-run", dsn=filled)
    assert (dry.rows[0]["items"], Path(file).exists()) == (6, False)
    assert agentstore("export", file, dsn=filled).rows[0]["items"] == 6
    assert agentstore("verify", file).rows[0]["records"] == 6
    other = new_database()
    AgentStore(other).setup()
    assert agentstore("import", file, "--dry-run", dsn=other).rows[0]["items"] == 6
    assert items(other) == 0
    assert agentstore("import", file, dsn=other).rows[0]["items"] == 6
    assert agentstore("ls", "-r", dsn=other).out == agentstore("ls", "-r", dsn=filled).out
    again = agentstore("import", file, dsn=other)
    assert (again.status, "exists" in again.err or "already" in again.err) == (4, True)


def test_one_users_part_is_exported(filled: str, tmp_path: Path) -> None:
    file = str(tmp_path / "ada.jsonl")
    assert agentstore("export", file, "--user", "ada", dsn=filled).rows[0]["items"] == 4
    notes = agentstore("export", file, "users/ada/notes/old", "--dry-run", dsn=filled)
    assert notes.rows[0]["items"] == 1


def test_a_damaged_file_is_told_and_nothing_is_written(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    agentstore("export", str(file), dsn=filled)
    file.write_text(file.read_text("utf-8").replace("note 1", "note 7"), "utf-8")
    for reading in ("verify", "import", "restore"):
        done = agentstore(reading, str(file), dsn=filled)
        assert done.status == 4
        assert done.err.startswith("agentstore: ")
        assert done.err.count("\n") == 1
    assert items(filled) == 6


def test_a_copy_to_another_server_is_complete(filled: str, new_database: Callable[[], str]) -> None:
    other = new_database()
    assert agentstore("copy", "--to", other, "--dry-run", dsn=filled).rows[0]["items"] == 6
    assert agentstore("copy", "--to", other, dsn=filled).rows[0]["items"] == 6
    assert agentstore("ls", "-r", dsn=other).out == agentstore("ls", "-r", dsn=filled).out
    part = agentstore("copy", "--to-schema", "part", "--user", "ada", dsn=filled)
    assert part.rows[0]["items"] == 4
    assert agentstore("copy", dsn=filled).status == 2


def test_backups_are_verified_rotated_and_restored(filled: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in ("01", "02"):
        (folder / f"agentstore-202001{day}T000000Z.jsonl.gz").write_bytes(b"old")
    (folder / "other.txt").write_text("kept")
    done = agentstore("backup", str(folder), "--keep", "2", dsn=filled)
    assert done.rows[0]["items"] == 6
    names = sorted(file.name for file in folder.iterdir())
    assert names[0] == "agentstore-20200102T000000Z.jsonl.gz"
    assert (len(names), names[-1]) == (3, "other.txt")

    with AgentStore(filled) as store:
        store.delete_namespace(("users", "ada", "notes"))
        store.put(("docs",), "new", {})
    dry = agentstore("restore", str(folder), "--dry-run", "--yes", dsn=filled)
    assert (dry.status, dry.rows[0]["items"], items(filled)) == (0, 6, 3)
    asked = agentstore("restore", str(folder), dsn=filled)
    assert (asked.status, "would write 6 items" in asked.err) == (5, True)
    assert agentstore("restore", str(folder), "--yes", dsn=filled).rows[0]["items"] == 6
    assert items(filled) == 7


def test_long_work_shows_a_bar_on_a_terminal_only(filled: str, tmp_path: Path) -> None:
    file = str(tmp_path / "all.jsonl")
    piped = agentstore("export", file, dsn=filled)
    assert piped.err == ""
    shown = on_terminal("export", file, dsn=filled, errors_too=True)
    assert "6" in shown.out
    assert "export" in shown.out
    shown = on_terminal("verify", file, errors_too=True)
    assert "verifying" in shown.out


def test_a_refused_import_advises_options_of_the_command(filled: str, tmp_path: Path) -> None:
    file = str(tmp_path / "all.jsonl")
    agentstore("export", file, dsn=filled)
    there = agentstore("import", file, dsn=filled)
    assert (there.status, "import with --on-conflict skip or upsert" in there.err) == (4, True)
    resumed = agentstore("import", file, "--resume", dsn=filled)
    assert (resumed.status, "leave --resume out" in resumed.err) == (2, True)
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_text('{"_id": "a", "user_id": "ada"}\n')
    told = agentstore("import", str(foreign), dsn=filled)
    assert (told.status, "imported with --foreign" in told.err) == (4, True)


def test_imported_and_copied_items_are_found_by_words(
    filled: str, new_database: Callable[[], str], tmp_path: Path
) -> None:
    file, other = str(tmp_path / "all.jsonl"), new_database()
    agentstore("export", file, dsn=filled)
    assert agentstore("import", file, dsn=other).status == 0
    assert agentstore("search", "shared", dsn=other).rows[0]["key"] == "readme"
    assert agentstore("copy", "--to", other, "--to-schema", "copied", dsn=filled).status == 0
    copied = agentstore("search", "shared", "--schema", "copied", dsn=other)
    assert (copied.rows[0]["key"], copied.err) == ("readme", "")


def test_the_official_store_is_migrated(
    fresh_database: str, new_database: Callable[[], str]
) -> None:
    official = new_database()
    with PostgresStore.from_conn_string(official) as store:
        store.setup()
        for n in range(5):
            store.put(("users", "ada", "notes"), f"n{n}", {"n": n})
    dry = agentstore("migrate-from-langgraph", official, "--dry-run", dsn=fresh_database)
    assert dry.rows == [{"action": "would look at", "items": 5}]
    assert items(fresh_database) == 0
    [report] = agentstore("migrate-from-langgraph", official, dsn=fresh_database).rows
    assert (report["copied"], report["compared"]) == (5, 5)
    assert items(fresh_database) == 5


@pytest.mark.parametrize("name", ["nothing.jsonl", "nothing.txt"])
def test_a_file_that_cannot_be_read_is_told(filled: str, tmp_path: Path, name: str) -> None:
    done = agentstore("verify", str(tmp_path / name))
    assert done.status in (2, 4)
    assert done.err.startswith("agentstore: ")
    assert done.err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_an_interrupted_export_leaves_no_file(fresh_database: str, tmp_path: Path) -> None:
    with AgentStore(fresh_database) as store:
        store.load((("lab",), f"{n:06}", {"text": "x" * 500}) for n in range(60_000))
    file = tmp_path / "all.jsonl.gz"
    with running("export", str(file), dsn=fresh_database) as process:
        wait_until(lambda: any(tmp_path.iterdir()))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "agentstore: interrupted\n")
    assert list(tmp_path.iterdir()) == []
