"""A lock that excludes other threads and other processes from a file."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..errors import StoreTimeoutError
from .files import made_private, telling_why
from .optional import imported

LOCK_TIMEOUT_S: Final = 60.0
"""After so long another process holds the lock for more than a write."""


class FileLock:
    """Excludes other threads and other processes; one object for a path, process-wide.

    A lock of POSIX belongs to the process: two objects for one file would both have it, and the
    first to close the file would lose it for both.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._processes = imported("fasteners", "memory").InterProcessLock(path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """While it is held nobody else holds it.

        Raises:
            StoreTimeoutError: somebody held it for `LOCK_TIMEOUT_S`.
            FileNotWritableError: its file cannot be made.
        """
        with self._threads:
            with telling_why(self._path):
                made_private(self._path)
                is_held = self._processes.acquire(timeout=LOCK_TIMEOUT_S)
            if not is_held:
                raise StoreTimeoutError(
                    f"another process has held {self._path} for {LOCK_TIMEOUT_S:g} s: end it "
                    "and try again; nothing was written"
                )
            try:
                yield
            finally:
                self._processes.release()


_locks: Final[dict[Path, FileLock]] = {}

if hasattr(os, "register_at_fork"):
    # Another thread may hold one while the process forks: in the child nobody would release it.
    os.register_at_fork(after_in_child=_locks.clear)


def lock_beside(path: Path) -> FileLock:
    """The lock of a file: an empty file `….lock` beside it, which stays."""
    path = path.resolve()
    with telling_why(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.lock")
    return _locks.get(beside) or _locks.setdefault(beside, FileLock(beside))
