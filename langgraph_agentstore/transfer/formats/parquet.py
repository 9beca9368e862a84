"""Parquet: a row for each document, the manifest among the file's metadata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import IO, Any

import orjson

from ...errors import DamagedFileError
from ...extras import imported
from ..documents import Entry, Writer, entry_of
from ..manifest import Manifest
from .columns import COLUMNS, cell_of, document_of_cells

_MANIFEST = b"langgraph_agentstore"
_ROWS_OF_GROUP = 10_000
_BYTES_OF_GROUP = 2**23
_ROWS_OF_BATCH = 500


class _ParquetWriter:
    """Collects rows until there are enough for a group: smaller ones compress badly."""

    def __init__(self, file: IO[bytes]) -> None:
        self._arrow, parquet = _pyarrow()
        self._schema = _schema(self._arrow)
        self._file = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._rows.append({name: _cell(entry, name) for name in COLUMNS})
            self._bytes += len(entry.line)
            if len(self._rows) >= _ROWS_OF_GROUP or self._bytes >= _BYTES_OF_GROUP:
                self._write_group()

    def finish(self, manifest: Manifest) -> None:
        self._write_group()
        self._file.add_key_value_metadata({_MANIFEST: orjson.dumps(manifest.entry())})
        self._file.close()

    def close(self) -> None:
        # Else it would write its end when it is collected, long after the stream is closed.
        with suppress(Exception):
            self._file.close()

    def _write_group(self) -> None:
        if self._rows:
            self._file.write_table(self._arrow.Table.from_pylist(self._rows, self._schema))
            self._rows, self._bytes = [], 0


def writer(file: IO[bytes]) -> Writer:
    """What writes to a stream."""
    return _ParquetWriter(file)


def read(file: IO[bytes]) -> Iterator[Entry | Manifest]:
    """The rows, and then the manifest."""
    arrow, parquet = _pyarrow()
    # A handle of its own: it closes what it is given.
    table = parquet.ParquetFile(arrow.PythonFile(file, mode="r"))
    if set(table.schema_arrow.names) != COLUMNS.keys():
        raise DamagedFileError("its columns are not those of an export")
    for batch in table.iter_batches(batch_size=_ROWS_OF_BATCH):
        yield from (entry_of(document_of_cells(row)) for row in batch.to_pylist())
    manifest = (table.metadata.metadata or {}).get(_MANIFEST)
    if manifest is not None:
        yield entry_of(orjson.loads(manifest))


def _cell(entry: Entry, name: str) -> Any:
    cell = cell_of(entry.document, name)
    if cell is not None and COLUMNS[name] == "time":
        return datetime.fromisoformat(cell)
    return cell


def _schema(arrow: Any) -> Any:
    types = {
        "text": arrow.string(),
        "json": arrow.string(),
        "integer": arrow.int64(),
        "number": arrow.float64(),
        "time": arrow.timestamp("us", tz="UTC"),
        "labels": arrow.list_(arrow.string()),
    }
    return arrow.schema([(name, types[type_]) for name, type_ in COLUMNS.items()])


def _pyarrow() -> tuple[Any, Any]:
    return imported("pyarrow", "parquet"), imported("pyarrow.parquet", "parquet")
