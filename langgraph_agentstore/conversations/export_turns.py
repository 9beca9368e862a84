"""Turns and items to files, row by row: JSON Lines, CSV and Parquet, as `transfer` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from os import PathLike
from typing import IO, Any, Literal, Protocol, TypeAlias, get_args

import orjson

from .._support.progress import Progress, telling_progress
from ..transfer.file_kinds import kind_of, writing
from ..transfer.formats.columns import Columns, Row, json_text
from ..transfer.formats.csv_table import CsvRows
from ..transfer.formats.parquet import ParquetRows
from .turns import Turn, timestamp_text

ExportFormat: TypeAlias = Literal["jsonl", "csv", "parquet"]

ROW_GROUP = 2_000
"""Rows of a Parquet file that are in memory at once."""

TOLD_EVERY = 1_000

TURN_COLUMNS: Columns = {
    "user_id": "text",
    "key": "text",
    "thread_id": "text",
    "timestamp": "time",
    "query": "text",
    "response": "text",
    "metadata": "json",
    "messages": "json",
}


def export_turns(
    turns: Iterable[Turn],
    user_id: str,
    path: str | PathLike[str],
    format: ExportFormat | None,
    progress: Progress | bool | None,
    *,
    escape_formulas: bool,
) -> int:
    """Writes turns as they come; how many. See `ConversationMemory.export`."""
    rows = (
        {
            "user_id": user_id,
            "key": turn.key,
            "thread_id": turn.thread_id,
            "timestamp": turn.timestamp,
            "query": turn.query,
            "response": turn.response,
            "metadata": turn.metadata,
            "messages": turn.stored_messages,
        }
        for turn in turns
    )
    return write_rows(rows, TURN_COLUMNS, path, format, progress, escape_formulas=escape_formulas)


def write_rows(
    rows: Iterator[Row],
    columns: Columns,
    path: str | PathLike[str],
    format: ExportFormat | None,
    progress: Progress | bool | None = None,
    *,
    escape_formulas: bool,
) -> int:
    """Writes rows to a file, which appears when it is complete; how many.

    A row's JSON is given as it is, and times as times with their zone. In CSV a text that a
    spreadsheet would run gets `'` in front, unless `escape_formulas` is False.

    Raises:
        ConfigurationError: the format is unknown, or the folder is not there.
        MissingExtraError: Parquet is asked for without pyarrow.
    """
    kind = kind_of(path, format, known=get_args(ExportFormat), default="jsonl")
    written = 0
    with (
        telling_progress(progress, "exporting") as tell,
        writing(path, kind) as file,
        closing(_writer(kind.format, file, columns, escape_formulas)) as writer,
    ):
        while batch := list(islice(rows, TOLD_EVERY)):
            writer.add(batch if kind.format == "jsonl" else [_cells(row, columns) for row in batch])
            written += len(batch)
            tell(written)
        writer.finish()
    return written


class _Writer(Protocol):
    def add(self, rows: Iterable[Row]) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


class _JsonRows:
    """An object to a line, without what is null."""

    def __init__(self, file: IO[bytes], columns: Columns) -> None:
        self._file = file
        self._columns = columns

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            line = {
                name: timestamp_text(row[name]) if type_ == "time" else row[name]
                for name, type_ in self._columns.items()
                if row[name] is not None
            }
            text = orjson.dumps(line, default=dict, option=orjson.OPT_APPEND_NEWLINE)
            self._file.write(text)

    def finish(self) -> None:
        pass

    def close(self) -> None:
        pass


def _writer(format: str, file: IO[bytes], columns: Columns, escape_formulas: bool) -> _Writer:
    if format == "csv":
        return CsvRows(file, columns, escape_formulas=escape_formulas)
    if format == "parquet":
        return ParquetRows(file, columns, rows_of_group=ROW_GROUP)
    return _JsonRows(file, columns)


def _cells(row: Row, columns: Columns) -> dict[str, Any]:
    """With JSON as text."""
    return {
        name: json_text(row[name]) if type_ == "json" and row[name] is not None else row[name]
        for name, type_ in columns.items()
    }
