"""One JSON array: a document on each line, the manifest its last element.

Reads any array of documents, and JSON Lines too, however they are laid out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

import orjson

from ..manifest import Manifest, manifest_entry
from .base import Entry, Writer, entry_of
from .json_values import values_of


class _ArrayWriter:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.write(b"[\n")

    def add(self, entries: Sequence[Entry]) -> None:
        self._file.write(b"".join([entry.line + b",\n" for entry in entries]))

    def finish(self, manifest: Manifest) -> None:
        self._file.write(orjson.dumps(manifest_entry(manifest)) + b"\n]\n")

    def close(self) -> None:
        pass


def writer(file: IO[bytes]) -> Writer:
    """What writes to a stream."""
    return _ArrayWriter(file)


def read(file: IO[bytes], _most: int = 0, /) -> Iterator[Entry | Manifest]:
    """The elements, one after another."""
    yield from map(entry_of, values_of(file))
