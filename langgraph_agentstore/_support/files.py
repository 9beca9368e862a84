"""Files: expanded paths, atomic replacement, and locks between threads and processes."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Final

from ..errors import FileNotWritableError, StoreTimeoutError
from .optional import imported

NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
_BINARY: Final = getattr(os, "O_BINARY", 0)

LOCK_TIMEOUT_S: Final = 60.0
"""A wait longer than this means that another process holds the lock for more than a write."""

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
    """Return the path, with a leading `~` or `~user` replaced by a home folder if there is one."""
    given = Path(path)
    with suppress(RuntimeError):
        return given.expanduser()
    return given


def made_private(path: Path) -> None:
    """Create an empty file that only its owner may read, unless there is a file.

    Links are not followed. In a folder that others may write to, a link could lead anywhere.

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
    """Yield a new private file that replaces `path` when the block ends without an error.

    If the block fails, the old file stays. A link stays; the file it leads to is replaced.
    """
    path = path.resolve()
    with telling_why(path):
        number, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with _flushed(number, Path(name)) as file:
        yield file
    _put_in_place(Path(name), path)


def replace_locked(path: Path, data: bytes) -> None:
    """Replace a file's content; the caller holds the file's lock.

    The replacement always has one name, so the next writer removes the remains of a killed one.
    A file or link in its place could be another user's, so it is removed. The new file is private
    unless the old one was open to others. The rename survives a loss of power.
    """
    new = path.with_name(f".{path.name}.new")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    with telling_why(path):
        new.unlink(missing_ok=True)
        number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW | _BINARY, 0o600)
    with _flushed(number, new) as file:
        file.write(data)
        new.chmod(mode)
    _put_in_place(new, path)
    _flush_folder(path.parent)


@contextmanager
def _flushed(number: int, new: Path) -> Iterator[IO[bytes]]:
    """Yield an open file; flush it to the disk at the end, or remove it if the block fails."""
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _put_in_place(new: Path, path: Path) -> None:
    """Rename a file over another; if that fails, remove it and raise."""
    with telling_why(path):
        try:
            new.replace(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise


def _flush_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


class FileLock:
    """A lock on a path against other threads and processes; a process has one object per path.

    POSIX locks belong to the process. Two objects for one file would both get the lock, and the
    first to close the file would lose it for both.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._processes = imported("fasteners", "memory").InterProcessLock(path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock within the block.

        Raises:
            StoreTimeoutError: another process held it for `LOCK_TIMEOUT_S`.
            FileNotWritableError: the lock file cannot be created.
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
    # Another thread may hold a lock while the process forks. Nobody would release it in the child.
    os.register_at_fork(after_in_child=_locks.clear)


def is_shared(path: Path) -> bool:
    """Tell whether processes write the file under a lock, so that it is no file of one's own."""
    return _lock_file_of(path.resolve()).exists()


def _lock_file_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def lock_beside(path: Path) -> FileLock:
    """Return the lock of a file: an empty file `….lock` beside it, which stays."""
    path = path.resolve()
    with telling_why(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    beside = _lock_file_of(path)
    return _locks.get(beside) or _locks.setdefault(beside, FileLock(beside))
