"""Exports turns, or all items of a user or a namespace, to files in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from os import PathLike
from typing import IO, Any, Literal, Protocol, TypeAlias, get_args

import orjson
from langgraph.store.base import BaseStore

from .._support.progress import Progress, telling_progress
from ..model.namespaces import Labels, check_labels, encode_labels
from ..model.users import UserScope
from ..sql.items.records import StoredRecord
from ..store.base import StoreBase
from ..store.step_driver import Steps, arun_in_threads, run
from ..store.user_scope import decode_label, encode_label, part_of
from ..transfer.file_kinds import kind_of, writing
from ..transfer.formats.base import Cells, Columns, json_text
from ..transfer.formats.csv_table import CsvRows
from ..transfer.formats.parquet import ParquetRows
from ..transfer.store_readers import AgentReader, ItemReader, Reader
from .background_saver import awaiting_savers
from .keys import in_utc
from .turn_store import NextPage, sorted_pages
from .turns import Turn, timestamp_text

ExportFormat: TypeAlias = Literal["jsonl", "csv", "parquet"]

ROW_GROUP = 2_000
"""The rows of a Parquet file that are in memory at once."""

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

ITEM_COLUMNS: Columns = {
    "user_id": "text",
    "namespace": "text",
    "key": "text",
    "created_by": "text",
    "created_at": "time",
    "updated_at": "time",
    "version": "integer",
    "metadata": "json",
    "value": "json",
}


@dataclass(frozen=True, slots=True)
class ExportTarget:
    """The file of an export; see `ConversationMemory.export` for its options."""

    path: str | PathLike[str]
    format: ExportFormat | None
    progress: Progress | bool | None
    escape_formulas: bool


def exporting_turns(next_page: NextPage[Turn], user_id: str, target: ExportTarget) -> Steps[int]:
    """Write turns page by page; return how many."""

    def next_rows() -> Steps[list[Cells]]:
        turns = yield from next_page()
        return [
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
        ]

    return (yield from _exporting(next_rows, TURN_COLUMNS, target))


def _exporting(next_rows: NextPage[Cells], columns: Columns, target: ExportTarget) -> Steps[int]:
    """Write rows to a file, which appears when it is complete; return how many.

    JSON cells hold JSON values, and time cells times with their zone.
    """
    kind = kind_of(target.path, target.format, known=get_args(ExportFormat), default="jsonl")
    written = 0
    with (
        telling_progress(target.progress, "exporting") as tell,
        writing(target.path, kind) as file,
        closing(_writer(kind.format, file, columns, target.escape_formulas)) as writer,
    ):
        while rows := (yield from next_rows()):
            writer.add(rows if kind.format == "jsonl" else [_cells(row, columns) for row in rows])
            written += len(rows)
            tell(written)
        writer.finish()
    return written


class _Writer(Protocol):
    def add(self, rows: Iterable[Cells]) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


class _JsonRows:
    """JSON Lines: an object to a line, without its null fields."""

    def __init__(self, file: IO[bytes], columns: Columns) -> None:
        self._file = file
        self._columns = columns

    def add(self, rows: Iterable[Cells]) -> None:
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


def _cells(row: Cells, columns: Columns) -> dict[str, Any]:
    """Return the cells of a row, with JSON as text."""
    return {
        name: json_text(row[name]) if type_ == "json" and row[name] is not None else row[name]
        for name, type_ in columns.items()
    }


def export_items(
    store: BaseStore,
    path: str | PathLike[str],
    *,
    user_id: str | None = None,
    prefix: Labels = (),
    since: datetime | None = None,
    until: datetime | None = None,
    format: ExportFormat | None = None,
    progress: Progress | bool | None = None,
    escape_formulas: bool = True,
) -> int:
    """Write all items at or below a namespace to a file, oldest first; return their number.

    The file is for people to read; `transfer.export` writes files that can be imported again. The
    file appears only when it is complete. Memory use is constant: items that do not fit are sorted
    in temporary files. Each row has the item's user, its first author, the times of its first and
    last write, its version, its metadata and its value. A field that the store does not have is
    empty.

    Args:
        store: an `AgentStore` or a view of one, or any other LangGraph store.
        path: the file; its suffix sets the format, as in `ConversationMemory.export`.
        user_id: write only the items of this user.
        prefix: write only the items at or below this namespace; with `user_id`, of that user.
        since: write only items that were first written at or after this time; with a time zone.
        until: write only items that were first written before this time; with a time zone.
        format: "jsonl", "csv" or "parquet"; overrides the suffix.
        progress: as for `AgentStore.load`.
        escape_formulas: in CSV, write `'` before a text that a spreadsheet would run as a formula.
            False writes exact texts. The other formats are always exact.

    Raises:
        ConfigurationError: the format is unknown, the folder does not exist, or the store is
            another user's view.
        MissingExtraError: Parquet needs the extra `parquet`.
    """
    source = _Source(store, user_id, prefix, since, until)
    target = ExportTarget(path, format, progress, escape_formulas)
    return run(_exporting_items(source, target))


async def aexport_items(
    store: BaseStore,
    path: str | PathLike[str],
    *,
    user_id: str | None = None,
    prefix: Labels = (),
    since: datetime | None = None,
    until: datetime | None = None,
    format: ExportFormat | None = None,
    progress: Progress | bool | None = None,
    escape_formulas: bool = True,
) -> int:
    """Async form of `export_items`."""
    source = _Source(store, user_id, prefix, since, until)
    target = ExportTarget(path, format, progress, escape_formulas)
    return await arun_in_threads(_exporting_items(source, target))


def _exporting_items(source: _Source, target: ExportTarget) -> Steps[int]:
    yield from awaiting_savers(source.store)
    ordered = sorted_pages(source.next_rows, _order)
    return (yield from _exporting(ordered, ITEM_COLUMNS, target))


class _Source:
    """The rows of the items at or below a namespace that were first written within a time."""

    def __init__(
        self,
        store: BaseStore,
        user_id: str | None,
        prefix: Labels,
        since: datetime | None,
        until: datetime | None,
    ) -> None:
        self.store = store
        self._since = None if since is None else in_utc(since)
        self._until = None if until is None else in_utc(until)
        if user_id is not None:
            part = part_of(store, user_id, tuple(map(encode_label, prefix)))
            store, prefix = part.store, part.labels
        self._is_foreign = not isinstance(store, StoreBase)
        self._reader = _reader_of(store, check_labels(prefix))

    def next_rows(self) -> Steps[list[Cells]]:
        while records := (yield from self._reader.next_page()):
            rows: Iterable[Cells] = map(_row_of_foreign if self._is_foreign else _item_row, records)
            if between := list(filter(self._is_between, rows)):
                return between
        return []

    def _is_between(self, row: Cells) -> bool:
        written = row["created_at"]
        return (self._since is None or written >= self._since) and (
            self._until is None or written < self._until
        )


def _reader_of(store: BaseStore, labels: Labels) -> Reader:
    if not isinstance(store, StoreBase):
        return ItemReader(store, labels)
    scope = store.planner.scope
    user_id = scope.user_id if isinstance(scope, UserScope) else None
    return AgentReader(store, user_id, labels, as_tuples=False)


def _item_row(record: StoredRecord) -> dict[str, Any]:
    return {
        "user_id": record.user_id,
        "namespace": encode_labels(record.labels),
        "key": record.key,
        "created_by": record.created_by,
        "created_at": in_utc(record.created_at),
        "updated_at": in_utc(record.updated_at),
        "version": record.version,
        "metadata": record.metadata or None,
        "value": record.value,
    }


def _row_of_foreign(record: StoredRecord) -> dict[str, Any]:
    """Return the row of an item in another package's store, which does not tell versions."""
    user_id, labels = decode_label(record.user_id), tuple(map(decode_label, record.labels))
    return {**_item_row(replace(record, user_id=user_id, labels=labels)), "version": None}


def _order(row: Mapping[str, Any]) -> tuple[datetime, str, str, str]:
    return row["created_at"], row["user_id"], row["namespace"], row["key"]
