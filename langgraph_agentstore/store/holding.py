"""Legal holds: what must not be deleted, whoever asks."""

from __future__ import annotations

from uuid import UUID

from ..errors import InvalidOperationError
from ..model.json_values import check_text
from ..model.namespaces import Labels, check_labels, encode_labels
from ..model.users import check_user_id
from ..results import LegalHold
from ..runtime.jobs.holding import hold_job
from ..security.holding.sql import plan_end_of_hold, plan_holds
from .base import StoreBase
from .executor import Job


class Holding(StoreBase):
    """Methods that put items on legal hold, and release them."""

    def hold(self, user_id: str | None = None, *, namespace: Labels = (), reason: str) -> LegalHold:
        """Keep items from being deleted, by any process, until `release_hold`.

        Deletes, `delete_user` and `erase_user` then raise `LegalHoldError`; retention and sweeps
        leave the items out. An expired item stays, hidden as it was. A held item may still be
        replaced: keep its earlier values by `history=`. The first call creates a trigger, which
        needs the rights of the tables' owner.

        Args:
            user_id: the user whose items are held. None: of all users, and the shared space.
            namespace: hold only this namespace and those below it, as a user's view names them.
            reason: why, such as the number of the case; `holds()` shows it.

        Raises:
            InvalidOperationError: neither a user nor a namespace is named, or no reason.
            MissingSchemaError: this role may not create the trigger; `sql` has the statement.
        """
        return self.executor.run(self._hold_job(user_id, namespace, reason))

    async def ahold(
        self, user_id: str | None = None, *, namespace: Labels = (), reason: str
    ) -> LegalHold:
        """Async form of `hold`."""
        return await self.executor.arun(self._hold_job(user_id, namespace, reason))

    def release_hold(self, hold_id: UUID) -> bool:
        """End a hold by its id; return whether there was one. Other holds stay in force.

        Raises:
            OwnerNeededError: the tables have row level security, and this is not their owner.
        """
        return self.executor.run(plan_end_of_hold(_checked_hold_id(hold_id), self.planner.context))

    async def arelease_hold(self, hold_id: UUID) -> bool:
        """Async form of `release_hold`."""
        return await self.executor.arun(
            plan_end_of_hold(_checked_hold_id(hold_id), self.planner.context)
        )

    def holds(self) -> list[LegalHold]:
        """Return all holds in force, oldest first.

        Raises:
            OwnerNeededError: the tables have row level security, and this is not their owner.
        """
        return self.executor.run(plan_holds(self.planner.context))

    async def aholds(self) -> list[LegalHold]:
        """Async form of `holds`."""
        return await self.executor.arun(plan_holds(self.planner.context))

    @staticmethod
    def _hold_job(user_id: str | None, namespace: Labels, reason: str) -> Job[LegalHold]:
        labels = check_labels(namespace)
        if user_id is None and not labels:
            raise InvalidOperationError(
                "hold: name a user, a namespace, or both; a hold of everything is none of anybody"
            )
        if not isinstance(reason, str) or not reason:  # type: ignore[redundant-expr]
            raise InvalidOperationError(
                "hold: reason is a non-empty text, such as the number of the case"
            )
        check_text(reason, "reason")
        user = None if user_id is None else check_user_id(user_id)
        return hold_job(user, encode_labels(labels), reason)


def _checked_hold_id(hold_id: object) -> UUID:
    if not isinstance(hold_id, UUID):
        raise InvalidOperationError(
            f"release_hold: hold_id is the UUID of a hold, as holds() shows it, got {hold_id!r}"
        )
    return hold_id
