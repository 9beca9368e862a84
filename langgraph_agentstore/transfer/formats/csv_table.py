"""CSV: a header, a row for each document, and a last row of two cells: the manifest.

Values, metadata and labels are JSON text; an empty cell is null, or a text that is empty. Texts
are exact, so a spreadsheet takes one that begins with `=` for a formula. What a spreadsheet saved
again is read too: with a byte order mark, other line ends, `;` or tabs between cells, and empty
cells at the end of short rows. `CsvRows` writes rows of any columns.
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
    Document,
    Entry,
    Writer,
    entry_of,
)
from .columns import (
    COLUMNS,
    REQUIRED,
    Columns,
    ColumnType,
    Row,
    document_of_row,
    json_text,
    row_of,
)

MARK = "# manifest"
"""In place of an `_id`, which holds two colons at least; spreadsheets fill its row up."""

_LARGEST_CELL = 2**31 - 1
_LONGEST_HEADER = 10_000
_SEPARATORS = ",;\t"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula; the last four are its wide forms."""


class CsvRows:
    """Writes rows to a stream, after a header.

    Args:
        file: where they go.
        columns: their names and types.
        escape_formulas: writes `'` before a text that a spreadsheet would run as a formula.
    """

    def __init__(self, file: IO[bytes], columns: Columns, *, escape_formulas: bool = False) -> None:
        self._file = file
        self._columns = columns
        self._shown = without_formula if escape_formulas else _as_it_is
        self.write([list(columns)])

    def add(self, rows: Iterable[Row]) -> None:
        """Appends rows."""
        self.write(
            [self._shown(_cell(row[name], type_)) for name, type_ in self._columns.items()]
            for row in rows
        )

    def write(self, lines: Iterable[Sequence[Any]]) -> None:
        """Appends lines of cells, whatever their number."""
        text = io.StringIO(newline="")
        csv.writer(text).writerows(lines)
        self._file.write(text.getvalue().encode())

    def finish(self) -> None:
        """Ends the table."""

    def close(self) -> None:
        """Lets go of the stream."""


def without_formula(cell: Any) -> Any:
    """Returns a cell that no spreadsheet runs: as OWASP advises, `'` before a formula's start."""
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


def writer(file: IO[bytes]) -> Writer:
    """What writes to a stream."""
    return _TableWriter(file)


def read(file: IO[bytes], _most: int = 0, /) -> Iterator[Entry | Manifest]:
    """The rows; columns may stand in any order."""
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


def _cell(cell: Any, type_: ColumnType) -> Any:
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
