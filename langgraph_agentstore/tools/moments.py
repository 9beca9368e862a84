"""Moments as people type them: `2026-01-31 12:00`, `2026-01-31T12:00:00+02:00`, or `2h` ago."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from ..errors import InvalidOperationError
from ..model.json_values import shown

_AGO = re.compile(r"(\d{1,6}(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_moment(text: str, now: datetime) -> datetime:
    """Return the moment; without a time zone, it is in UTC.

    Args:
        text: a date, a date with a time (ISO 8601), or how long ago: `30s`, `2h`, `7d`.
        now: the moment from which "ago" counts.

    Raises:
        InvalidOperationError: it cannot be read.
    """
    stripped = text.strip()
    if ago := _AGO.fullmatch(stripped):
        return now - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", stripped))
    except ValueError:
        raise InvalidOperationError(
            f"{shown(text)} is not a moment: write 2026-01-31, 2026-01-31T12:00:00 (UTC), or how "
            "long ago, such as 2h or 7d"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
