"""Plans of what items were: the same for a store, a view and a `DataStore`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from .._support.progress import Progress, telling_progress
from ..model.checks import check_whole
from ..model.namespaces import Labels, decode_labels
from ..model.provenance import Provenance
from ..model.users import Region
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
from ..sql.planner import Planner
from ..sql.statement import Statement
from .executor import Executor
from .step_driver import On, Steps


class PastItems:
    """Statements and steps on the history of one planner's items."""

    def __init__(self, planner: Planner, executor: Executor) -> None:
        self.planner = planner
        self.executor = executor

    def history(
        self, namespace: Labels, key: str, limit: int, before: datetime | None
    ) -> Statement[list[HistoryEntry]]:
        """Plan the read of the newest entries of an item."""
        planner = self.planner
        check_whole("limit", limit, 0, LARGEST_LIMIT)
        before = None if before is None else moment("before", before)
        item_id, _ = planner.item_id(namespace, key)
        return plan_history(item_id, limit, before, planner.scope, planner.context)

    def changes(
        self,
        regions: Sequence[Region],
        said: Provenance | None,
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Statement[list[HistoryEntry]]:
        """Plan the read of the newest entries of regions."""
        planner = self.planner
        window = _checked_window(since, until, limit)
        return plan_changes(
            regions,
            said or Provenance(),
            window,
            limit,
            planner.scope,
            planner.context,
        )

    def as_of(self, namespace: Labels, key: str, when: datetime) -> Statement[ItemRecord | None]:
        """Plan the read of an item as of a moment."""
        planner = self.planner
        item_id, labels = planner.item_id(namespace, key)
        return plan_as_of(item_id, labels, moment("when", when), planner.scope, planner.context)

    def reads(
        self,
        regions: Sequence[Region],
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Statement[list[ReadEntry]]:
        """Plan the read of who read items of regions."""
        planner = self.planner
        window = _checked_window(since, until, limit)
        return plan_reads(regions, window, limit, planner.scope, planner.context)

    def diffing(
        self, namespace: Labels, key: str, a: datetime, b: datetime | None
    ) -> Steps[ItemDiff]:
        """Compare an item at two moments; without `b`, with the item as it is."""
        planner = self.planner
        item_id, labels = planner.item_id(namespace, key)
        reads = [self.as_of(namespace, key, a)]
        if b is None:
            reads.append(plan_record(item_id, labels, planner.context))
        else:
            reads.append(self.as_of(namespace, key, b))
        before, after = yield On(self.executor, reads)
        return item_diff(before, after)

    def restoring(
        self,
        regions: Sequence[Region],
        as_of: datetime,
        dry_run: bool,
        progress: Progress | bool | None,
    ) -> Steps[RestoreReport]:
        """Restore regions page by page, or tell what would change."""
        planner, as_of = self.planner, moment("as_of", as_of)
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

    def _restored_item(self, item: Restored) -> RestoredItem:
        user_id, stored, key = item.item_id
        return RestoredItem(
            self.planner.scope.labels(user_id, decode_labels(stored)), key, item.action
        )


def _checked_window(
    since: datetime | None, until: datetime | None, limit: int
) -> tuple[datetime | None, datetime | None]:
    """Return the first and the last moment asked about, if they and the limit make sense."""
    check_whole("limit", limit, 0, LARGEST_LIMIT)
    return (
        None if since is None else moment("since", since),
        None if until is None else moment("until", until),
    )
