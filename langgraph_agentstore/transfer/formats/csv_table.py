"""CSV: a header, one row per document, and a last row of two cells with the manifest.

Values, metadata and labels are JSON text. An empty cell is null or an empty text. Texts are exact,
so a spreadsheet takes a text that begins with `=` for a formula. Files saved by a spreadsheet are
read too: with a byte order mark, other line ends, `;` or tabs between cells, and empty cells at
the end of short rows. `CsvRows` writes rows of any columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import IO, Any, TextIO

import orjson

from ...errors import DamagedFileError
from ..manifest import Manifest, manifest_entry
from .base import (
    COLUMNS,
    REQUIRED,
    Cells,
    Columns,
    ColumnType,
    Document,
    Entry,
    FileWriter,
    document_of_row,
    entry_of,
    json_text,
    row_of,
)

MARK = "# manifest"
"""The first cell of the manifest's row, unlike any `_id`: those have two colons at least.

Spreadsheets pad the row with empty cells.
"""

_LARGEST_CELL = 2**31 - 1
_LONGEST_HEADER = 10_000
_SEPARATORS = ",;\t"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")
"""Texts with which a spreadsheet begins a formula; the last four are full-width forms."""


class CsvRows:
    """A writer of rows to a stream, after a header.

    Args:
        file: the stream.
        columns: the names and types of the columns.
        escape_formulas: write `'` before a text that a spreadsheet would run as a formula.
    """

    def __init__(self, file: IO[bytes], columns: Columns, *, escape_formulas: bool = False) -> None:
        self._file = file
        self._columns = columns
        self._shown = without_formula if escape_formulas else _as_it_is
        self.write([list(columns)])

    def add(self, rows: Iterable[Cells]) -> None:
        """Append rows."""
        self.write(
            [self._shown(_csv_cell(row[name], type_)) for name, type_ in self._columns.items()]
            for row in rows
        )

    def write(self, lines: Iterable[Sequence[Any]]) -> None:
        """Append lines of any number of cells."""
        text = io.StringIO(newline="")
        csv.writer(text).writerows(lines)
        self._file.write(text.getvalue().encode())

    def finish(self) -> None:
        """End the table."""

    def close(self) -> None:
        """Release the stream."""


def without_formula(cell: Any) -> Any:
    """Return a cell that no spreadsheet runs: `'` before a formula, as OWASP advises."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _as_it_is(cell: Any) -> Any:
    return cell


def table_of(text: TextIO) -> tuple[list[str], Iterator[list[str]]]:
    """Return the names of a table's columns and an iterator over its rows of cells.

    The separator is the most frequent candidate in the first line.
    """
    # The limit is the whole process's. It is never lowered: another thread may be reading.
    csv.field_size_limit(max(_LARGEST_CELL, csv.field_size_limit()))
    line = text.readline(_LONGEST_HEADER)
    separator = max(_SEPARATORS, key=line.count)
    header = next(csv.reader([line], delimiter=separator), [])
    return header, csv.reader(text, delimiter=separator, strict=True)


class _TableWriter:
    def __init__(self, file: IO[bytes]) -> None:
        self._rows = CsvRows(file, COLUMNS)

    def add(self, entries: Sequence[Entry]) -> None:
        self._rows.add(row_of(entry.document) for entry in entries)

    def finish(self, manifest: Manifest) -> None:
        self._rows.write([[MARK, orjson.dumps(manifest_entry(manifest)).decode()]])

    def close(self) -> None:
        self._rows.close()


def writer(file: IO[bytes]) -> FileWriter:
    """Return a writer to a stream."""
    return _TableWriter(file)


def read(file: IO[bytes], _most: int = 0, /) -> Iterator[Entry | Manifest]:
    """Yield the rows; the columns may be in any order."""
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        header, rows = table_of(text)
        if set(header) != COLUMNS.keys() or len(header) != len(COLUMNS):
            raise DamagedFileError("its columns are not those of an export")
        for row in rows:
            yield _entry(header, row)
    finally:
        text.detach()


def _entry(header: list[str], row: list[str]) -> Entry | Manifest:
    if len(row) >= 2 and row[0] == MARK and not any(row[2:]):
        return entry_of(orjson.loads(row[1]))
    if len(row) != len(header):
        raise DamagedFileError(f"a row has {len(row)} cells in place of {len(header)}")
    return entry_of(_document(dict(zip(header, row, strict=True))))


def _csv_cell(cell: Any, type_: ColumnType) -> Any:
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="microseconds")
    return json_text(cell) if cell is not None and type_ in ("labels", "number") else cell


def _document(cells: dict[str, Any]) -> Document:
    for name, type_ in COLUMNS.items():
        cell = cells[name]
        if not cell and name not in REQUIRED:
            cells[name] = None
        elif type_ in ("integer", "number", "labels"):
            cells[name] = orjson.loads(cell)
    return document_of_row(cells)
