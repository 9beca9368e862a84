"""The difference of two JSON values."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.model.json_values import same_json
from langgraph_agentstore.model.value_changes import ValueChange, value_changes

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(st.text("ab", max_size=1), parts, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"n": 1}, {"n": 1}, []),
        (1, 2, [ValueChange((), "changed", 1, 2)]),
        ({"n": 1}, {"n": True}, [ValueChange(("n",), "changed", 1, True)]),
        (
            {"a": {"b": [1, 2]}, "c": 0},
            {"a": {"b": [1, 3, 4]}, "d": None},
            [
                ValueChange(("a", "b", 1), "changed", 2, 3),
                ValueChange(("a", "b", 2), "added", None, 4),
                ValueChange(("c",), "removed", 0),
                ValueChange(("d",), "added"),
            ],
        ),
        ({"a": [1]}, {"a": {}}, [ValueChange(("a",), "changed", [1], {})]),
    ],
)
def test_the_smallest_parts_that_differ(
    before: Any, after: Any, expected: list[ValueChange]
) -> None:
    assert list(value_changes(before, after)) == expected


@given(json_values, json_values)
def test_changes_make_the_one_value_the_other(before: Any, after: Any) -> None:
    whole = {"it": copy.deepcopy(before)}
    # From the end, so that positions of lists stay what they are.
    for change in reversed(list(value_changes({"it": before}, {"it": after}))):
        *path, last = change.path
        place: Any = whole
        for step in path:
            place = place[step]
        if change.kind == "removed":
            del place[last]
        elif change.kind == "added" and isinstance(place, list):
            place.insert(_shorter(before, after, path), change.after)
        else:
            place[last] = change.after
    assert same_json(whole["it"], after)


def _shorter(before: Any, after: Any, path: list[Any]) -> int:
    for step in path[1:]:
        before, after = before[step], after[step]
    return min(len(before), len(after))
