"""Paths as people write them; and files that are replaced when the new one is whole and on disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Final

from ..errors import FileNotWritableError

NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)  # Windows has none

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
    errno.ELOOP: "there is a link in the place of a file of ours; remove it",
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
