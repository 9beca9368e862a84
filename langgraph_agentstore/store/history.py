"""History: what items were, who changed them, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from .._support.progress import Progress, telling_progress
from ..errors import InvalidOperationError
from ..model.checks import check_whole
from ..model.namespaces import Labels, check_labels, decode_labels
from ..model.provenance import Provenance
from ..model.users import Region, UserScope, check_user_id
from ..results import ItemRecord
from ..runtime.jobs.restore import RESTORE_PAGE_SIZE, restore_page_job
from ..security.history.entries import HistoryEntry, ItemDiff, item_diff
from ..security.history.reading_sql import moment, plan_as_of, plan_changes, plan_history
from ..security.history.reads_sql import ReadEntry, plan_reads
from ..security.history.restored import MOST_LISTED, RestoreAction, RestoredItem, RestoreReport
from ..security.history.restoring_sql import Restored, plan_extent
from ..sql.items.pages import plan_record
from ..sql.items.records import LARGEST_LIMIT
from ..sql.items.reindex_page import FIRST
from ..sql.statement import Statement
from .base import StoreBase
from .step_driver import On, Steps, arun, run


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
        return self.executor.run(self._plan_history(namespace, key, limit, before))

    async def ahistory(
        self, namespace: Labels, key: str, *, limit: int = 100, before: datetime | None = None
    ) -> list[HistoryEntry]:
        """Async form of `history`."""
        return await self.executor.arun(self._plan_history(namespace, key, limit, before))

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
        return self.executor.run(self._plan_changes(prefix, said, since, until, limit))

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
        return await self.executor.arun(self._plan_changes(prefix, said, since, until, limit))

    def get_as_of(self, namespace: Labels, key: str, when: datetime) -> ItemRecord | None:
        """Return the item as it was at a moment, or None if there was none.

        It costs about as much as a `get`, however long the history is.

        Raises:
            HistoryNotKeptError: history does not tell of that moment.
            InvalidOperationError: `when` has no time zone.
        """
        return self.executor.run(self._plan_as_of(namespace, key, when))

    async def aget_as_of(self, namespace: Labels, key: str, when: datetime) -> ItemRecord | None:
        """Async form of `get_as_of`."""
        return await self.executor.arun(self._plan_as_of(namespace, key, when))

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
        return self.executor.run(self._plan_reads(prefix, since, until, limit))

    async def afind_reads(
        self,
        prefix: Labels = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> list[ReadEntry]:
        """Async form of `find_reads`."""
        return await self.executor.arun(self._plan_reads(prefix, since, until, limit))

    def _plan_reads(
        self, prefix: Labels, since: datetime | None, until: datetime | None, limit: int
    ) -> Statement[list[ReadEntry]]:
        planner = self.planner
        check_whole("limit", limit, 0, LARGEST_LIMIT)
        since = None if since is None else moment("since", since)
        until = None if until is None else moment("until", until)
        regions = planner.scope.regions(check_labels(prefix))
        return plan_reads(regions, (since, until), limit, planner.scope, planner.context)

    def diff(self, namespace: Labels, key: str, a: datetime, b: datetime | None = None) -> ItemDiff:
        """Return how an item differs between two moments; without `b`, between `a` and now.

        Raises:
            HistoryNotKeptError: history does not tell of a moment.
            InvalidOperationError: a moment has no time zone.
        """
        return run(self._diffing(namespace, key, a, b), self.executor)

    async def adiff(
        self, namespace: Labels, key: str, a: datetime, b: datetime | None = None
    ) -> ItemDiff:
        """Async form of `diff`."""
        return await arun(self._diffing(namespace, key, a, b), self.executor)

    def _diffing(
        self, namespace: Labels, key: str, a: datetime, b: datetime | None
    ) -> Steps[ItemDiff]:
        planner = self.planner
        item_id, labels = planner.item_id(namespace, key)
        reads = [self._plan_as_of(namespace, key, a)]
        if b is None:
            reads.append(plan_record(item_id, labels, planner.context))
        else:
            reads.append(self._plan_as_of(namespace, key, b))
        before, after = yield On(self.executor, reads)
        return item_diff(before, after)

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
        return run(self._restoring(target, as_of, dry_run, progress), self.executor)

    async def arestore(
        self,
        target: Labels | str,
        as_of: datetime,
        *,
        dry_run: bool = True,
        progress: Progress | bool | None = None,
    ) -> RestoreReport:
        """Async form of `restore`."""
        return await arun(self._restoring(target, as_of, dry_run, progress), self.executor)

    def _restoring(
        self, target: Labels | str, as_of: datetime, dry_run: bool, progress: Progress | bool | None
    ) -> Steps[RestoreReport]:
        planner, as_of = self.planner, moment("as_of", as_of)
        regions = self._regions_of(target)
        total, now = yield plan_extent(regions, as_of, planner.context)
        actions: Counter[RestoreAction] = Counter()
        changes: list[RestoredItem] = []
        after = FIRST
        with telling_progress(progress, "restoring", total) as tell:
            while True:
                page: list[Restored] = yield restore_page_job(
                    regions, as_of, after, dry_run=dry_run
                )
                actions.update(item.action for item in page)
                changes += [self._restored_item(item) for item in page if item.action != "same"][
                    : MOST_LISTED - len(changes)
                ]
                tell(actions.total())
                if len(page) < RESTORE_PAGE_SIZE:
                    break
                after = page[-1].item_id
        counts = (actions["put"], actions["delete"], actions["same"])
        return RestoreReport(as_of, dry_run, now, *counts, tuple(changes))

    def _regions_of(self, target: Labels | str) -> Sequence[Region]:
        scope = self.planner.scope
        if not isinstance(target, str):
            return scope.regions(check_labels(target))
        if isinstance(scope, UserScope) and scope.user_id != target:
            raise InvalidOperationError(
                f"a view restores its own user, {scope.user_id!r}, not {target!r}: pass a "
                "namespace, or use the plain store"
            )
        return (Region(check_user_id(target), ()),)

    def _restored_item(self, item: Restored) -> RestoredItem:
        user_id, stored, key = item.item_id
        return RestoredItem(
            self.planner.scope.labels(user_id, decode_labels(stored)), key, item.action
        )

    def _plan_history(
        self, namespace: Labels, key: str, limit: int, before: datetime | None
    ) -> Statement[list[HistoryEntry]]:
        planner = self.planner
        check_whole("limit", limit, 0, LARGEST_LIMIT)
        before = None if before is None else moment("before", before)
        item_id, _ = planner.item_id(namespace, key)
        return plan_history(item_id, limit, before, planner.scope, planner.context)

    def _plan_changes(
        self,
        prefix: Labels,
        said: Provenance | None,
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Statement[list[HistoryEntry]]:
        planner = self.planner
        check_whole("limit", limit, 0, LARGEST_LIMIT)
        since = None if since is None else moment("since", since)
        until = None if until is None else moment("until", until)
        return plan_changes(
            planner.scope.regions(check_labels(prefix)),
            said or Provenance(),
            (since, until),
            limit,
            planner.scope,
            planner.context,
        )

    def _plan_as_of(
        self, namespace: Labels, key: str, when: datetime
    ) -> Statement[ItemRecord | None]:
        planner = self.planner
        item_id, labels = planner.item_id(namespace, key)
        return plan_as_of(item_id, labels, moment("when", when), planner.scope, planner.context)
