"""Importing documents: checked and written batch by batch, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, get_args

from ..errors import AgentStoreError, InvalidOperationError, VersionConflictError
from ..namespaces import decode_labels
from ..plan import Planner
from ..plan.importing import Conflict, Imported
from ..plan.model import Triple
from ..runtime.engine import Engine
from ..runtime.importing import Importing
from .documents import record_of
from .transfer import Source, documents_of

LARGEST_BATCH = 200
LARGEST_BATCH_BYTES = 2**23


@dataclass(frozen=True, slots=True)
class ImportCount:
    """What came of an import: how many documents were written, and how many left out."""

    written: int
    skipped: int


@dataclass(slots=True)
class _Batch:
    """Records to write at once, by triple; `last` is the position of the last document seen."""

    records: dict[Triple, Imported] = field(default_factory=dict)
    positions: dict[Triple, int] = field(default_factory=dict)
    size: int = 0
    documents: int = 0
    last: int = 0


def import_documents(
    engine: Engine, planner: Planner, source: Source, conflict: Conflict, user_id: str | None
) -> ImportCount:
    """Imports all documents of a source; see `DataStoreAdministration.import_records`."""
    if conflict not in get_args(Conflict):
        raise InvalidOperationError(f"conflict is 'upsert', 'skip' or 'fail', got {conflict!r}")
    work = Importing(conflict)
    engine.run([work.begin()])
    try:
        with documents_of(source) as documents:
            count = _import(engine, work, _Checking(documents, planner, conflict, user_id))
    except BaseException:
        # What went wrong is told, not that the server could not be told to undo it: it does.
        with suppress(AgentStoreError):
            engine.run([work.end(commit=False)])
        raise
    engine.run([work.end(commit=True)])
    return count


def _import(engine: Engine, work: Importing, checking: _Checking) -> ImportCount:
    written = documents = 0
    try:
        for batch in checking.batches():
            [done] = engine.run([work.write(list(batch.records.values()))])
            if checking.conflict == "fail":
                _refuse_conflicts(batch, done)
            written += len(done)
            documents = batch.last
    except AgentStoreError as error:
        error.args = (f"{error}; {_written(error, checking.conflict, documents)}",)
        raise
    skipped = documents - written if checking.conflict == "skip" else 0
    return ImportCount(documents - skipped, skipped)


def _written(error: AgentStoreError, conflict: Conflict, documents: int) -> str:
    if conflict == "fail":
        return "nothing was written"
    so_far = (
        f"the first {documents} documents were imported" if documents else "nothing was written"
    )
    if getattr(error, "written", False) is None:
        return f"{so_far}, and perhaps the up to {LARGEST_BATCH} after them"
    return so_far


def _refuse_conflicts(batch: _Batch, written: set[Triple]) -> None:
    """Raises VersionConflictError for the first record that was there."""
    for triple, position in batch.positions.items():
        if triple not in written:
            raise VersionConflictError(
                f"document {position}: {_shown(triple)} is there already; import with "
                "conflict='skip' or 'upsert', or remove it first"
            )


class _Checking:
    """Documents as batches of records that are fit to be written."""

    def __init__(
        self, documents: Iterator[Any], planner: Planner, conflict: Conflict, user_id: str | None
    ) -> None:
        self._documents = documents
        self._planner = planner
        self.conflict = conflict
        self._user_id = user_id
        self._position = 0

    def batches(self) -> Iterator[_Batch]:
        """Batches of whole documents; of one that is wrong the error says which it is."""
        batch = _Batch()
        while self._take(batch):
            if len(batch.records) == LARGEST_BATCH or batch.size >= LARGEST_BATCH_BYTES:
                yield batch
                batch = _Batch()
        if batch.documents:
            yield batch

    def _take(self, batch: _Batch) -> bool:
        """Adds the next document to the batch; whether there was one."""
        self._position += 1
        try:
            try:
                document = next(self._documents)
            except StopIteration:
                return False
            sized = record_of(document, self._user_id, self._planner)
            self._add(sized.record, batch)
        except AgentStoreError as error:
            error.args = (f"document {self._position}: {error}",)
            raise
        batch.size += sized.size
        batch.documents += 1
        batch.last = self._position
        return True

    def _add(self, record: Imported, batch: _Batch) -> None:
        triple = record.put.triple
        known = batch.positions.setdefault(triple, self._position)
        if known != self._position:
            if self.conflict == "fail":
                raise VersionConflictError(
                    f"{_shown(triple)} is that of document {known} too; leave one of them out"
                )
            if self.conflict == "skip":
                return
        batch.records[triple] = record


def _shown(triple: Triple) -> str:
    user_id, stored, key = triple
    return f"key {key!r} of user {user_id!r}, namespace {':'.join(decode_labels(stored))!r}"
