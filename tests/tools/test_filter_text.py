"""Filters as people type them."""

from __future__ import annotations

import pytest

from langgraph_agentstore.errors import InvalidFilterError
from langgraph_agentstore.tools.filter_text import read_filter


@pytest.mark.parametrize(
    ("text", "filter"),
    [
        ("n=1", {"n": {"$eq": 1}}),
        ("n = Ada", {"n": {"$eq": "Ada"}}),
        ('n="1"', {"n": {"$eq": "1"}}),
        ("n>=2", {"n": {"$gte": 2}}),
        ("n<=2", {"n": {"$lte": 2}}),
        ("n>2.5", {"n": {"$gt": 2.5}}),
        ("n<2", {"n": {"$lt": 2}}),
        ("n!=null", {"n": {"$ne": None}}),
        ("tags~tea", {"tags": {"$contains": "tea"}}),
        ("a.b=x=y", {"a.b": {"$eq": "x=y"}}),
        (' {"n": {"$in": [1]}}', {"n": {"$in": [1]}}),
    ],
)
def test_a_condition_is_read(text: str, filter: object) -> None:
    assert read_filter([text]) == filter


def test_several_conditions_must_all_hold() -> None:
    assert read_filter(["a=1", "b>2"]) == {"$and": [{"a": {"$eq": 1}}, {"b": {"$gt": 2}}]}
    assert read_filter([]) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tea", "'tea' is not a condition"),
        ("=1", "'=1' is not a condition"),
        ("{", "is not JSON"),
        ('{"n": {"$near": 1}}', r"\$near"),
    ],
)
def test_a_wrong_condition_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(InvalidFilterError, match=said):
        read_filter([text])
