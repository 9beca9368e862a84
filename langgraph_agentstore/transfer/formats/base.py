"""The interface of the formats, and what they have in common."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final, Protocol, TypeAlias

import orjson

from ...errors import DamagedFileError
from ..manifest import Manifest, manifest_of

Document: TypeAlias = dict[str, Any]
"""A record, as `data_store` documents it, all but its values flat."""

LARGEST_RECORD_BYTES: Final = 64 * 2**20
"""How much of an unpacked file one record may take, unless more is allowed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of a file; `line` is what it is in JSON Lines, without the end of the line."""

    line: bytes
    parsed: Document | None = None

    @property
    def document(self) -> Any:
        """The record; of a line that nobody asks for it, it is never parsed."""
        return orjson.loads(self.line) if self.parsed is None else self.parsed


class Writer(Protocol):
    """Writes a file of one format."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Appends records."""

    def finish(self, manifest: Manifest) -> None:
        """Ends the file."""

    def close(self) -> None:
        """Lets go of the stream, also of a file that was not finished."""


class Format(Protocol):
    """A format: a module of `transfer/formats/`."""

    def writer(self, file: IO[bytes]) -> Writer:
        """What writes to a stream, without closing it."""

    def read(
        self, file: IO[bytes], most: int = LARGEST_RECORD_BYTES, /
    ) -> Iterator[Entry | Manifest]:
        """The records, and where there is one the manifest.

        `most`: bytes of a record, for a format that does not read its file from end to end.
        """


def entry_of(document: Any) -> Entry | Manifest:
    """A value of a file: a record, or the manifest."""
    if isinstance(document, dict) and document.keys() == {"manifest"}:
        return manifest_of(document["manifest"])
    return Entry(_line_of(document), document)


def _line_of(document: Any) -> bytes:
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        # Another program's, with what no record can hold: it is refused by its number later.
        return json.dumps(document).encode()


def too_large(most: int) -> DamagedFileError:
    """What is said of a record that takes more."""
    return DamagedFileError(
        f"it has a record of more than {most} bytes; if it is yours, allow more: max_record_bytes=…"
    )
