"""What records were: the history of a data store's namespace, in both forms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from .._support.progress import Progress
from ..model.provenance import Provenance, acting_as
from ..model.users import Region
from ..results import ItemRecord
from ..security.history.entries import HistoryEntry, ItemDiff
from ..security.history.restored import RestoreReport
from ..store.executor import ResultT
from ..store.past_items import PastItems
from ..store.step_driver import Steps, arun, run
from .base import Proxy
from .operations_base import OperationsBase
from .ops_log import preview


class PastRecords(OperationsBase):
    """Operations on what was. History is not shared: they concern the user's own records."""

    @cached_property
    def _kept(self) -> PastItems:
        return PastItems(self._planner, self.executor)

    @property
    def _regions(self) -> Sequence[Region]:
        return self._planner.scope.regions(self.at.labels)

    def history(self, key: str, limit: int, before: datetime | None) -> Steps[list[HistoryEntry]]:
        self.may_read("history")
        entries: list[HistoryEntry] = yield self._kept.history(self.at.labels, key, limit, before)
        self.log("history", key=key, count=len(entries))
        return entries

    def find_changes(
        self,
        said: Provenance | None,
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Steps[list[HistoryEntry]]:
        self.may_read("find_changes")
        entries: list[HistoryEntry] = yield self._kept.changes(
            self._regions, said, since, until, limit
        )
        self.log("find_changes", count=len(entries))
        return entries

    def get_as_of(self, key: str, when: datetime, default: Any) -> Steps[Any]:
        self.may_read("get_as_of")
        record: ItemRecord | None = yield self._kept.as_of(self.at.labels, key, when)
        shown = None if record is None else preview(record.value)
        self.log("get_as_of", key=key, found=record is not None, valuePreview=shown)
        return default if record is None else record.value

    def diff(self, key: str, a: datetime, b: datetime | None) -> Steps[ItemDiff]:
        self.may_read("diff")
        found = yield from self._kept.diffing(self.at.labels, key, a, b)
        self.log("diff", key=key, count=len(found.changes))
        return found

    def restore(
        self, as_of: datetime, dry_run: bool, progress: Progress | bool | None
    ) -> Steps[RestoreReport]:
        if dry_run:
            self.may_read("restore")
        else:
            self.may_write("restore")
        report = yield from self._kept.restoring(self._regions, as_of, dry_run, progress)
        self.log("restore", dryRun=dry_run, put=report.put, deleted=report.deleted)
        return report


class _Historian(Proxy):
    @cached_property
    def _past(self) -> PastRecords:
        return PastRecords(self._store, self._operations.settings)


class RecordHistory(_Historian):
    """Methods that tell what records were, of stores with `history=`."""

    def history(
        self, key: str, *, limit: int = 100, before: datetime | None = None
    ) -> list[HistoryEntry]:
        """Return the writes and deletes of a record, newest first. Counts no read.

        Args:
            key: of a record that is there or was.
            limit: the maximum number of entries.
            before: only entries older than this moment. For the next page, the `changed_at` of
                the last entry.
        """
        return self._tell(self._past.history(key, limit, before))

    def find_changes(
        self,
        *,
        said: Provenance | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> list[HistoryEntry]:
        """Return the writes and deletes in this namespace and below it, newest first.

        The arguments are those of `AgentStore.find_changes`.
        """
        return self._tell(self._past.find_changes(said, since, until, limit))

    def get_as_of(self, key: str, when: datetime, default: Any = None) -> Any:
        """Return the value as it was at a moment, or `default` if there was none.

        Raises:
            HistoryNotKeptError: history does not tell of that moment.
            InvalidOperationError: `when` has no time zone.
        """
        return self._tell(self._past.get_as_of(key, when, default))

    def diff(self, key: str, a: datetime, b: datetime | None = None) -> ItemDiff:
        """Return how a record differs between two moments; without `b`, between `a` and now.

        Raises the same errors as `get_as_of`.
        """
        return self._tell(self._past.diff(key, a, b))

    def restore(
        self,
        as_of: datetime,
        *,
        dry_run: bool = True,
        progress: Progress | bool | None = None,
    ) -> RestoreReport:
        """Make the records of this namespace and those below it what they were at a moment.

        By default, it only tells what would change. See `AgentStore.restore`.

        Args:
            as_of: the moment, such as `entry.before` of a `HistoryEntry`.
            dry_run: False restores.
            progress: called with the number of records done; True shows a bar.

        Raises:
            HistoryNotKeptError: history does not tell of that moment.
            NotPermittedError: `access` does not allow it; a dry run reads.
        """
        return self._tell(self._past.restore(as_of, dry_run, progress))

    def _tell(self, steps: Steps[ResultT]) -> ResultT:
        with acting_as(self.agent_name):
            return run(steps, self._executor)


class AsyncRecordHistory(_Historian):
    """`RecordHistory` with coroutines as methods."""

    async def history(
        self, key: str, *, limit: int = 100, before: datetime | None = None
    ) -> list[HistoryEntry]:
        """Async form of `DataStore.history`."""
        return await self._tell(self._past.history(key, limit, before))

    async def find_changes(
        self,
        *,
        said: Provenance | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> list[HistoryEntry]:
        """Async form of `DataStore.find_changes`."""
        return await self._tell(self._past.find_changes(said, since, until, limit))

    async def get_as_of(self, key: str, when: datetime, default: Any = None) -> Any:
        """Async form of `DataStore.get_as_of`."""
        return await self._tell(self._past.get_as_of(key, when, default))

    async def diff(self, key: str, a: datetime, b: datetime | None = None) -> ItemDiff:
        """Async form of `DataStore.diff`."""
        return await self._tell(self._past.diff(key, a, b))

    async def restore(
        self,
        as_of: datetime,
        *,
        dry_run: bool = True,
        progress: Progress | bool | None = None,
    ) -> RestoreReport:
        """Async form of `DataStore.restore`."""
        return await self._tell(self._past.restore(as_of, dry_run, progress))

    async def _tell(self, steps: Steps[ResultT]) -> ResultT:
        with acting_as(self.agent_name):
            return await arun(steps, self._executor)
