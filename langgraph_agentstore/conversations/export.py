"""Turns and items to files, row by row: JSON Lines, CSV and Parquet.

Rows go to a temporary file beside the wanted one, which takes its place when it is complete: a
half-written export is never taken for a whole one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, get_args

import orjson

from ..errors import ConfigurationError
from ..progress import Progress, telling_progress
from ..replacing import replacement_of
from .turns import Turn, timestamp_text

ExportFormat = Literal["jsonl", "csv", "parquet"]

Row: TypeAlias = Mapping[str, Any]
Write: TypeAlias = Callable[[Row], None]

ROW_GROUP = 2_000
"""Rows of a Parquet file that are in memory at once."""

TOLD_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of an export in order; `times` hold times, `json` any JSON, all others text."""

    names: Sequence[str]
    times: frozenset[str] = frozenset()
    json: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()


TURN_COLUMNS = Columns(
    ("user_id", "key", "thread_id", "timestamp", "query", "response", "metadata", "messages"),
    times=frozenset({"timestamp"}),
    json=frozenset({"metadata", "messages"}),
)


def export_turns(
    turns: Iterable[Turn],
    user_id: str,
    path: str | PathLike[str],
    format: ExportFormat,
    progress: Progress | bool | None,
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
    return write_rows(rows, TURN_COLUMNS, path, format, progress)


def write_rows(
    rows: Iterable[Row],
    columns: Columns,
    path: str | PathLike[str],
    format: ExportFormat,
    progress: Progress | bool | None = None,
) -> int:
    """Writes rows to a file of that format, which appears when it is complete; how many.

    Raises:
        ConfigurationError: the format is unknown, or Parquet is asked for without pyarrow.
    """
    opened = _writer_of(format)
    written = 0
    with (
        telling_progress(progress, "exporting") as tell,
        replacement_of(Path(path)) as file,
        opened(file, columns) as write,
    ):
        for row in rows:
            write(row)
            written += 1
            if written % TOLD_EVERY == 0:
                tell(written)
        tell(written)
    return written


@contextmanager
def _json_lines(file: IO[bytes], columns: Columns) -> Iterator[Write]:
    def write(row: Row) -> None:
        plain = {
            name: timestamp_text(row[name]) if name in columns.times else row[name]
            for name in columns.names
            if row[name] is not None
        }
        file.write(orjson.dumps(plain, default=dict, option=orjson.OPT_APPEND_NEWLINE))

    yield write


@contextmanager
def _csv(file: IO[bytes], columns: Columns) -> Iterator[Write]:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(columns.names)

    def write(row: Row) -> None:
        writer.writerow([_cell(name, row[name], columns) for name in columns.names])

    yield write
    text.detach()  # flushes, and leaves the file open


def _cell(name: str, value: Any, columns: Columns) -> Any:
    if value is None:
        return None
    if name in columns.times:
        return timestamp_text(value)
    return orjson.dumps(value, default=dict).decode() if name in columns.json else value


@contextmanager
def _parquet(file: IO[bytes], columns: Columns) -> Iterator[Write]:
    arrow, parquet = _pyarrow()
    schema = arrow.schema([(name, _arrow_type(arrow, name, columns)) for name in columns.names])
    group: list[dict[str, Any]] = []

    with parquet.ParquetWriter(file, schema) as writer:

        def flush() -> None:
            writer.write_table(arrow.Table.from_pylist(group, schema=schema))
            group.clear()

        def write(row: Row) -> None:
            group.append(
                {
                    name: row[name] if name in columns.times else _cell(name, row[name], columns)
                    for name in columns.names
                }
            )
            if len(group) == ROW_GROUP:
                flush()

        yield write
        if group:
            flush()


def _arrow_type(arrow: Any, name: str, columns: Columns) -> Any:
    if name in columns.times:
        return arrow.timestamp("us", tz="UTC")
    return arrow.int64() if name in columns.numbers else arrow.string()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigurationError(
            "writing Parquet needs pyarrow: pip install 'langgraph_agentstore[parquet]'"
        ) from None
    return pyarrow, pyarrow.parquet


def _writer_of(format: str) -> Any:
    if format == "parquet":
        _pyarrow()  # before any row is read
    writers = {"jsonl": _json_lines, "csv": _csv, "parquet": _parquet}
    if format not in writers:
        raise ConfigurationError(
            f"format={format!r} is not known; known: {', '.join(get_args(ExportFormat))}"
        )
    return writers[format]
