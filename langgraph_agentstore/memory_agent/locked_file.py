"""One file that several processes change: under a lock, a new file replaces the old one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from .._support.files import expanded, lock_beside, replace_locked
from .._support.optional import imported
from .file_formats import MemoryEntries

_WINDOWS: Final = sys.platform == "win32"


@dataclass(slots=True)
class _Kept:
    """A content and the open file that it was read from.

    While the file is open, no later file can get its inode's number and be taken for it.
    """

    descriptor: int
    identity: tuple[int, ...]
    content: MemoryEntries

    def __del__(self) -> None:
        os.close(self.descriptor)


class LockedFile:
    """A file whose content `parse` reads and `serialise` writes.

    The content is kept in memory until the file changes. Windows cannot replace an open file, so
    there each call reads the file again, under the lock.
    """

    def __init__(
        self,
        path: Path,
        parse: Callable[[bytes], MemoryEntries],
        serialise: Callable[[MemoryEntries], bytes],
    ) -> None:
        self.path = expanded(path).resolve()
        self._parse = parse
        self._serialise = serialise
        self._kept: _Kept | None = None
        imported("fasteners", "memory")

    def read(self) -> MemoryEntries:
        """Return the content as the last writer left it, not to be changed; {} for a blank file."""
        if _WINDOWS:
            with lock_beside(self.path).held():
                return self._read()
        return self._read()

    @contextmanager
    def changing(self) -> Iterator[MemoryEntries]:
        """Yield a content to change in place; write it when the block ends without an error."""
        with lock_beside(self.path).held():
            content = self._read()
            changed = content.copy()
            yield changed
            if changed != content:
                replace_locked(self.path, self._serialise(changed))
                self._keep(changed)

    def rewrite(self) -> None:
        """Write the content again, even if nothing changed."""
        with lock_beside(self.path).held():
            if self.path.exists():
                replace_locked(self.path, self._serialise(self._read()))
                self._kept = None

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self._kept = None

    def _read(self) -> MemoryEntries:
        kept = self._kept
        if kept is not None and kept.identity == _identity(self.path):
            return kept.content
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return {}
        with file:
            data = file.read()
            # A blank file was created beforehand, for its permissions or as a mount point.
            content = self._parse(data) if data.strip(_BLANK) else {}
            if not _WINDOWS:
                self._kept = _kept(file, content)
        return content

    def _keep(self, content: MemoryEntries) -> None:
        """Keep the content just written; under the lock, so nobody has replaced the file yet."""
        if not _WINDOWS:
            with self.path.open("rb") as file:
                self._kept = _kept(file, content)


_BLANK: Final = b" \t\r\n\xef\xbb\xbf"


def _kept(file: IO[bytes], content: MemoryEntries) -> _Kept:
    return _Kept(os.dup(file.fileno()), _identity(file), content)


def _identity(file: IO[bytes] | Path) -> tuple[int, ...]:
    try:
        status = file.stat() if isinstance(file, Path) else os.fstat(file.fileno())
    except FileNotFoundError:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
