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
    """Expand `~` and `~user` at the start of a path to a home folder, if there is one."""
    given = Path(path)
    with suppress(RuntimeError):
        return given.expanduser()
    return given


def made_private(path: Path) -> None:
    """Make an empty file that only its owner may read, unless there is a file.

    A link in its place is not followed: in a folder that others may write to, it could lead
    anywhere.

    Raises:
        OSError: it is a link, or the folder cannot be written.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600))


@contextmanager
def telling_why(path: Path) -> Iterator[None]:
    """Raise FileNotWritableError, with reason and cure, if the path cannot be written."""
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
    """Open a new file that replaces `path` when the block ends without an error.

    A link stays, and its target is replaced.
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
    """Rename a file over another; on an error remove it and raise."""
    with telling_why(path):
        try:
            new.replace(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise


class FileLock:
    """A lock between threads and processes; one object for each path of the process.

    A POSIX lock belongs to the process. So two objects for one file would both hold it, and the
    first to close the file would lose it for both.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._processes = imported("fasteners", "memory").InterProcessLock(path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for the block.

        Raises:
            StoreTimeoutError: another held it for `LOCK_TIMEOUT_S`.
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
    """Return the lock of a file: an empty file `….lock` beside it, which stays."""
    path = path.resolve()
    with telling_why(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.lock")
    return _locks.get(beside) or _locks.setdefault(beside, FileLock(beside))
