"""History: what items were, who changed them, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .._support.progress import Progress
from ..errors import InvalidOperationError
from ..model.namespaces import Labels, check_labels
from ..model.provenance import Provenance
from ..model.users import Region, UserScope, check_user_id
from ..results import ItemRecord
from ..security.history.entries import HistoryEntry, ItemDiff
from ..security.history.reads_sql import ReadEntry
from ..security.history.restored import RestoreReport
from .base import StoreBase
from .past_items import PastItems
from .step_driver import arun, run


class HistoryReads(StoreBase):
    """Methods that read the history of items; the database keeps it for stores with `history=`."""

    def history(
        self, namespace: Labels, key: str, *, limit: int = 100, before: datetime | None = None
    ) -> list[HistoryEntry]:
        """Return the writes and deletes of an item, newest first.

        Args:
            namespace: the item's namespace.
            key: the item's key, of an item that is there or was.
            limit: the maximum number of entries.
            before: only entries older than this moment. For the next page, the `changed_at` of
                the last entry.

        Raises:
            InvalidOperationError: `limit` is below zero, or `before` has no time zone.
        """
        return self.executor.run(self._past.history(namespace, key, limit, before))

    async def ahistory(
        self, namespace: Labels, key: str, *, limit: int = 100, before: datetime | None = None
    ) -> list[HistoryEntry]:
        """Async form of `history`."""
        return await self.executor.arun(self._past.history(namespace, key, limit, before))

    def find_changes(
        self,
        prefix: Labels = (),
        *,
        said: Provenance | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> list[HistoryEntry]:
        """Return the writes and deletes at or below a namespace, newest first.

        Args:
            prefix: whole labels.
            said: only those whose provenance has these fields, such as
                `Provenance(tool="web_search", thread_id="t-1")`.
            since: only those from this moment on.
            until: only those up to this moment.
            limit: the maximum number of entries.

        Raises:
            InvalidOperationError: `limit` is below zero, or a moment has no time zone.
        """
        return self.executor.run(
            self._past.changes(self._regions(prefix), said, since, until, limit)
        )

    async def afind_changes(
        self,
        prefix: Labels = (),
        *,
        said: Provenance | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> list[HistoryEntry]:
        """Async form of `find_changes`."""
        return await self.executor.arun(
            self._past.changes(self._regions(prefix), said, since, until, limit)
        )

    def get_as_of(self, namespace: Labels, key: str, when: datetime) -> ItemRecord | None:
        """Return the item as it was at a moment, or None if there was none.

        It costs about as much as a `get`, however long the history is.

        Raises:
            HistoryNotKeptError: history does not tell of that moment.
            InvalidOperationError: `when` has no time zone.
        """
        return self.executor.run(self._past.as_of(namespace, key, when))

    async def aget_as_of(self, namespace: Labels, key: str, when: datetime) -> ItemRecord | None:
        """Async form of `get_as_of`."""
        return await self.executor.arun(self._past.as_of(namespace, key, when))

    def find_reads(
        self,
        prefix: Labels = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> list[ReadEntry]:
        """Return who read items, newest first, as stores with `History(audit_reads=True)` noted it.

        Args:
            prefix: whole labels. What a search or another read found is only known by its user.
            since: only those from this moment on.
            until: only those up to this moment.
            limit: the maximum number of entries.
        """
        return self.executor.run(self._past.reads(self._regions(prefix), since, until, limit))

    async def afind_reads(
        self,
        prefix: Labels = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> list[ReadEntry]:
        """Async form of `find_reads`."""
        return await self.executor.arun(
            self._past.reads(self._regions(prefix), since, until, limit)
        )

    def diff(self, namespace: Labels, key: str, a: datetime, b: datetime | None = None) -> ItemDiff:
        """Return how an item differs between two moments; without `b`, between `a` and now.

        Raises:
            HistoryNotKeptError: history does not tell of a moment.
            InvalidOperationError: a moment has no time zone.
        """
        return run(self._past.diffing(namespace, key, a, b), self.executor)

    async def adiff(
        self, namespace: Labels, key: str, a: datetime, b: datetime | None = None
    ) -> ItemDiff:
        """Async form of `diff`."""
        return await arun(self._past.diffing(namespace, key, a, b), self.executor)

    def restore(
        self,
        target: Labels | str,
        as_of: datetime,
        *,
        dry_run: bool = True,
        progress: Progress | bool | None = None,
    ) -> RestoreReport:
        """Make items again what they were at a moment; by default, only tell what would change.

        Values, metadata, times and TTLs come back, also of items that were deleted. Items that
        were not there are deleted. Each page of 500 items is one statement. A restore is itself
        history: `report.undo_as_of` undoes it. Run it again after an interruption.

        Args:
            target: a namespace with all below it, or in the plain store a user's id.
            as_of: the moment, such as `entry.before` of a `HistoryEntry`.
            dry_run: False restores.
            progress: called with the number of items done. True shows a bar on a terminal and in
                a notebook.

        Raises:
            HistoryNotKeptError: history does not tell of that moment.
            EmbeddingError: the embedder failed; `reindex` finds the items that it left out.
        """
        return run(
            self._past.restoring(self._regions_of(target), as_of, dry_run, progress), self.executor
        )

    async def arestore(
        self,
        target: Labels | str,
        as_of: datetime,
        *,
        dry_run: bool = True,
        progress: Progress | bool | None = None,
    ) -> RestoreReport:
        """Async form of `restore`."""
        return await arun(
            self._past.restoring(self._regions_of(target), as_of, dry_run, progress), self.executor
        )

    def _regions_of(self, target: Labels | str) -> Sequence[Region]:
        scope = self.planner.scope
        if not isinstance(target, str):
            return self._regions(target)
        if isinstance(scope, UserScope) and scope.user_id != target:
            raise InvalidOperationError(
                f"a view restores its own user, {scope.user_id!r}, not {target!r}: pass a "
                "namespace, or use the plain store"
            )
        return (Region(check_user_id(target), ()),)

    def _regions(self, prefix: Labels) -> Sequence[Region]:
        return self.planner.scope.regions(check_labels(prefix))

    @property
    def _past(self) -> PastItems:
        return PastItems(self.planner, self.executor)
