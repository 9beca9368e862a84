"""A time to live, as callers give it and as it is stored."""

from __future__ import annotations

import math
from datetime import timedelta

from .errors import InvalidOperationError

MAX_TTL_MINUTES = 525_960_000
"""A thousand years."""


def ttl_interval(minutes: float | None) -> timedelta | None:
    """A TTL in minutes, exact to the microsecond; None, never.

    Raises:
        InvalidOperationError: not a number above 0 and up to `MAX_TTL_MINUTES`.
    """
    if minutes is None:
        return None
    if isinstance(minutes, bool) or not isinstance(minutes, (int, float)):
        raise InvalidOperationError(f"ttl is a number of minutes or None, got {minutes!r}")
    interval = timedelta(0)
    if math.isfinite(minutes) and 0 < minutes <= MAX_TTL_MINUTES:
        interval = timedelta(minutes=minutes)
    if not interval:
        raise InvalidOperationError(
            f"ttl is above 0 and at most {MAX_TTL_MINUTES} minutes, got {minutes!r}; "
            "None for an item that never expires"
        )
    return interval
