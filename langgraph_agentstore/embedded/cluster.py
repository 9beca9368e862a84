"""The cluster of one folder: creates it, starts its server, stops it with the last process."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from .._support.progress import tell
from ..errors import EmbeddedPostgresError
from .programs import Programs, bundled_major, major_of, not_started

if TYPE_CHECKING:
    import pwd

_LOG_LIMIT_BYTES: Final = 10_000_000

# sockaddr_un.sun_path has 104 bytes on macOS, 108 on Linux, the closing NUL among them.
_SOCKET_PATH_BYTES: Final = 103


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The contents of `postmaster.pid` of a running server (pidfile.h in Postgres's source)."""

    pid: int
    port: int
    socket_folder: str
    ready: bool

    @classmethod
    def of(cls, data: Path) -> Postmaster | None:
        """Read the file; return None if no server runs, also where a dead server left a file."""
        try:
            lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        if not lines or not _works_in(int(lines[0]), data):
            return None
        pid, _, _, port, socket_folder, _, _, status = (lines + [""] * 8)[:8]
        return cls(int(pid), int(port or 0), socket_folder, status.strip() == "ready")

    @property
    def dsn(self) -> str:
        # sslmode is given because PGSSLMODE in the environment is meant for another server.
        if not self.socket_folder:
            return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"
        host = quote(self.socket_folder, safe="/")
        return f"postgresql://postgres@/postgres?host={host}&port={self.port}&sslmode=disable"


class Cluster:
    """One folder as this process uses it: its locks, and the life of its server."""

    def __init__(self, path: Path) -> None:
        import fasteners

        self.path = path
        self.data = path / "data"
        self.holders: set[object] = set()
        self._starting = fasteners.InterProcessLock(path / "starting")
        self._in_use = fasteners.InterProcessReaderWriterLock(path / "in_use")
        self._is_used = False

    def start(self, deadline: float) -> str:
        if (self.path / "PG_VERSION").exists():
            raise not_started(self.path, "the folder is a Postgres cluster itself: name another")
        self.path.mkdir(parents=True, exist_ok=True)
        with self._alone(deadline):
            postmaster = self._ready(deadline)
            if not self._is_used:
                self._is_used = self._in_use.acquire_read_lock()
        return postmaster.dsn

    def leave(self) -> None:
        """Stop the server if nobody else uses it; do not use this object afterwards."""
        try:
            # A server whose folder is gone notices it within a minute and ends.
            if self.data.exists():
                self._leave()
        finally:
            self.forget()

    def _leave(self) -> None:
        with self._alone(time.monotonic() + 60):
            self._in_use.release_read_lock()
            if self._in_use.acquire_write_lock(blocking=False):
                self._halt()

    def forget(self) -> None:
        """Release this process's locks; a forked child has none and only closes the files."""
        if self._in_use.lockfile is not None:
            self._in_use.lockfile.close()

    @contextmanager
    def _alone(self, deadline: float) -> Iterator[None]:
        if not self._starting.acquire(timeout=max(0.0, deadline - time.monotonic())):
            self._starting.lockfile.close()
            raise EmbeddedPostgresError(
                f"another process has been starting or stopping the server in {str(self.path)!r} "
                "all the time: wait for it, or end it"
            )
        try:
            yield
        finally:
            self._starting.release()

    def _ready(self, deadline: float) -> Postmaster:
        if not self.data.exists():
            self._create()
        while True:
            postmaster = Postmaster.of(self.data)
            if postmaster is not None and postmaster.ready:
                return postmaster
            if time.monotonic() > deadline:
                raise not_started(self.path, f"it did not start in time:\n{self._log_tail()}")
            if postmaster is None:
                self._launch(deadline)
            time.sleep(0.02)

    def _create(self) -> None:
        tell(f"starting the bundled Postgres for the first time, in {str(self.path)!r} …")
        # Under another name until it is complete: a killed initdb must not look like a cluster.
        fresh = self.path / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        programs = Programs(bundled_major())
        programs.give(fresh)
        programs.reach(fresh)
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]
        if programs.major >= 17:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        failure = programs.run(fresh, "initdb", "-D", ".", *options)
        if failure is not None:
            raise not_started(self.path, f"initdb failed:\n{failure}")
        fresh.rename(self.data)

    def _launch(self, deadline: float) -> None:
        programs = Programs(major_of(self.data))
        programs.reach(self.data)
        self._remove_leftovers(programs)
        log = self._log()
        before = log.stat().st_size if log.exists() else 0
        seconds = str(max(1, int(deadline - time.monotonic())))
        options = ("-s", "-w", "-t", seconds, "-l", log.name, "-o", self._server_options(programs))
        failure = programs.run(self.data, "pg_ctl", "start", "-D", ".", *options)
        said = self._log_tail(before)
        if failure is not None and "shared memory block" in said and time.monotonic() < deadline:
            time.sleep(0.1)
        elif failure is not None:
            raise not_started(self.path, f"{failure}\n{said}")

    def _remove_leftovers(self, programs: Programs) -> None:
        """Remove a dead server's lock files; their pid may belong to another program by now.

        Postgres would believe them and refuse to start. Orphaned backends still keep a second
        server out, by the shared memory that belongs to the folder.
        """
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        if sys.platform != "win32":
            for lock in _socket_folder(self.data, programs).glob(".s.PGSQL.*.lock"):
                lock.unlink(missing_ok=True)

    def _server_options(self, programs: Programs) -> str:
        """Return the server's options, quoted for the shell to which pg_ctl passes them."""
        memory = f"-c shared_buffers={_shared_buffers_mb()}MB"
        if sys.platform == "win32":
            return f'-h "127.0.0.1" -p {_free_port()} {memory}'
        folder = shlex.quote(str(_socket_folder(self.data, programs)))
        return f"-h '' -p 5432 -k {folder} {memory}"

    def _halt(self) -> None:
        postmaster = Postmaster.of(self.data)
        if postmaster is None:
            return
        programs = Programs(major_of(self.data))
        failure = programs.run(self.data, "pg_ctl", "stop", "-s", "-w", "-m", "fast", "-D", ".")
        if failure is not None:
            raise EmbeddedPostgresError(
                f"the server in {str(self.path)!r} (pid {postmaster.pid}) did not stop: {failure}"
            )
        if postmaster.socket_folder and Path(postmaster.socket_folder) != self.data:
            with suppress(OSError):
                Path(postmaster.socket_folder).rmdir()

    def _log(self) -> Path:
        log = self.data / "server.log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.old"))
        return log

    def _log_tail(self, start: int = 0) -> str:
        try:
            said = (self.data / "server.log").read_bytes()[start:]
        except OSError:
            return ""
        return "\n".join(said.decode(errors="replace").splitlines()[-12:])


def _shared_buffers_mb() -> int:
    """Return a sixteenth of the memory, 128 to 1024 MB; the server touches only what it uses.

    Postgres's own default is 128 MB, a tenth of what a hundred thousand vectors take.
    """
    import psutil

    return min(1024, max(128, int(psutil.virtual_memory().total) // 2**20 // 16))


def _works_in(pid: int, folder: Path) -> bool:
    """Return whether the process lives and `folder` is its working folder, as a postmaster's is."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and folder.samefile(process.cwd())
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
    except psutil.AccessDenied:
        return True


def _socket_folder(data: Path, programs: Programs) -> Path:
    """Return `data`, or a private folder if its path is too long or would need quoting."""
    if _can_hold_socket(data):
        return data
    # With the inode: a folder that replaced another must not find the other's server.
    identity = f"{data}-{data.stat().st_ino}".encode()
    name = f"agentstore-{hashlib.sha256(identity).hexdigest()[:16]}"
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):
        folder = parent / name
        if _can_hold_socket(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            _refuse_foreign(folder, programs.account)
            programs.give(folder)
            programs.reach(folder)
            return folder
    raise not_started(data.parent, "no folder for its socket: TMPDIR's path is too long")


def _can_hold_socket(folder: Path) -> bool:
    path = f"{folder}/.s.PGSQL.5432"
    return (
        len(path) <= _SOCKET_PATH_BYTES and re.fullmatch(r"[\w/.+-]+", path, re.ASCII) is not None
    )


def _refuse_foreign(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Raise if another user owns the socket's folder and could answer in the server's place."""
    status = folder.lstat()
    ours = {os.geteuid()} | ({account.pw_uid} if account is not None else set())
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in ours:
        raise not_started(folder, "the folder for its socket belongs to another user: remove it")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
