"""A primary and a standby that follows it, of the bundled binaries."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from langgraph_agentstore.embedded.programs import Programs, bundled_major
from tests.support.faults import execute, free_port, wait_until
from tests.support.servers import await_death, send, temporary_folder


class PairedServer:
    """One of the two; on a port of 127.0.0.1."""

    def __init__(self, folder: Path, programs: Programs) -> None:
        self.data = folder
        self.port = free_port()
        self._programs = programs

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"

    @property
    def pid(self) -> int:
        """The postmaster's."""
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k '' -c fsync=off"
        self.run("pg_ctl", "start", "-s", "-w", "-l", "server.log", "-D", ".", "-o", options)

    def run(self, program: str, *arguments: str) -> None:
        failure = self._programs.run(self.data, program, *arguments)
        assert failure is None, failure

    def freeze(self) -> None:
        """Every process stops answering, and the connections stay open."""
        for pid in self._processes():
            send(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self._processes():
            send(pid, signal.SIGCONT)

    def kill(self) -> None:
        """As a power failure."""
        doomed = self._processes()
        for pid in doomed:
            send(pid, signal.SIGKILL)
        await_death(*doomed)

    def restart(self) -> None:
        """Starts again after `kill`, whose processes may wait for their parent to notice."""
        (self.data / "postmaster.pid").unlink()
        self.start()

    def promote(self) -> None:
        """Returns when it takes writes."""
        # Without waiting there: a statement that waits may be in the way of what it waits for.
        execute(self.dsn, "SELECT pg_promote(false)")
        wait_until(lambda: execute(self.dsn, "SELECT pg_is_in_recovery()") == [(False,)])

    def _processes(self) -> list[int]:
        postmaster = psutil.Process(self.pid)
        return [postmaster.pid, *(p.pid for p in postmaster.children(recursive=True))]


class Pair:
    """Both, and the DSN that names them; what is committed on the first is on the second."""

    def __init__(self, folder: Path) -> None:
        programs = Programs(bundled_major())
        folders = [folder / name for name in ("primary", "standby")]
        for made in folders:
            made.mkdir(mode=0o700)
            programs.give(made)
            programs.reach(made)
        self.primary, self.standby = (PairedServer(made, programs) for made in folders)
        self.primary.run(
            "initdb", "-D", ".", "--auth=trust", "--username=postgres", "--encoding=UTF8", "-N"
        )
        self.primary.start()
        source = f"host=127.0.0.1 port={self.primary.port} user=postgres"
        self.standby.run("pg_basebackup", "-D", ".", "-R", "-c", "fast", "-N", "-d", source)
        self.standby.start()
        execute(self.primary.dsn, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        execute(self.primary.dsn, "SELECT pg_reload_conf()")
        wait_until(self._is_synchronous)

    @property
    def dsn(self) -> str:
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://postgres@{hosts}/postgres?sslmode=disable"

    def _is_synchronous(self) -> bool:
        found = execute(self.primary.dsn, "SELECT sync_state FROM pg_stat_replication")
        return found == [("sync",)]


@contextmanager
def streaming_pair() -> Iterator[Pair]:
    """Both servers run until the block ends, however they were treated."""
    with temporary_folder() as folder:
        pair = Pair(folder)
        try:
            yield pair
        finally:
            for server in (pair.primary, pair.standby):
                try:
                    server.kill()
                except (FileNotFoundError, psutil.NoSuchProcess, psycopg.Error):
                    continue
