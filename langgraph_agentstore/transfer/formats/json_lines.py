"""JSON Lines: one document per line, the manifest on the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

import orjson

from ..manifest import Manifest, manifest_entry
from .base import Entry, FileWriter, entry_of

_MANIFEST = b'{"manifest":'


class _LineWriter:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, entries: Sequence[Entry]) -> None:
        self._file.write(b"".join([entry.line + b"\n" for entry in entries]))

    def finish(self, manifest: Manifest) -> None:
        self._file.write(orjson.dumps(manifest_entry(manifest)) + b"\n")

    def close(self) -> None:
        pass


def writer(file: IO[bytes]) -> FileWriter:
    """Return a writer to a stream."""
    return _LineWriter(file)


def read(file: IO[bytes], _most: int = 0, /) -> Iterator[Entry | Manifest]:
    """Yield the lines unparsed, since the checksum is over their exact bytes."""
    for line in file:
        text = line.rstrip(b"\r\n")
        yield entry_of(orjson.loads(text)) if text.startswith(_MANIFEST) else Entry(text)
