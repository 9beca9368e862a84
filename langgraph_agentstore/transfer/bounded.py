"""A stream that a record may take only so much of: a small file can unpack to anything."""

from __future__ import annotations

import io
from typing import IO, Final

from typing_extensions import Buffer

from ..errors import DamagedFileError

LARGEST_RECORD_BYTES: Final = 64 * 2**20
"""How much of an unpacked file one record may take, unless more is allowed."""

_CHUNK: Final = 2**17


class BoundedStream(io.RawIOBase):
    """Reads a stream, and counts since the last record; `begin_record` starts to count anew."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream = stream
        self._most = most
        self._taken = 0

    def begin_record(self) -> None:
        """Count from here on: the record before is read."""
        self._taken = 0

    def readable(self) -> bool:
        """As of every stream that is read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Read into a buffer; how many bytes."""
        view = memoryview(buffer)
        data = self._stream.read(min(len(view), _CHUNK))
        view[: len(data)] = data
        self._taken += len(data)
        # What is read ahead belongs to the next record.
        if self._taken > self._most + 2 * _CHUNK:
            raise too_large(self._most)
        return len(data)


def too_large(most: int) -> DamagedFileError:
    """What is said of a record that takes more."""
    return DamagedFileError(
        f"it has a record of more than {most} bytes; if it is yours, allow more: max_record_bytes=…"
    )
