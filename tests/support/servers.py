"""Servers and databases for tests."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit
from uuid import uuid4

import fasteners
import psutil
import psycopg
from psycopg import sql

from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.runtime.migrator import setup_sql
from langgraph_agentstore.sql.tables import Tables

FOLDER = "AGENTSTORE_TEST_FOLDER"
"""The variable that names the folder of a test run, for all its workers and processes."""

_ROOM = 12 * 1024**3

_FEW_SCHEMAS = 30
_COPIED_SCHEMAS = 100
"""So many tests set up a schema of their own each; copying many pays only after that."""


def folder_of_this_run() -> Path:
    return Path(os.environ[FOLDER])


def memory() -> str | None:
    """A folder in memory with room for all data of a run; None for the usual one, on a disk.

    Making a schema there takes a server half the time, and most tests make one.
    """
    shared = Path("/dev/shm")
    if not shared.is_dir() or not os.access(shared, os.W_OK):
        return None
    room = min(psutil.disk_usage(str(shared)).free, psutil.virtual_memory().available)
    return str(shared) if room >= _ROOM else None


class TestServer:
    """A bundled Postgres with a handle on its processes."""

    __test__ = False

    def __init__(self, path: str | Path | None) -> None:
        self.postgres = EmbeddedPostgres(path)
        self.dsn = self.postgres.start()

    @property
    def data(self) -> Path:
        return self.postgres.path / "data"

    @property
    def pid(self) -> int:
        """The postmaster's."""
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def is_running(self) -> bool:
        try:
            return is_alive(self.pid)
        except FileNotFoundError:
            return False

    def kill(self) -> None:
        """As a power failure: the postmaster and its backends, at once; returns when all died."""
        postmaster = psutil.Process(self.pid)
        doomed = [postmaster, *postmaster.children(recursive=True)]
        for process in doomed:
            send(process.pid, signal.SIGKILL)
        await_death(*(process.pid for process in doomed))

    def restart(self) -> str:
        """Start it when it was killed; the DSN is the same as before."""
        return self.postgres.start()

    def freeze(self) -> None:
        """Every process stops answering, and the connections stay open, until `thaw()`."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def stop(self) -> None:
        self.postgres.stop()

    def _signal_all(self, number: int) -> None:
        postmaster = psutil.Process(self.pid)
        for process in (postmaster, *postmaster.children(recursive=True)):
            send(process.pid, number)


def server_of_a_copy(path: Path, template: Path) -> TestServer:
    """Start a server with a copy of an empty cluster, which `initdb` takes a second to make.

    The cluster is made in the folder `template` by whoever needs it first.
    """
    with fasteners.InterProcessLock(template.with_suffix(".lock")):
        if not (template / "complete").exists():
            server = TestServer(template)
            flush_nothing(server.dsn)
            server.stop()
            (template / "complete").touch()
    _copy_with_owner(template / "data", path / "data")
    return TestServer(path)


def flush_nothing(dsn: str) -> None:
    """Let a server keep its data in memory: they need not outlive the machine."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


def _copy_with_owner(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
    if sys.platform != "win32" and os.geteuid() == 0:
        owner = source.stat()
        for path in (target, *target.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Short, so that a Unix socket fits; not pytest's, which closes its own to other users."""
    path = Path(mkdtemp(prefix="agentstore-test-", dir=memory()))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def is_alive(pid: int) -> bool:
    """A zombie is dead: nobody may be there to reap a server whose parent is gone."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def await_death(*pids: int, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while any(map(is_alive, pids)):
        assert time.monotonic() < deadline, f"still alive: {[p for p in pids if is_alive(p)]}"
        time.sleep(0.01)


def create_database(server_dsn: str, prefix: str = "test", *, copy_of: str | None = None) -> str:
    """The DSN of a new database: empty, or a copy of one that nobody is connected to."""
    name = f"{prefix}_{uuid4().hex[:12]}"
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if copy_of is not None:
        statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(_database_name(copy_of))
        )
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute(statement)
    return urlsplit(server_dsn)._replace(path=f"/{name}").geturl()


def drop_database(server_dsn: str, dsn: str) -> None:
    """Whoever is still connected is thrown out."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute(statement.format(sql.Identifier(_database_name(dsn))))


def _database_name(dsn: str) -> str:
    return urlsplit(dsn).path.lstrip("/")


class SharedDatabases:
    """One database after the other, for tests that take a schema each.

    To parse the call of a function, a new connection reads all functions of that name, in whatever
    schema: the first put of each store is slower with every schema that another test left. And
    to set up a schema takes twice as long as the rest of a small test, so schemas are copied.
    """

    def __init__(self, server_dsn: str) -> None:
        self._server_dsn = server_dsn
        self._dsn = create_database(server_dsn, "shared")
        self._free = [new_schema_name() for _ in range(_FEW_SCHEMAS)]
        self._template: str | None = None
        self._copied: list[str] = []

    def current(self) -> str:
        """The DSN of the database; ask only where no test uses the one before."""
        if not self._free:
            self._copy()
        return self._dsn

    def schema_name(self) -> str:
        """A name that no other test has; in the database, the schema may be set up and empty."""
        return self._free.pop() if self._free else new_schema_name()

    def drop(self) -> None:
        for dsn in filter(None, (self._dsn, self._template)):
            drop_database(self._server_dsn, dsn)

    def _copy(self) -> None:
        drop_database(self._server_dsn, self._dsn)
        if self._template is None:
            self._copied = [new_schema_name() for _ in range(_COPIED_SCHEMAS)]
            self._template = create_database(self._server_dsn, "template")
            with psycopg.connect(self._template, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION vector")
                for name in self._copied:
                    connection.execute(setup_sql(Tables(name)))
        self._dsn = create_database(self._server_dsn, "shared", copy_of=self._template)
        self._free = list(self._copied)


def new_schema_name() -> str:
    return f"t_{uuid4().hex[:12]}"
