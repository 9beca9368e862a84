"""What filters mean, and that the predicate says so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.store.memory import _compare_values

from langgraph_agentstore.sql.filters import OPERATOR_NAMES, matches, parse_filter
from tests.sql.filters.filter_cases import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_predicate_agrees_with_the_table(case: Case) -> None:
    parsed = parse_filter(case.filter)
    assert [value for value in case.matching if not matches(parsed, value)] == []
    assert [value for value in case.other if matches(parsed, value)] == []


@pytest.mark.parametrize("name", OPERATOR_NAMES)
def test_every_operator_has_rows_in_the_table(name: str) -> None:
    rows = sum(f"'{name}':" in str(case.filter) for case in CASES)
    assert rows >= 2, f"tests/sql/filters/filter_cases.py: two cases of {name} at least"


def test_a_filter_keeps_the_operand_it_was_given() -> None:
    wanted = [1]
    parsed = parse_filter({"a": {"$in": wanted}})
    wanted.append(2)
    assert not matches(parsed, {"a": 2})


# Without booleans, which the in-memory store takes for numbers, and without dotted names.
_names = st.sampled_from(["a", "b", "c"])
_scalars = st.sampled_from([None, 0, 1, 1.0, 2**53, 2**53 + 1, "", "x", "1"])
_json = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_names, inner, max_size=2),
    max_leaves=5,
)


@given(wanted=_json, stored=_json)
def test_plain_conditions_mean_what_they_mean_in_memory(wanted: Any, stored: Any) -> None:
    parsed = parse_filter({"field": wanted})
    assert matches(parsed, {"field": stored}) == _compare_values(stored, wanted)


@given(wanted=_json)
def test_plain_conditions_on_a_missing_field_mean_what_they_mean_in_memory(wanted: Any) -> None:
    assert matches(parse_filter({"field": wanted}), {}) == _compare_values(None, wanted)


@given(name=st.sampled_from(["$eq", "$ne"]), wanted=_scalars, stored=_json)
def test_equality_means_what_it_means_in_memory(name: str, wanted: Any, stored: Any) -> None:
    condition = {name: wanted}
    parsed = parse_filter({"field": condition})
    assert matches(parsed, {"field": stored}) == _compare_values(stored, condition)
