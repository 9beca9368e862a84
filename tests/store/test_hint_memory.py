"""A store remembers which hints it gave, and not without end."""

from __future__ import annotations

import logging

import pytest

from langgraph_agentstore._support.one_time_warnings import MOST, Hints


def test_a_hint_is_given_once(caplog: pytest.LogCaptureFixture) -> None:
    hints = Hints()
    for _ in range(3):
        hints.give("100% legal, and not meant")
    assert [record.getMessage() for record in caplog.records] == ["100% legal, and not meant"]


def test_no_more_hints_are_given_than_are_remembered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    hints = Hints()
    for n in range(MOST + 10):
        hints.give(f"hint {n}")
    assert len(caplog.records) == MOST
