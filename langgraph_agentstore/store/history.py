"""History: what items were, who changed them, and why."""

from __future__ import annotations

from datetime import datetime

from ..model.checks import check_whole
from ..model.namespaces import Labels, check_labels
from ..model.provenance import Provenance
from ..results import ItemRecord
from ..security.history.entries import HistoryEntry
from ..security.history.reading_sql import moment, plan_as_of, plan_changes, plan_history
from ..sql.items.records import LARGEST_LIMIT
from ..sql.statement import Statement
from .base import StoreBase


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
