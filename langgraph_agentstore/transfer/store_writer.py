"""Stores that records are written to: what all of them do, and which is which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from ..errors import VersionConflictError
from ..model.namespaces import Labels, decode_labels
from ..model.users import Address
from ..sql.items.import_records import Conflict, Imported
from ..sql.planner import Planner
from ..store.steps import Steps
from .documents import record_of
from .formats.base import Document
from .manifest import Manifest

BATCH_RECORDS = 250
BATCH_BYTES = 2**23
"""Of values: a batch is written when it has as many of either. Larger ones cost the server more."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record on its way: as a file has it, and as it is written.

    `labels`: the namespace that the target shows for it; `size`: the bytes of its value.
    """

    document: Document
    imported: Imported
    labels: Labels
    size: int

    @property
    def key(self) -> str:
        """The key, in every store the same."""
        return self.imported.put.item_id[2]

    def __str__(self) -> str:
        return f"key {self.key!r} in {self.labels!r}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of different addresses; `last`: how many documents the file has up to its end."""

    records: Sequence[Record]
    last: int


class Writer(Protocol):
    """A store to write to.

    `name` tells it from others in the note of an import that may be resumed. `checks_first`:
    whether a record of a verified file may have no place here, so that all are checked before the
    first write. `looks_first`: whether what must not be there is looked for before the first
    write, since what is written cannot be undone. `max_value_bytes`: of a value that it takes.
    """

    name: str
    max_value_bytes: int
    checks_first: bool
    looks_first: bool

    def expect(self, manifest: Manifest) -> None:
        """Learns what the addresses of a file mean; raises TransferError if they have no place."""

    def record(self, document: Document) -> Record:
        """A document, checked, with its address in this store."""

    def begin(self) -> Steps[None]:
        """Begins what `end` ends."""

    def write(self, records: Sequence[Record]) -> Steps[int]:
        """Writes a batch; how many of it."""

    def end(self, *, commit: bool) -> Steps[None]:
        """Makes what was written last, or undoes it where that can be."""

    def differing(self, records: Sequence[Record]) -> Steps[list[Record]]:
        """Those that the store has not, or not with this content."""

    def present(self, records: Sequence[Record]) -> Steps[list[Record]]:
        """Those whose address is taken."""


def parsed(document: Document, planner: Planner) -> tuple[Imported, Address, int]:
    """A document's record, the address that it names, and the bytes of its value."""
    sized = record_of(document, planner)
    user_id, stored, _ = sized.record.put.item_id
    return sized.record, Address(user_id, decode_labels(stored)), sized.size


def batches(
    writer: Writer, documents: Iterable[Document], conflict: Conflict, *, after: int = 0
) -> Iterator[Batch]:
    """All documents but the first `after`, in batches; of equal addresses one record is left.

    Raises:
        VersionConflictError: with "fail", two documents of a batch have one address.
    """
    records: dict[tuple[Labels, str], Record] = {}
    size = number = 0
    for number, document in enumerate(documents, 1):
        if number <= after:
            continue
        record = writer.record(document)
        size += record.size
        address = (record.labels, record.key)
        if conflict == "fail" and address in records:
            raise VersionConflictError(
                f"document {number}: {record} is in the file twice; import with "
                "on_conflict='skip' or 'upsert', or leave one of them out"
            )
        if conflict != "skip" or address not in records:
            records[address] = record
        if len(records) == BATCH_RECORDS or size >= BATCH_BYTES:
            yield Batch(list(records.values()), number)
            records, size = {}, 0
    if records:
        yield Batch(list(records.values()), number)


@contextmanager
def ahead(given: Iterator[Batch]) -> Iterator[Iterator[Batch]]:
    """The same batches, each made by another thread while the one before it is written."""
    with ThreadPoolExecutor(1, "agentstore-transfer") as thread:

        def taken() -> Iterator[Batch]:
            coming = thread.submit(next, given, None)
            while (batch := coming.result()) is not None:
                coming = thread.submit(next, given, None)
                yield batch

        yield taken()


def refuse(records: Sequence[Record]) -> None:
    """Raises VersionConflictError for the first record that is there already, if there is one."""
    if records:
        raise VersionConflictError(
            f"{records[0]} is there already; import with on_conflict='skip' or 'upsert', or "
            "remove it first"
        )
