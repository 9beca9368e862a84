"""Everything that a user or a namespace holds, in the order of time, with who wrote it and when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from itertools import islice
from os import PathLike
from typing import IO, Any, Literal, Protocol, TypeAlias, get_args

import orjson
from langgraph.store.base import BaseStore

from .._support.external_sort import in_order
from .._support.progress import Progress, telling_progress
from ..model.namespaces import Labels, check_labels, encode_labels
from ..sql.items.records import StoredRecord, item_id_of, plan_page_of_stored
from ..sql.statement import ItemId
from ..store.base import StoreBase
from ..store.steps import run
from ..store.user_scope import decode_label, encode_label, part_of
from ..transfer.file_kinds import kind_of, writing
from ..transfer.formats.columns import Columns, Row, json_text
from ..transfer.formats.csv_table import CsvRows
from ..transfer.formats.parquet import ParquetRows
from ..transfer.readers import ItemReader
from .background_saver import await_savers
from .keys import in_utc
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
PAGE_SIZE = 1_000


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
    """Writes all items at or below a namespace to a file for readers, oldest first; how many.

    `transfer.export` writes what can be imported again, in the order of the keys.

    In constant memory: more than fit into it are sorted in temporary files. The file appears when
    it is complete. Each row says whose the item is, who wrote it first, when it was written first
    and last, how often, its metadata and its value; what a store does not tell stays empty.

    Args:
        store: an `AgentStore` or a view of one, or any other LangGraph store.
        path: its end says the format, as in `ConversationMemory.export`.
        user_id: only this user's items.
        prefix: only what is at or below this namespace, with `user_id` of that user's.
        since: written first from this moment on; with a time zone.
        until: written first before this moment; with a time zone.
        format: "jsonl", "csv" or "parquet", in place of the one that the name says.
        progress: as for `AgentStore.load`.
        escape_formulas: in CSV, writes `'` before a text that a spreadsheet would run as a
            formula; False for exact texts. The other formats are always exact.

    Raises:
        ConfigurationError: the format is unknown, the folder is not there, or the store is
            another user's view.
        MissingExtraError: Parquet is asked for without the extra `parquet`.
    """
    since = None if since is None else in_utc(since)
    until = None if until is None else in_utc(until)
    await_savers(store)
    if user_id is not None:
        part = part_of(store, user_id, tuple(map(encode_label, prefix)))
        store, prefix = part.store, part.labels
    rows = (row for row in _rows(store, check_labels(prefix)) if _between(row, since, until))
    return write_rows(
        in_order(rows, _order),
        ITEM_COLUMNS,
        path,
        format,
        progress,
        escape_formulas=escape_formulas,
    )


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
    """As `export_items`, in a thread."""
    options: dict[str, Any] = {"since": since, "until": until, "format": format}
    options["escape_formulas"] = escape_formulas
    return await asyncio.to_thread(
        export_items, store, path, user_id=user_id, prefix=prefix, progress=progress, **options
    )


def _rows(store: BaseStore, prefix: Labels) -> Iterator[dict[str, Any]]:
    if isinstance(store, StoreBase):
        return map(_row, _records(store, prefix))
    return map(_row_of_item, _items(store, prefix))


def _records(store: StoreBase, prefix: Labels) -> Iterator[StoredRecord]:
    after: ItemId | None = None
    planner = store.planner
    regions = planner.scope.regions(prefix)
    while True:
        page: list[StoredRecord] = store.executor.run(
            plan_page_of_stored(regions, after, PAGE_SIZE, planner.context)
        )
        yield from page
        if len(page) < PAGE_SIZE:
            return
        after = item_id_of(page[-1])


def _items(store: BaseStore, prefix: Labels) -> Iterator[StoredRecord]:
    reader = ItemReader(store, prefix)
    while page := run(reader.next_page()):
        yield from page


def _row(record: StoredRecord) -> dict[str, Any]:
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


def _row_of_item(record: StoredRecord) -> dict[str, Any]:
    """Of a store of another package, which does not tell of versions."""
    user_id, labels = decode_label(record.user_id), tuple(map(decode_label, record.labels))
    return {**_row(replace(record, user_id=user_id, labels=labels)), "version": None}


def _order(row: Mapping[str, Any]) -> tuple[datetime, str, str, str]:
    return row["created_at"], row["user_id"], row["namespace"], row["key"]


def _between(row: Mapping[str, Any], since: datetime | None, until: datetime | None) -> bool:
    written = row["created_at"]
    return (since is None or written >= since) and (until is None or written < until)
