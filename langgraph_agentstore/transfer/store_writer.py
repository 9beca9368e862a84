"""The protocol of writers to stores, and the batches of records that they write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from ..errors import VersionConflictError
from ..model.json_values import shown
from ..model.namespaces import Labels, decode_labels
from ..model.users import Address
from ..sql.items.import_records import Conflict, Imported
from ..sql.planner import Planner
from ..store.step_driver import Steps
from .documents import record_of_document
from .formats.base import Document
from .manifest import Manifest

BATCH_RECORDS = 250
BATCH_BYTES = 2**23
"""Limits of a batch: records, and bytes of values. Larger batches cost the server more."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as in the file, and as it will be written.

    `labels`: its namespace in the target; `size`: the bytes of its value.
    """

    document: Document
    imported: Imported
    labels: Labels
    size: int

    @property
    def key(self) -> str:
        """Return the key, which is the same in every store."""
        return self.imported.put.item_id[2]

    @property
    def address(self) -> tuple[Labels, str]:
        """Return the namespace and key in the target, which tell records apart."""
        return self.labels, self.key

    def __str__(self) -> str:
        return f"key {shown(self.key)} in {shown(self.labels)}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of different addresses. `last`: the number of its last document in the file."""

    records: Sequence[Record]
    last: int


class Writer(Protocol):
    """A writer to a store.

    `name`: identifies the store in the note of an import. `checks_first`: whether the store may
    refuse records of a verified file, so that all are checked before the first write.
    `looks_first`: whether to look for existing items before the first write, since writes cannot be
    undone. `max_value_bytes`: the largest value that the store takes.
    """

    name: str
    max_value_bytes: int
    checks_first: bool
    looks_first: bool

    def expect(self, manifest: Manifest) -> None:
        """Set the meaning of a file's addresses; raise TransferError if they have no place here."""

    def record(self, document: Document) -> Record:
        """Check a document; return its record with the address in this store."""

    def begin(self) -> Steps[None]:
        """Begin the writes that `end` ends."""

    def write(self, records: Sequence[Record]) -> Steps[int]:
        """Write a batch; return how many records were written."""

    def end(self, *, commit: bool) -> Steps[None]:
        """Commit the writes, or undo them where the store can."""

    def differing(self, records: Sequence[Record]) -> Steps[list[Record]]:
        """Return the records that the store lacks or holds with another content."""

    def present(self, records: Sequence[Record]) -> Steps[list[Record]]:
        """Return the records whose address is taken."""


def parsed(document: Document, planner: Planner) -> tuple[Imported, Address, int]:
    """Return a document's record, the address that it names, and the bytes of its value."""
    sized = record_of_document(document, planner)
    user_id, stored, _ = sized.record.put.item_id
    return sized.record, Address(user_id, decode_labels(stored)), sized.size


def batches(
    writer: Writer, documents: Iterable[Document], conflict: Conflict, *, after: int = 0
) -> Iterator[Batch]:
    """Yield all documents but the first `after` in batches, one record per address.

    Raises:
        VersionConflictError: two documents of a batch have one address, with "fail".
    """
    records: dict[tuple[Labels, str], Record] = {}
    size = number = 0
    for number, document in enumerate(documents, 1):
        if number <= after:
            continue
        record = writer.record(document)
        size += record.size
        if conflict == "fail" and record.address in records:
            raise VersionConflictError(
                f"document {number}: {record} is in the file twice; import with "
                "on_conflict='skip' or 'upsert', or leave one of them out"
            )
        if conflict != "skip" or record.address not in records:
            records[record.address] = record
        if len(records) == BATCH_RECORDS or size >= BATCH_BYTES:
            yield Batch(list(records.values()), number)
            records, size = {}, 0
    if records:
        yield Batch(list(records.values()), number)


@contextmanager
def ahead(given: Iterator[Batch]) -> Iterator[Iterator[Batch]]:
    """Yield the same batches; a thread makes each while the previous one is written."""
    with ThreadPoolExecutor(1, "agentstore-transfer") as thread:

        def taken() -> Iterator[Batch]:
            coming = thread.submit(next, given, None)
            while (batch := coming.result()) is not None:
                coming = thread.submit(next, given, None)
                yield batch

        yield taken()


def refuse(records: Sequence[Record]) -> None:
    """Raise VersionConflictError for the first of the existing records, if there are any."""
    if records:
        raise VersionConflictError(
            f"{records[0]} is there already; import with on_conflict='skip' or 'upsert', or "
            "remove it first"
        )
