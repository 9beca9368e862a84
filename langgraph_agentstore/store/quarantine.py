"""The quarantine of a store: what its guard kept aside is listed, released or discarded."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from .._support.awaited_results import Answer
from ..errors import InvalidOperationError
from ..model.checks import check_whole
from ..model.json_values import shown
from ..model.namespaces import Labels, check_labels
from ..model.users import Region
from ..security.guard import QuarantinedItem
from ..security.quarantine_sql import plan_discard, plan_quarantined, plan_released
from ..sql.items.records import LARGEST_LIMIT
from ..sql.statement import Put, Statement
from .base import StoreBase
from .step_driver import Steps, arun, run


class QuarantineRoom(StoreBase):
    """Methods of the plain store for values in quarantine."""

    def quarantined(self, prefix: Labels = (), *, limit: int = 100) -> list[QuarantinedItem]:
        """Return the values that the guard kept aside, at or below a namespace, oldest first."""
        return self.executor.run(self._plan_quarantined(prefix, limit))

    async def aquarantined(self, prefix: Labels = (), *, limit: int = 100) -> list[QuarantinedItem]:
        """Async form of `quarantined`."""
        return await self.executor.arun(self._plan_quarantined(prefix, limit))

    def release(self, id: str, *, prefix: Labels = ()) -> Answer:
        """Write a value from quarantine past the guard; return whether it was there.

        It replaces what the item has meanwhile; its TTL begins now.

        Args:
            id: of a `QuarantinedItem`.
            prefix: where it is. A role that row level security limits names the user.
        """
        return Answer(run(self._releasing(id, prefix), self.executor))

    async def arelease(self, id: str, *, prefix: Labels = ()) -> bool:
        """Async form of `release`."""
        return await arun(self._releasing(id, prefix), self.executor)

    def discard(self, id: str, *, prefix: Labels = ()) -> Answer:
        """Remove a value from quarantine for good; return whether it was there."""
        regions = self._regions(prefix)
        return Answer(
            self.executor.run(plan_discard(regions, _checked_id(id), self.planner.context))
        )

    async def adiscard(self, id: str, *, prefix: Labels = ()) -> bool:
        """Async form of `discard`."""
        regions = self._regions(prefix)
        return await self.executor.arun(
            plan_discard(regions, _checked_id(id), self.planner.context)
        )

    def _plan_quarantined(self, prefix: Labels, limit: int) -> Statement[list[QuarantinedItem]]:
        planner = self.planner
        check_whole("limit", limit, 0, LARGEST_LIMIT)
        return plan_quarantined(self._regions(prefix), limit, planner.scope, planner.context)

    def _releasing(self, id_: str, prefix: Labels) -> Steps[bool]:
        regions, checked, context = self._regions(prefix), _checked_id(id_), self.planner.context
        put: Put | None = yield plan_released(regions, checked, context)
        if put is None:
            return False
        yield put
        found: bool = yield plan_discard(regions, checked, context)
        return found

    def _regions(self, prefix: Labels) -> Sequence[Region]:
        return self.planner.scope.regions(check_labels(prefix))


def _checked_id(given: object) -> UUID:
    try:
        return UUID(str(given))
    except ValueError:
        raise InvalidOperationError(
            f"id is that of a QuarantinedItem, got {shown(given)}; quarantined() lists them"
        ) from None
