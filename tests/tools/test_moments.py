"""Moments as people type them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from langgraph_agentstore.errors import InvalidOperationError
from langgraph_agentstore.tools.moments import read_moment

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=timezone.utc)),
        ("2026-01-31 12:30", datetime(2026, 1, 31, 12, 30, tzinfo=timezone.utc)),
        ("2026-01-31T12:30:00Z", datetime(2026, 1, 31, 12, 30, tzinfo=timezone.utc)),
        ("2026-01-31T12:30:00.000001+02:00", datetime(2026, 1, 31, 10, 30, 0, 1, timezone.utc)),
        ("30s", NOW - timedelta(seconds=30)),
        (" 1.5h ", NOW - timedelta(minutes=90)),
        ("2w", NOW - timedelta(weeks=2)),
    ],
)
def test_a_moment_is_read(text: str, moment: datetime) -> None:
    found = read_moment(text, NOW)
    assert found == moment
    assert found.tzinfo is not None


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2 years", "99999999999d"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidOperationError, match="is not a moment"):
        read_moment(text, NOW)
