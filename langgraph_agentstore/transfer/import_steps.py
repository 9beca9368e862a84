"""The steps of an import: the file is verified, then written batch by batch."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import get_args

import orjson
from langgraph.store.base import BaseStore

from .._support.files import expanded, replacement_of
from .._support.progress import Progress, telling_progress
from ..errors import AgentStoreError, InvalidOperationError, TransferError
from ..sql.items.import_records import Conflict
from ..store.base import StoreBase
from ..store.step_driver import Steps
from .any_store_writer import ItemWriter
from .file_kinds import FormatName, kind_of
from .manifest import Manifest
from .postgres_writer import AgentWriter
from .store_writer import Writer, ahead, batches, refuse
from .verified_file import Verifiable

SUFFIX = ".resume"


def writer_of(store: BaseStore, conflict: Conflict) -> Writer:
    """Return the writer to a store."""
    if conflict not in get_args(Conflict):
        raise InvalidOperationError(
            f"on_conflict is one of {', '.join(get_args(Conflict))}, got {conflict!r}"
        )
    if isinstance(store, StoreBase):
        return AgentWriter(store, conflict)
    return ItemWriter(store, conflict)


def import_steps(
    store: BaseStore,
    path: str | os.PathLike[str],
    conflict: Conflict,
    resume: bool | str | os.PathLike[str],
    foreign: bool,
    format: FormatName | None,
    progress: Progress | bool | None,
    max_record_bytes: int,
) -> Steps[int]:
    """Import as `transfer.import_` says."""
    writer = writer_of(store, conflict)
    kind = kind_of(path, format)
    with expanded(path).open("rb") as file:
        source = Verifiable(file, kind, os.fspath(path), foreign=foreign, most=max_record_bytes)
        manifest = source.verify()
        writer.expect(manifest)
        if foreign or writer.checks_first or source.largest > writer.max_value_bytes:
            check_all(source, writer)
        note = note_of(resume, path, manifest, writer.name, conflict)
        with telling_progress(progress, "importing", manifest.records) as tell:
            written = yield from write_all(source, writer, conflict, note, tell)
    note.remove()
    return written


def check_all(source: Verifiable, writer: Writer) -> None:
    """Check every record for its new address before the first write."""
    source.verify(writer.record)


def write_all(
    source: Verifiable, writer: Writer, conflict: Conflict, note: Note, tell: Progress
) -> Steps[int]:
    """Write the records not yet noted as written; return how many."""
    if writer.looks_first:
        for batch in batches(writer, source.records(), conflict):
            refuse((yield from writer.present(batch.records)))
    yield from writer.begin()
    try:
        written = yield from _write_batches(source, writer, conflict, note, tell)
    except GeneratorExit:
        raise
    except BaseException:
        # Keep the first error. If the rollback fails too, the server rolls back by itself.
        with suppress(AgentStoreError):
            yield from writer.end(commit=False)
        raise
    yield from writer.end(commit=True)
    return written


def _write_batches(
    source: Verifiable, writer: Writer, conflict: Conflict, note: Note, tell: Progress
) -> Steps[int]:
    written, done = 0, note.done
    unsure = note.resumed
    given = batches(writer, source.records(), conflict, after=note.done)
    try:
        with ahead(given) as coming:
            for batch in coming:
                records = batch.records
                if unsure and conflict == "upsert":
                    # It may be written already, and a second write would be a new version.
                    records = yield from writer.differing(records)
                unsure = False
                written += yield from writer.write(records)
                done = batch.last
                note.write(done)
                tell(done)
    except AgentStoreError as error:
        none = conflict == "fail" or not done
        so_far = "nothing of the file was" if none else f"the first {done} records of the file are"
        error.args = (f"{error}; {so_far} written", *error.args[1:])
        raise
    return written


class Note:
    """A note of an import's source and target, and of how many records are written.

    It is updated after each batch. An import may be killed between the two, so the batch after
    `done` may or may not be written.
    """

    def __init__(self, path: Path | None, about: dict[str, str]) -> None:
        self._path = path
        self._about = about
        self.done = 0
        self.resumed = path is not None and path.exists()
        if path is not None and self.resumed:
            self.done = _read(path, about)

    def write(self, done: int) -> None:
        """Note that the first `done` records are written."""
        if self._path is not None:
            with replacement_of(self._path) as file:
                file.write(orjson.dumps({**self._about, "done": done}))

    def remove(self) -> None:
        """Remove the note: all records are written."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def note_of(
    resume: bool | str | os.PathLike[str],
    path: str | os.PathLike[str],
    manifest: Manifest,
    target: str,
    conflict: Conflict,
) -> Note:
    """Return the note of an import; without `resume`, a note that is not saved.

    Raises:
        TransferError: the existing note is of another import.
        InvalidOperationError: `resume` with "fail", which writes all or nothing.
    """
    if resume is False:
        return Note(None, {})
    if conflict == "fail":
        raise InvalidOperationError(
            "on_conflict='fail' writes all or nothing, so it cannot be resumed; leave resume out"
        )
    place = expanded(f"{os.fspath(path)}{SUFFIX}" if resume is True else resume)
    about = {"sha256": manifest.sha256, "target": target, "on_conflict": conflict}
    return Note(place, about)


def _read(path: Path, about: dict[str, str]) -> int:
    try:
        noted = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        noted = None
    done = noted.pop("done", None) if isinstance(noted, dict) else None
    if type(done) is not int or done < 0 or noted != about:
        raise TransferError(
            f"{str(path)!r} notes an import of another file, into another store or with another "
            "on_conflict: finish that one first, or remove the note to begin anew"
        )
    return done
