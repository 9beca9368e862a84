"""Reading of what a user has of the quotas."""

from __future__ import annotations

from ..model.users import check_user_id
from ..results import Usage
from ..security.quotas.sql import plan_usage
from .base import StoreBase


class QuotaReads(StoreBase):
    """Methods that tell of a user's quotas."""

    def usage(self, user_id: str) -> list[Usage]:
        """Return what a user has of each quota in force: the whole user's first.

        The list is empty if the schema has no quotas. See `Quotas`.
        """
        return self.executor.run(plan_usage(check_user_id(user_id), self.planner.context))

    async def ausage(self, user_id: str) -> list[Usage]:
        """Async form of `usage`."""
        return await self.executor.arun(plan_usage(check_user_id(user_id), self.planner.context))
