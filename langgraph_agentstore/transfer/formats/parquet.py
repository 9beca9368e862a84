"""Parquet: one row per document, the manifest in the file's metadata.

`ParquetRows` writes rows of any columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import IO, Any

import orjson

from ..._support.optional import imported
from ...errors import DamagedFileError
from ..manifest import Manifest, manifest_entry
from .base import (
    COLUMNS,
    LARGEST_RECORD_BYTES,
    Cells,
    Columns,
    ColumnType,
    Entry,
    FileWriter,
    document_of_row,
    entry_of,
    row_of,
    too_large,
)

_MANIFEST_KEY = b"langgraph_agentstore"
ROWS_OF_GROUP = 10_000
_BYTES_OF_GROUP = 2**23
_ROWS_OF_BATCH = 500
_LARGEST_GROUP = 2**28


class ParquetRows:
    """A writer of rows to a stream, in groups: small groups compress badly."""

    def __init__(
        self, file: IO[bytes], columns: Columns, rows_of_group: int = ROWS_OF_GROUP
    ) -> None:
        self._arrow, parquet = _pyarrow()
        self._columns = columns
        self._schema = _schema(self._arrow, columns)
        self._file = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._rows_of_group = rows_of_group
        self._rows: list[Cells] = []
        self._bytes = 0

    def add(self, rows: Iterable[Cells]) -> None:
        """Append rows."""
        for row in rows:
            self._rows.append({name: _arrow_cell(row[name], self._columns[name]) for name in row})
            self._bytes += sum(len(cell) for cell in row.values() if isinstance(cell, str))
            if len(self._rows) >= self._rows_of_group or self._bytes >= _BYTES_OF_GROUP:
                self._write_group()

    def finish(self, metadata: Mapping[bytes, bytes] | None = None) -> None:
        """End the file."""
        self._write_group()
        if metadata is not None:
            self._file.add_key_value_metadata(metadata)
        self._file.close()

    def close(self) -> None:
        """Release the stream, also if the file was not finished."""
        # Otherwise its collection would write the end, long after the stream is closed.
        with suppress(Exception):
            self._file.close()

    def _write_group(self) -> None:
        if self._rows:
            self._file.write_table(self._arrow.Table.from_pylist(self._rows, self._schema))
            self._rows, self._bytes = [], 0


class _ParquetWriter:
    def __init__(self, file: IO[bytes]) -> None:
        self._rows = ParquetRows(file, COLUMNS)

    def add(self, entries: Sequence[Entry]) -> None:
        self._rows.add(row_of(entry.document) for entry in entries)

    def finish(self, manifest: Manifest) -> None:
        self._rows.finish({_MANIFEST_KEY: orjson.dumps(manifest_entry(manifest))})

    def close(self) -> None:
        self._rows.close()


def writer(file: IO[bytes]) -> FileWriter:
    """Return a writer to a stream."""
    return _ParquetWriter(file)


def read(file: IO[bytes], most: int = LARGEST_RECORD_BYTES, /) -> Iterator[Entry | Manifest]:
    """Yield the rows, then the manifest."""
    arrow, parquet = _pyarrow()
    # pyarrow closes the file that it is given, so give it a wrapper.
    # Dictionaries keep equal texts once: a file of kilobytes can repeat a long one a million times.
    texts = [name for name, type_ in COLUMNS.items() if type_ in ("text", "json")]
    source = arrow.PythonFile(file, mode="r")
    table = parquet.ParquetFile(source, read_dictionary=[*texts, "labels.list.element"])
    sizes = (table.metadata.row_group(n).total_byte_size for n in range(table.num_row_groups))
    if max(sizes, default=0) > most + _LARGEST_GROUP:
        raise too_large(most)
    if set(table.schema_arrow.names) != COLUMNS.keys():
        raise DamagedFileError("its columns are not those of an export")
    for batch in table.iter_batches(batch_size=_ROWS_OF_BATCH):
        for number in range(batch.num_rows):
            yield entry_of(document_of_row(_row(batch, number, most)))
    manifest = (table.metadata.metadata or {}).get(_MANIFEST_KEY)
    if manifest is not None:
        yield entry_of(orjson.loads(manifest))


def _row(batch: Any, number: int, most: int) -> Cells:
    row, size = {}, 0
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        cell = row[name] = column[number].as_py()
        size += sum(map(len, cell)) if isinstance(cell, list) else len(str(cell))
        if size > most:
            raise too_large(most)
    return row


def _arrow_cell(cell: Any, type_: ColumnType) -> Any:
    return datetime.fromisoformat(cell) if type_ == "time" and isinstance(cell, str) else cell


def _schema(arrow: Any, columns: Columns) -> Any:
    types = {
        "text": arrow.string(),
        "json": arrow.string(),
        "integer": arrow.int64(),
        "number": arrow.float64(),
        "time": arrow.timestamp("us", tz="UTC"),
        "labels": arrow.list_(arrow.string()),
    }
    return arrow.schema([(name, types[type_]) for name, type_ in columns.items()])


def _pyarrow() -> tuple[Any, Any]:
    return imported("pyarrow", "parquet"), imported("pyarrow.parquet", "parquet")
