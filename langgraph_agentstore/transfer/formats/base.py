"""The interface of the formats, and their common parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final, Protocol, TypeAlias

import orjson

from ...errors import DamagedFileError
from ..manifest import Manifest, manifest_of

Document: TypeAlias = dict[str, Any]
"""A record as a JSON object in the layout of `data_store`, flat except for its value."""

LARGEST_RECORD_BYTES: Final = 64 * 2**20
"""How many bytes of an unpacked file one record may take, by default."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of a file; `line` is its line of JSON Lines, without the line end."""

    line: bytes
    parsed: Document | None = None

    @property
    def document(self) -> Any:
        """Return the record; a line is parsed only here."""
        return orjson.loads(self.line) if self.parsed is None else self.parsed


class FileWriter(Protocol):
    """A writer of a file of one format."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Append records."""

    def finish(self, manifest: Manifest) -> None:
        """End the file."""

    def close(self) -> None:
        """Release the stream, also if the file was not finished."""


class Format(Protocol):
    """A format: a module of `transfer/formats/`."""

    def writer(self, file: IO[bytes]) -> FileWriter:
        """Return a writer to a stream, which it does not close."""

    def read(
        self, file: IO[bytes], most: int = LARGEST_RECORD_BYTES, /
    ) -> Iterator[Entry | Manifest]:
        """Yield the records, and the manifest if there is one.

        `most`: the bytes a record may take, for a format that does not read sequentially.
        """


def entry_of(document: Any) -> Entry | Manifest:
    """Return the record or the manifest of a value of a file."""
    if isinstance(document, dict) and document.keys() == {"manifest"}:
        return manifest_of(document["manifest"])
    return Entry(_line_of(document), document)


def _line_of(document: Any) -> bytes:
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        # A foreign document with values that no record can hold. It is refused later, by number.
        return json.dumps(document).encode()


def too_large(most: int) -> DamagedFileError:
    """Return the error for a record of more bytes."""
    return DamagedFileError(
        f"it has a record of more than {most} bytes; if it is yours, allow more: max_record_bytes=…"
    )
