"""Data keys in memory, with a limit of age and uses."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from .aes_gcm import KEY_BYTES, AesGcmKey

MOST_DATA_KEYS: Final = 10_000
"""The keys kept; beyond that, those which nobody used for a minute are forgotten."""

_UNUSED_S: Final = 60.0


@dataclass(slots=True)
class DataKey:
    """One user's data key; `loaded_at` and `used_at` are seconds of a monotonic clock."""

    id: str
    user_id: str
    aes: AesGcmKey = field(repr=False)
    loaded_at: float = 0.0
    used_at: float = 0.0
    uses: int = 0


def new_data_key() -> tuple[str, bytes]:
    """Generate a data key and its id, which is random too."""
    return os.urandom(8).hex(), os.urandom(KEY_BYTES)


class DataKeyCache:
    """The data keys that were unwrapped, by id; and each user's current one.

    A key that is too old or was used too often is `stale`. It is unwrapped again before it is
    used next, so that a right withdrawn at the key service is noticed.
    """

    def __init__(
        self, max_age_s: float, max_uses: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_age_s = max_age_s
        self._max_uses = max_uses
        self._clock = clock
        self._keys: dict[str, DataKey] = {}
        self._current: dict[str, DataKey] = {}

    def add(self, key_id: str, user_id: str, secret: bytes, *, is_current: bool) -> None:
        """Keep a key that was just unwrapped."""
        now = self._clock()
        key = DataKey(key_id, user_id, AesGcmKey(secret), loaded_at=now, used_at=now)
        self._keys[key_id] = key
        current = self._current.get(user_id)
        if is_current:
            self._current[user_id] = key
        elif current is not None and current.id == key_id:
            del self._current[user_id]
        if len(self._keys) > MOST_DATA_KEYS:
            self._forget_unused(now)

    def missing(self, key_ids: Iterable[str]) -> list[str]:
        """Return the ids of which there is no key, or a stale one."""
        return [each for each in key_ids if self._is_stale(self._keys.get(each))]

    def users_without(self, user_ids: Iterable[str]) -> list[str]:
        """Return the users of whom there is no current key, or a stale one."""
        return [each for each in user_ids if self._is_stale(self._current.get(each))]

    def used(self, key_id: str) -> DataKey | None:
        """Return a key for one more use; None if there is none."""
        return self._counted(self._keys.get(key_id))

    def current(self, user_id: str) -> DataKey | None:
        """Return a user's current key for one more use; None if there is none."""
        return self._counted(self._current.get(user_id))

    def forget(self, key_ids: Iterable[str]) -> None:
        """Forget keys that are no longer there."""
        for key_id in key_ids:
            key = self._keys.pop(key_id, None)
            if key is not None and self._current.get(key.user_id) is key:
                del self._current[key.user_id]

    def forget_user(self, user_id: str) -> None:
        """Forget all keys of a user."""
        self.forget([key.id for key in self._keys.values() if key.user_id == user_id])

    def forget_current(self, user_ids: Iterable[str]) -> None:
        """Forget which keys are the current ones of users."""
        for user_id in user_ids:
            self._current.pop(user_id, None)

    def _counted(self, key: DataKey | None) -> DataKey | None:
        if key is not None:
            key.uses += 1
            key.used_at = self._clock()
        return key

    def _is_stale(self, key: DataKey | None) -> bool:
        if key is None or key.uses >= self._max_uses:
            return True
        return self._clock() - key.loaded_at >= self._max_age_s

    def _forget_unused(self, now: float) -> None:
        self.forget([k.id for k in self._keys.values() if now - k.used_at >= _UNUSED_S])
