"""Keys of a store that encrypts: rotating, wrapping anew, destroying."""

from __future__ import annotations

from .._support.progress import Progress, telling_progress
from ..model.users import check_user_id
from ..runtime.jobs.rotate import REWRAP_KEYS, Rotating, destroy_keys_job
from .base import StoreBase
from .bulk_load import telling
from .executor import Job
from .step_driver import Steps, arun, run


class Encrypting(StoreBase):
    """Methods for the keys of a store with `encryption`."""

    def rotate(self, *, progress: Progress | bool | None = None) -> int:
        """Give each user a new data key, and encrypt every value with it, while the store is used.

        It also encrypts what was stored before, if the store has `read_plaintext=True`, and what
        was stored with other `fields`. After an interruption, at any point, the next call goes on.
        A retired key is removed by a later call, after two hours at the earliest, once nothing
        needs it.

        Args:
            progress: called with the number of items looked at. True shows a bar on a terminal and
                in a notebook.

        Returns:
            The number of values encrypted.

        Raises:
            InvalidOperationError: the store does not encrypt, or another process is rotating.
            DecryptionError: values could not be opened; the message names the first. They stay as
                they were, all others are done.
        """
        return run(self._rotation_steps(progress), self.executor)

    async def arotate(self, *, progress: Progress | bool | None = None) -> int:
        """Async form of `rotate`."""
        return await arun(self._rotation_steps(progress), self.executor)

    def _rotation_steps(self, progress: Progress | bool | None) -> Steps[int]:
        work, seen = Rotating(), 0
        try:
            total: int = yield Job(work.begin, kind="rotate_keys")
            with telling_progress(progress, "rotating", total) as tell:
                while not work.is_done:
                    with telling(f"{work.rotated} values are encrypted; the next rotate goes on"):
                        seen += yield Job(work.step, kind="rotate_keys")
                    tell(seen)
            yield Job(work.finish, kind="rotate_keys")
        finally:
            yield Job(work.end, kind="rotate_keys")
        return work.rotated

    def rewrap_keys(self) -> int:
        """Wrap all data keys with the newest key-encryption key, in one statement.

        Afterwards the old key-encryption key is needed only to read backups of the data keys.

        Returns:
            The number of data keys.
        """
        return self.executor.run(REWRAP_KEYS)

    async def arewrap_keys(self) -> int:
        """Async form of `rewrap_keys`."""
        return await self.executor.arun(REWRAP_KEYS)

    def destroy_keys(self, user_id: str) -> int:
        """Destroy a user's data keys, for good: nothing that was encrypted for the user opens.

        This covers replicas, backups and the write-ahead log, unless a backup of the keys' own
        schema is restored. The items are still there: delete them too. Other processes notice it
        when the key in their memory becomes too old (`max_key_age_s`).

        Returns:
            The number of keys destroyed.

        Raises:
            LegalHoldError: something of the user is under a hold.
        """
        return self.executor.run(destroy_keys_job(check_user_id(user_id)))

    async def adestroy_keys(self, user_id: str) -> int:
        """Async form of `destroy_keys`."""
        return await self.executor.arun(destroy_keys_job(check_user_id(user_id)))
