"""Writes to any LangGraph store: values, and expiries where the store has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from langgraph.store.base import BaseStore, GetOp, Item, PutOp

from ..model.json_values import as_mapping, same_json
from ..model.namespaces import check_labels, check_writable
from ..sql.items.import_records import Conflict
from ..sql.planner import Planner
from ..sql.statement import CurrentRules, SqlContext
from ..sql.tables import Tables
from ..store.step_driver import Steps, StoreOps
from .formats.base import Document
from .manifest import Manifest
from .readdress import TUPLES, Readdressed
from .store_writer import Record, parsed

_PLANNER = Planner(TUPLES, CurrentRules(SqlContext(Tables("none"))))
"""A planner that only checks documents; no store runs its statements."""


class ItemWriter:
    """A writer to a store of another package. Times, versions and counts start again."""

    def __init__(self, store: BaseStore, conflict: Conflict) -> None:
        self.name = f"{type(store).__module__}.{type(store).__qualname__}"
        self.checks_first = True
        self.max_value_bytes = _PLANNER.context.max_value_bytes
        self.looks_first = conflict == "fail"
        self._store = store
        self._conflict = conflict
        self._addresses: Readdressed

    def expect(self, manifest: Manifest) -> None:
        """Set the addresses as `Writer.expect` says."""
        self._addresses = Readdressed(manifest, None)

    def record(self, document: Document) -> Record:
        """Return the record; its namespace follows LangGraph's rules, which all stores share."""
        imported, written, size = parsed(document, _PLANNER)
        labels = check_labels(self._addresses.labels(written))
        check_writable(labels)
        return Record(document, imported, labels, size)

    def begin(self) -> Steps[None]:
        """Do nothing: these stores have no transactions."""
        yield from ()

    def write(self, records: Sequence[Record]) -> Steps[int]:
        """Write by one `batch` of the store, without expired records; see `Writer.write`."""
        if self._conflict == "skip":
            taken = {record.address for record in (yield from self.present(records))}
            records = [record for record in records if record.address not in taken]
        now = datetime.now(timezone.utc)
        puts = [self._put(record, now) for record in records if not _expired(record, now)]
        if puts:
            yield StoreOps(self._store, puts)
        return len(puts)

    def end(self, *, commit: bool) -> Steps[None]:  # noqa: ARG002 - Writer's
        """Do nothing: each write was final."""
        yield from ()

    def differing(self, records: Sequence[Record]) -> Steps[list[Record]]:
        """Return as `Writer.differing` says: by value."""
        found = yield from self._get(records)
        now = datetime.now(timezone.utc)
        return [
            record
            for record, item in zip(records, found, strict=True)
            if not (
                _expired(record, now) if item is None else same_json(_value(record), item.value)
            )
        ]

    def present(self, records: Sequence[Record]) -> Steps[list[Record]]:
        """Return as `Writer.present` says."""
        found = yield from self._get(records)
        return [r for r, item in zip(records, found, strict=True) if item is not None]

    def _get(self, records: Sequence[Record]) -> Steps[list[Item | None]]:
        gets = [GetOp(record.labels, record.key, refresh_ttl=False) for record in records]
        items: list[Item | None] = yield StoreOps(self._store, gets)
        return items

    def _put(self, record: Record, now: datetime) -> PutOp:
        expires_at, ttl = record.imported.expires_at, None
        if expires_at is not None and self._store.supports_ttl:
            ttl = (expires_at - now) / timedelta(minutes=1)
        return PutOp(record.labels, record.key, _value(record), ttl=ttl)


def _value(record: Record) -> dict[str, object]:
    value: dict[str, object] = as_mapping(record.document["value"])
    return value


def _expired(record: Record, now: datetime) -> bool:
    expires_at = record.imported.expires_at
    return expires_at is not None and expires_at <= now
