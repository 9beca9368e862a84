"""Which server runs in a folder, if any."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What `postmaster.pid` says of a running server (pidfile.h in Postgres's source)."""

    pid: int
    port: int
    socket_folder: str
    ready: bool

    @classmethod
    def of(cls, data: Path) -> Postmaster | None:
        """None when no server runs; a file left by a dead one is not believed."""
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
        # sslmode, because PGSSLMODE in the environment is meant for another server.
        if not self.socket_folder:
            return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"
        host = quote(self.socket_folder, safe="/")
        return f"postgresql://postgres@/postgres?host={host}&port={self.port}&sslmode=disable"


def _works_in(pid: int, folder: Path) -> bool:
    """Whether `pid` lives and its working folder is `folder`, as a postmaster's is."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and folder.samefile(process.cwd())
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
    except psutil.AccessDenied:
        return True
