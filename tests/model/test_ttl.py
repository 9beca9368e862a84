"""A time to live in minutes, as the interval that is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.errors import InvalidOperationError
from langgraph_agentstore.model.ttl import MAX_TTL_MINUTES, ttl_interval

ONE_MICROSECOND = 1 / 60_000_000


@pytest.mark.parametrize(
    ("minutes", "interval"),
    [
        (None, None),
        (1, timedelta(minutes=1)),
        (0.5, timedelta(seconds=30)),
        (1.5, timedelta(seconds=90)),
        (ONE_MICROSECOND, timedelta(microseconds=1)),
        (MAX_TTL_MINUTES, timedelta(days=365_250)),
    ],
)
def test_fractions_of_a_minute_are_exact(minutes: float | None, interval: timedelta | None) -> None:
    assert ttl_interval(minutes) == interval


@given(st.integers(1, 10**12))
def test_whole_microseconds_survive(microseconds: int) -> None:
    interval = ttl_interval(microseconds / 60_000_000)
    assert interval == timedelta(microseconds=microseconds)


@pytest.mark.parametrize(
    "minutes",
    [0, -1, -0.0, 1e-12, MAX_TTL_MINUTES + 1, 1e300, float("nan"), float("inf"), -float("inf")],
)
def test_what_is_no_time_is_refused(minutes: float) -> None:
    with pytest.raises(InvalidOperationError, match="ttl is above 0 and at most"):
        ttl_interval(minutes)


@pytest.mark.parametrize("minutes", ["5", True, timedelta(minutes=1), [1]])
def test_what_is_no_number_is_refused(minutes: Any) -> None:
    with pytest.raises(InvalidOperationError, match="a number of minutes or None"):
        ttl_interval(minutes)
