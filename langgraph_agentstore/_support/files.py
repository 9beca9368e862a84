"""Files: expanded paths, atomic replacement, and locks between threads and processes."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Final

from ..errors import FileNotWritableError, StoreTimeoutError
from .optional import imported

NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)  # Windows has none

LOCK_TIMEOUT_S: Final = 60.0
"""After so long another process holds the lock for more than a write."""

_MOUNTED: Final = (
    "it is a mount point, such as a single file mounted into a container, and cannot be replaced "
    "at once; mount its folder instead"
)
_REASONS: Final = {
    errno.EBUSY: _MOUNTED,
    errno.EXDEV: _MOUNTED,
    errno.EROFS: "its file system is read-only; mount it for writing, or name another path",
    errno.EACCES: "this process may not write into its folder; allow it, or name another path",
    errno.EPERM: "this process may not write into its folder; allow it, or name another path",
    errno.ENOTDIR: "a part of the path is a file, not a folder; name another path",
    errno.EEXIST: "a part of the path is a file, not a folder; name another path",
    errno.ELOOP: "a symbolic link stands there, which is not followed; remove it",
    errno.EISDIR: "it is a folder; name a file in it",
}


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path, with `~` and `~user` at its beginning as a home folder where there is one."""
    given = Path(path)
    with suppress(RuntimeError):
        return given.expanduser()
    return given


def made_private(path: Path) -> None:
    """Make an empty file that its owner alone may read, unless there is a file.

    A link in its place is not followed: in a folder that others may write to, it could lead
    anywhere.

    Raises:
        OSError: it is a link, or the folder cannot be written.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600))


@contextmanager
def telling_why(path: Path) -> Iterator[None]:
    """Raises FileNotWritableError, with reason and cure, where the path cannot be written."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0)
        if reason is None:
            raise
        told = FileNotWritableError(f"{str(path)!r} cannot be written, and nothing was: {reason}")
        told.errno = error.errno
        raise told from error


@contextmanager
def replacement_of(path: Path) -> Iterator[IO[bytes]]:
    """A new file, which takes the place of `path` when the block ends; nothing does if it fails.

    A link stays, and what it leads to is replaced.
    """
    path = path.resolve()
    with telling_why(path):
        number, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    new = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    put_in_place(new, path)


def put_in_place(new: Path, path: Path) -> None:
    """Renames a file over another, or removes it and raises."""
    with telling_why(path):
        try:
            new.replace(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise


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
