"""The interface of the formats, and their common parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Final, Literal, Protocol, TypeAlias

import orjson

from ...errors import DamagedFileError
from ..manifest import Manifest, manifest_of

Document: TypeAlias = dict[str, Any]
"""A record as a JSON object in the layout of `data_store`, flat except for its value."""

LARGEST_RECORD_BYTES: Final = 64 * 2**20
"""How many bytes of an unpacked file one record may take, by default."""

ColumnType: TypeAlias = Literal["text", "json", "integer", "number", "time", "labels"]
"""The content of a cell: text, JSON text, a number, a time or its ISO text, a list of texts."""

Columns: TypeAlias = Mapping[str, ColumnType]
"""The names and types of a table's columns, in order."""

Cells: TypeAlias = Mapping[str, Any]
"""A cell for each column; None is null."""

COLUMNS: Columns = {
    "_id": "text",
    "userId": "text",
    "namespace": "text",
    "key": "text",
    "value": "json",
    "metadata": "json",
    "createdByAgent": "text",
    "lastAccessedByAgent": "text",
    "accessCount": "integer",
    "createdAt": "time",
    "updatedAt": "time",
    "lastAccessedAt": "time",
    "expiresAt": "time",
    "version": "integer",
    "labels": "labels",
    "ttlMinutes": "number",
}
"""The columns of a document, in the order of its fields."""

REQUIRED = ("_id", "userId", "namespace", "key")
"""Texts that are never null: an empty cell is an empty text."""

OPTIONAL = ("labels", "ttlMinutes")
"""Fields that a document omits instead of null."""


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


def row_of(document: Document) -> Cells:
    """Return a document's cells; value and metadata are JSON text, also for null."""
    cells = {name: document.get(name) for name in COLUMNS}
    json = {name: json_text(cells[name]) for name, type_ in COLUMNS.items() if type_ == "json"}
    return {**cells, **json}


def json_text(value: Any) -> str:
    """Return a value as the JSON text of a cell."""
    return orjson.dumps(value, default=dict).decode()


def document_of_row(cells: Cells) -> Document:
    """Return the document of a row; the inverse of `row_of`."""
    document = {}
    for name, type_ in COLUMNS.items():
        cell = cells[name]
        if cell is None and name in OPTIONAL:
            continue
        if type_ == "json":
            cell = orjson.loads(cell)
        elif isinstance(cell, datetime):
            cell = cell.isoformat()
        document[name] = cell
    return document
