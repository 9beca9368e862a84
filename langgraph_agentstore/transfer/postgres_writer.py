"""Writes to a store of this package: whole records, unchanged."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.addresses import checked_key, locate
from ..model.json_values import same_json
from ..sql.items.import_records import Conflict, Imported
from ..sql.items.records import StoredRecord, plan_stored_at
from ..store.base import StoreBase
from ..store.executor import Importing
from ..store.step_driver import On, Steps
from .formats.base import Document
from .manifest import Manifest
from .readdress import Readdressed
from .store_writer import Record, parsed, refuse


class AgentWriter:
    """A writer to a store of this package, or to a view of one."""

    checks_first = True
    looks_first = False

    def __init__(self, store: StoreBase, conflict: Conflict) -> None:
        self.name = repr(store)
        # Of the calling user, also for later steps.
        self._executor = store.executor.bound()
        self._planner = store.planner
        self.max_value_bytes = self._planner.context.max_value_bytes
        self._conflict = conflict
        self._importing = Importing(conflict, self._executor.users)
        self._addresses: Readdressed

    def expect(self, manifest: Manifest) -> None:
        """Set the addresses as `Writer.expect` says."""
        self._addresses = Readdressed(manifest, self._planner.scope)
        self._addresses.check()
        self.checks_first = not self._addresses.unchanged

    def record(self, document: Document) -> Record:
        """Return the record as `Writer.record` says."""
        imported, written, size = parsed(document, self._planner)
        address = self._addresses.address(written)
        labels = self._planner.scope.labels(address.user_id, address.labels)
        at = locate(address, labels)
        put = imported.put
        put.item_id = (at.user_id, at.stored, checked_key(put.item_id[2], at))
        put.sort_key = at.sort_key
        return Record(document, imported, labels, size)

    def begin(self) -> Steps[None]:
        """Begin the transaction of all batches, with "fail"."""
        # Count earlier reads now, so that they do not add to the imported counts.
        flush = self._executor.access.flush_job
        yield On(self._executor, [flush])
        yield On(self._executor, [self._importing.begin()])

    def write(self, records: Sequence[Record]) -> Steps[int]:
        """Write as `Writer.write` says; all records or none."""
        imported = [record.imported for record in records]
        [written] = yield On(self._executor, [self._importing.write(imported)])
        if self._conflict == "fail":
            refuse([r for r in records if r.imported.put.item_id not in written])
        return len(written)

    def end(self, *, commit: bool) -> Steps[None]:
        """End as `Writer.end` says; with "fail", all batches are undone."""
        yield On(self._executor, [self._importing.end(commit=commit)])

    def differing(self, records: Sequence[Record]) -> Steps[list[Record]]:
        """Return as `Writer.differing` says, including metadata, times, expiry and counts."""
        stored = yield from self._stored(records)
        return [r for r, found in zip(records, stored, strict=True) if not _same(r, found)]

    def present(self, records: Sequence[Record]) -> Steps[list[Record]]:
        """Return as `Writer.present` says."""
        stored = yield from self._stored(records)
        return [r for r, found in zip(records, stored, strict=True) if found is not None]

    def _stored(self, records: Sequence[Record]) -> Steps[list[StoredRecord | None]]:
        item_ids = [record.imported.put.item_id for record in records]
        read = plan_stored_at(item_ids, self._planner.context)
        [stored] = yield On(self._executor, [read])
        found: list[StoredRecord | None] = stored
        return found


def _same(record: Record, stored: StoredRecord | None) -> bool:
    """Compare all but the version, which continues that of a replaced record."""
    if stored is None:
        return False
    imported, document = record.imported, record.document
    return (
        same_json(document["value"], stored.value)
        and same_json(document.get("metadata") or {}, stored.metadata)
        and _beside(imported) == _beside(stored)
        and (imported.put.created_by, imported.put.ttl) == (stored.created_by, stored.ttl)
    )


def _beside(record: Imported | StoredRecord) -> tuple[object, ...]:
    return (
        *(record.created_at, record.updated_at, record.expires_at),
        *(record.access_count, record.last_accessed_at, record.last_accessed_by),
    )
