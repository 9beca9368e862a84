"""Erasing of a person, and admitting one again."""

from __future__ import annotations

from ..errors import InvalidOperationError
from ..model.users import check_user_id
from ..results import ErasureReceipt, Vacuum
from ..runtime.jobs.erasing import erase_job, readmit_job
from .base import StoreBase
from .executor import Job


class Erasing(StoreBase):
    """Methods that end what a store knows of a user."""

    def erase_user(self, user_id: str, *, vacuum: Vacuum = False) -> ErasureReceipt:
        """Erase everything of a user for good, and refuse later writes; return the receipt.

        One transaction removes the user's rows from every table, and leaves a tombstone: from
        then on, writes of every process for this user raise `UserErasedError`. Watches of the user
        end with `WatchLapsedError`. Erasing again is no error. The first call creates triggers,
        which needs the rights of the tables' owner.

        Args:
            user_id: the user to erase; any id, also one that has nothing.
            vacuum: True also vacuums the tables. "full" writes them and their indexes anew, so
                that their files hold nothing of the user; nobody can use a table meanwhile.

        Raises:
            MissingSchemaError: this role may not create the triggers; `sql` has the statements.
            StoreTimeoutError: other transactions kept rows of the user locked. Nothing is erased.
        """
        return self.executor.run(self._erase_job(user_id, vacuum))

    async def aerase_user(self, user_id: str, *, vacuum: Vacuum = False) -> ErasureReceipt:
        """Async form of `erase_user`."""
        return await self.executor.arun(self._erase_job(user_id, vacuum))

    def readmit_user(self, user_id: str) -> bool:
        """Remove the tombstone of an erased user; return whether there was one.

        Call it if the person comes back. Nothing that was erased comes back.
        """
        return self.executor.run(readmit_job(check_user_id(user_id)))

    async def areadmit_user(self, user_id: str) -> bool:
        """Async form of `readmit_user`."""
        return await self.executor.arun(readmit_job(check_user_id(user_id)))

    @staticmethod
    def _erase_job(user_id: str, vacuum: Vacuum) -> Job[ErasureReceipt]:
        if vacuum not in (True, False, "full"):
            raise InvalidOperationError(
                f"vacuum is True, False or 'full', got {vacuum!r}: 'full' writes the tables anew"
            )
        return erase_job(check_user_id(user_id), vacuum)
