"""The steps of an export: the pages of a store, then the manifest, to a file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

import orjson
from langgraph.store.base import BaseStore

from .._support.progress import Progress, telling_progress
from ..model.namespaces import Labels
from ..sql.items.records import StoredRecord
from ..store.step_driver import Steps
from .documents import document_of
from .file_kinds import FormatName, kind_of, writing
from .formats import FORMATS
from .formats.base import Document, Entry
from .manifest import Manifest, Tally
from .rows_beside import RowsBeside, rows_beside
from .signing import SigningKey, checked_private_key, signed
from .store_readers import Reader, reader_of


def export_steps(
    store: BaseStore,
    path: str | os.PathLike[str],
    user_id: str | None,
    prefix: Labels | None,
    format: FormatName | None,
    progress: Progress | bool | None,
    *,
    everything: bool = False,
    sign_with: SigningKey | None = None,
) -> Steps[Manifest]:
    """Export as `transfer.export` says."""
    reader = reader_of(store, user_id, prefix)
    beside = None
    if everything:
        beside = rows_beside(store, user_id, prefix, kind_of(path, format))
    key = None if sign_with is None else checked_private_key(sign_with)
    manifest = yield from written_steps(
        reader, path, format, progress, beside=beside, sign_with=key
    )
    warn_of_nothing(store, user_id, manifest)
    return manifest


def warn_of_nothing(store: BaseStore, user_id: str | None, manifest: Manifest) -> None:
    """Warn if the requested user has no items: the id may be spelled differently."""
    if user_id is not None and not manifest.records:
        warnings.warn(
            f"{user_id!r} has nothing there in this {type(store).__name__}, so nothing was "
            "written; user ids are compared exactly, see the user ids that the store has",
            stacklevel=2,
        )


def written_steps(
    reader: Reader,
    path: str | os.PathLike[str],
    format: FormatName | None,
    progress: Progress | bool | None,
    title: str = "exporting",
    *,
    beside: RowsBeside | None = None,
    sign_with: SigningKey | None = None,
) -> Steps[Manifest]:
    """Write all records of a reader, the rows beside them, then the manifest."""
    kind = kind_of(path, format)
    tally = Tally()
    with (
        telling_progress(progress, title) as tell,
        writing(path, kind) as file,
        closing(FORMATS[kind.format].writer(file)) as writer,
    ):
        while page := (yield from reader.next_page()):
            writer.add(_entries(page, tally))
            tell(tally.records)
        while beside is not None and (rows := (yield from beside.next_page())):
            writer.add([_beside_entry(row, beside.user_id, tally) for row in rows])
            tell(tally.records)
        manifest = tally.manifest(reader.addresses, reader.template)
        if beside is not None:
            manifest = replace(manifest, contents="everything", user_id=beside.user_id)
        if sign_with is not None:
            manifest = signed(manifest, sign_with)
        writer.finish(manifest)
    return manifest


def _beside_entry(document: Document, user_id: str, tally: Tally) -> Entry:
    entry = Entry(orjson.dumps(document), document)
    tally.add(entry.line, user_id)
    return entry


def _entries(page: Sequence[StoredRecord], tally: Tally) -> list[Entry]:
    entries = []
    for record in page:
        document = document_of(record)
        entry = Entry(orjson.dumps(document), document)
        tally.add(entry.line, record.user_id)
        entries.append(entry)
    return entries
