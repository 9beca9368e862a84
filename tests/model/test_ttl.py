"""A time to live in minutes, as the interval that is stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.errors import ConfigurationError, InvalidOperationError
from langgraph_agentstore.model.ttl import (
    MAX_TTL_MINUTES,
    replaced_options,
    ttl_interval,
    ttl_options,
)

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


def test_no_options_stay_no_options() -> None:
    assert ttl_options(None) is None
    assert replaced_options(None, None) is None


def test_what_counts_at_each_call_may_be_changed_in_every_way() -> None:
    options: Any = ttl_options({"default_ttl": 5, "refresh_on_read": True})
    options["default_ttl"] = 6
    options.update(refresh_on_read=False)
    assert options == {"default_ttl": 6, "refresh_on_read": False}
    assert options.setdefault("default_ttl", 7) == 6
    assert options.pop("default_ttl") == 6
    assert options.pop("default_ttl", None) is None
    assert options.setdefault("default_ttl", 7) == 7
    del options["default_ttl"]
    options.clear()
    assert options == {}


CHANGES: dict[str, Callable[[Any], Any]] = {
    "set": lambda options: options.__setitem__("sweep_interval_minutes", 2),
    "update": lambda options: options.update(sweep_interval_minutes=2),
    "setdefault": lambda options: options.setdefault("omit_expired", False),
    "delete": lambda options: options.__delitem__("sweep_interval_minutes"),
    "pop": lambda options: options.pop("sweep_interval_minutes"),
    "clear": lambda options: options.clear(),
    "replace": lambda options: replaced_options(options, {"default_ttl": 1}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_is_decided_when_a_store_is_made_cannot_be_changed(
    change: Callable[[Any], Any],
) -> None:
    options: Any = ttl_options({"default_ttl": 5, "sweep_interval_minutes": 1})
    with pytest.raises(ConfigurationError, match="decided when the store is made"):
        change(options)
    assert options == {"default_ttl": 5, "sweep_interval_minutes": 1}


def test_options_are_replaced_where_the_decided_ones_stay() -> None:
    old = ttl_options({"default_ttl": 5, "sweep_interval_minutes": 1})
    new = replaced_options(old, {"default_ttl": 9, "sweep_interval_minutes": 1})
    assert new == {"default_ttl": 9, "sweep_interval_minutes": 1}
