"""The checks of numbers, and the mapping that forgets what was used longest ago."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_agentstore._support.lru import Lru
from langgraph_agentstore.errors import ConfigurationError, InvalidOperationError
from langgraph_agentstore.model.checks import check_whole, is_number


@pytest.mark.parametrize("given", [1, 5])
def test_a_whole_number_of_the_range_is_returned(given: int) -> None:
    assert check_whole("size", given, 1, 5) == given


@pytest.mark.parametrize("given", [0, 6, True, 1.0, "1", None])
def test_anything_else_is_refused_with_the_range(given: Any) -> None:
    with pytest.raises(InvalidOperationError, match="size is a whole number from 1 to 5, got"):
        check_whole("size", given, 1, 5)


def test_a_range_may_have_no_end_and_an_error_of_its_own() -> None:
    assert check_whole("size", 2**70, 0) == 2**70
    with pytest.raises(ConfigurationError, match="from 0 on, or None, got -1"):
        check_whole("size", -1, 0, error=ConfigurationError, comment=", or None")


def test_a_technical_upper_limit_is_named_only_to_those_who_exceed_it() -> None:
    for given in (-1, "1"):
        with pytest.raises(InvalidOperationError, match="from 0 on, got"):
            check_whole("limit", given, 0, 2**62 - 1)
    with pytest.raises(InvalidOperationError, match=f"from 0 to {2**62 - 1}, got {2**62}"):
        check_whole("limit", 2**62, 0, 2**62 - 1)


@pytest.mark.parametrize(("given", "is_one"), [(1, True), (1.5, True), (True, False), ("1", False)])
def test_a_number_is_an_int_or_a_float(given: object, is_one: bool) -> None:
    assert is_number(given) is is_one


def test_the_entry_used_longest_ago_is_forgotten() -> None:
    known: Lru[str, int] = Lru(2)
    known["a"], known["b"] = 1, 2
    assert known.recall("a") == 1
    known["c"] = 3
    assert known.recall("b") is None
    assert dict(known) == {"a": 1, "c": 3}
