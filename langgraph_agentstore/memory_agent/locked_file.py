"""One file that several processes change: replaced whole, under a lock, by a rename."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from .._support.files import (
    NO_FOLLOW,
    expanded,
    lock_beside,
    put_in_place,
    telling_why,
)
from .._support.optional import imported
from .file_formats import Content

_WINDOWS: Final = sys.platform == "win32"


@dataclass(slots=True)
class _Kept:
    """A content and the file it was read from.

    The file stays open, by a descriptor of its own: no later file can have its inode's number,
    and so be taken for it.
    """

    descriptor: int
    identity: tuple[int, ...]
    content: Content

    def __del__(self) -> None:
        os.close(self.descriptor)


class LockedFile:
    """A file with a content; `parse` and `serialise` say how it is written.

    What was read is kept until the file is another. Windows lets nobody replace an open file;
    there it is read anew at each call, under the lock.
    """

    def __init__(
        self,
        path: Path,
        parse: Callable[[bytes], Content],
        serialise: Callable[[Content], bytes],
    ) -> None:
        self.path = expanded(path).resolve()
        self._parse = parse
        self._serialise = serialise
        self._new = self.path.with_name(f".{self.path.name}.new")
        self._kept: _Kept | None = None
        imported("fasteners", "memory")

    def read(self) -> Content:
        """The content as the last writer left it, not to be changed; none of a blank file."""
        if _WINDOWS:
            with lock_beside(self.path).held():
                return self._read()
        return self._read()

    @contextmanager
    def changing(self) -> Iterator[Content]:
        """A content to change in place: it is the file's when the block ends without an error."""
        with lock_beside(self.path).held():
            content = self._read()
            changed = content.copy()
            yield changed
            if changed != content:
                self._replace(self._serialise(changed))
                self._keep(changed)

    def rewrite(self) -> None:
        """Serialise the content again, even if nothing changed."""
        with lock_beside(self.path).held():
            if self.path.exists():
                self._replace(self._serialise(self._read()))
                self._kept = None

    def close(self) -> None:
        """Lets go of the file; the next call opens it again."""
        self._kept = None

    def _read(self) -> Content:
        kept = self._kept
        if kept is not None and kept.identity == _identity(self.path):
            return kept.content
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return {}
        with file:
            data = file.read()
            # An empty file is one that somebody made beforehand, for its rights or a mount.
            content = self._parse(data) if data.strip(_BLANK) else {}
            if not _WINDOWS:
                self._kept = _kept(file, content)
        return content

    def _keep(self, content: Content) -> None:
        """Spares the writer to read what it wrote; under the lock, so nobody replaced it yet."""
        if not _WINDOWS:
            with self.path.open("rb") as file:
                self._kept = _kept(file, content)

    def _replace(self, data: bytes) -> None:
        # Always of one name, so that what a killed writer left is removed by the next; made anew,
        # since a link or a file in its place could be another's. Its owner's alone, unless the
        # file that it replaces is open to others.
        mode = self.path.stat().st_mode & 0o777 if self.path.exists() else 0o600
        with telling_why(self.path):
            self._new.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW | _BINARY
            number = os.open(self._new, flags, 0o600)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._new.chmod(mode)
        except BaseException:
            self._new.unlink(missing_ok=True)
            raise
        put_in_place(self._new, self.path)
        _flush_folder(self.path.parent)


_BLANK: Final = b" \t\r\n\xef\xbb\xbf"
_BINARY: Final = getattr(os, "O_BINARY", 0)


def _kept(file: IO[bytes], content: Content) -> _Kept:
    return _Kept(os.dup(file.fileno()), _identity(file), content)


def _identity(file: IO[bytes] | Path) -> tuple[int, ...]:
    try:
        status = file.stat() if isinstance(file, Path) else os.fstat(file.fileno())
    except FileNotFoundError:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _flush_folder(folder: Path) -> None:
    """So that the rename itself survives a loss of power."""
    if _WINDOWS:
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
