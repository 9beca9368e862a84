"""A server whose disk is full: what writers are told, and that all is well once there is room."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.errors import DatabaseError, EmbeddedPostgresError, MigrationError
from tests.support.faults import execute
from tests.support.servers import TestServer, temporary_folder

_LOG_100_MB = (
    "SELECT count(pg_logical_emit_message(false, 'x', repeat('x', 1000000))) "
    "FROM generate_series(1, 100)"
)

NS = ("users", "ann", "notes")


@contextmanager
def disk_of(size: str) -> Iterator[Path]:
    """A disk that holds no more than that."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root of Linux may mount a small disk")
    with temporary_folder() as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", folder],
            check=False,
            capture_output=True,
        )
        if mounted.returncode:
            pytest.skip("no disk may be mounted here")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with disk_of("12m") as folder:
        yield folder


@pytest.fixture
def cramped(disposable_server: TestServer, small_disk: Path) -> str:
    """A server whose tables go to the small disk."""
    dsn = disposable_server.dsn
    place = small_disk / "tables"
    place.mkdir()
    shutil.chown(place, disposable_server.data.owner())
    execute(dsn, f"CREATE TABLESPACE small LOCATION '{place}'")
    name = urlsplit(dsn).path[1:]
    execute(dsn, f"ALTER DATABASE {name} SET default_tablespace = small")
    return dsn


def value_of(size: int) -> dict[str, str]:
    return {"noise": secrets.token_hex(size // 2)}


def fill(store: AgentStore) -> None:
    for n in range(200):
        store.put(NS, f"k{n}", value_of(200_000))


def take_all(file: Path) -> None:
    """Writes until nothing is left of the disk."""
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY)
    try:
        with suppress(OSError):
            while True:
                os.write(descriptor, b"x" * 4096)
    finally:
        os.close(descriptor)


def test_a_full_disk_is_told_with_its_cure_and_reading_goes_on(cramped: str) -> None:
    with AgentStore(cramped) as store:
        store.put(NS, "first", {"n": 1})
        with pytest.raises(DatabaseError, match=r"the server's disk is full: make room") as caught:
            fill(store)
        assert caught.value.sqlstate == "53100"
        found = store.get(NS, "first")
        assert found is not None
        assert found.value == {"n": 1}


def test_a_full_disk_is_told_in_bulk_too(cramped: str) -> None:
    with AgentStore(cramped) as store:
        rows = [(NS, f"k{n}", value_of(200_000)) for n in range(200)]
        with pytest.raises(DatabaseError, match=r"the server's disk is full"):
            store.load(rows)


def test_setting_up_on_a_full_disk_tells_so(cramped: str, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    take_all(ballast)
    store = AgentStore(cramped)
    with pytest.raises(MigrationError, match=r"the server's disk is full"):
        store.setup()
    ballast.unlink()
    with store:
        store.put(NS, "k", {"n": 1})


def test_writing_goes_on_once_there_is_room(cramped: str, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with AgentStore(cramped) as store:
        store.put(NS, "first", {"n": 1})
        take_all(ballast)
        with pytest.raises(DatabaseError, match=r"disk is full"):
            fill(store)
        ballast.unlink()
        store.put(NS, "k", value_of(200_000))
        assert store.get(NS, "k") is not None


@pytest.mark.postgres
def test_a_bundled_server_that_a_full_disk_ended_is_started_once_there_is_room() -> None:
    with disk_of("160m") as folder, AgentStore.embedded(folder / "pg") as store:
        store.put(NS, "k", {"n": 1})
        take_all(folder / "ballast")
        server = EmbeddedPostgres(folder / "pg")
        dsn = server.start()
        server.stop()  # the store still uses it
        # What cannot be written to its log of changes ends a server.
        with pytest.raises(psycopg.OperationalError):
            execute(dsn, _LOG_100_MB)
        with pytest.raises(EmbeddedPostgresError, match=r"(?s)No space left.*free disk space"):
            store.put(NS, "k", {"n": 2})
        (folder / "ballast").unlink()
        store.put(NS, "k", {"n": 3})
        assert store.count(()) == 1
