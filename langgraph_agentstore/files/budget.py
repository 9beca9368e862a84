"""How long matching may take, and how long a pattern may be: a model, or a stranger, writes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from ..errors import InvalidOperationError, StoreTimeoutError

T = TypeVar("T")

LONGEST_PATTERN: Final = 1_000
"""Characters of a regular expression or a glob."""

MATCHING_S: Final = 5.0
"""How long one operation may spend on matching, all files together."""

_LEAST_S: Final = 0.001


class MatchingTimeoutError(StoreTimeoutError):
    """Matching took too long; the dialects say it in their results."""


class MatchingBudget:
    """The time that is left for matching one pattern; what the server takes does not count."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST_PATTERN:
            raise InvalidOperationError(
                f"a pattern has at most {LONGEST_PATTERN} characters, this one {len(pattern)}; "
                "write a shorter one"
            )
        self._left_s = MATCHING_S

    def spend(self, match: Callable[[float], T]) -> T:
        """Run one match, which is given how long it may take.

        Raises:
            MatchingTimeoutError: the budget is spent.
        """
        started = time.monotonic()
        try:
            found = match(max(self._left_s, _LEAST_S))
        except TimeoutError:
            raise self._spent() from None
        self._left_s -= time.monotonic() - started
        if self._left_s <= 0:
            raise self._spent()
        return found

    @staticmethod
    def _spent() -> MatchingTimeoutError:
        return MatchingTimeoutError(
            f"matching took longer than {MATCHING_S:g} s; write a simpler pattern, or name a folder"
        )
