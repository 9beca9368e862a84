"""What the SQL of a filter looks like: parameters for all that varies, containment for indexes."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from langgraph_agentstore.sql.filters import MAX_FILTER_DEPTH, filter_sql, parse_filter
from tests.sql.filters.filter_cases import CASES, Case


def _sql(source: dict[str, Any]) -> tuple[str, list[Any]]:
    arguments: list[Any] = []
    return filter_sql(parse_filter(source), arguments), arguments


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "x"}, {"b": 5}),
        ({"a": 1}, {"a": {"$eq": True}}),
        ({"a": {"b": 1}}, {"c": {"d": "x", "e": False}}),
        ({"a.b": 1}, {"c.d": "x"}),
        ({"a": [1]}, {"b": ["x", None, [2]]}),
        ({"a": {"$in": []}}, {"b": {"$in": [1, None, "x"]}}),
        ({"a": {"$gt": 1}}, {"b": {"$gt": 2.5}}),
        ({"a": {"$gt": "x"}}, {"b": {"$gt": ""}}),
        ({"a": {"$contains": 1}}, {"b": {"$contains": [None, True]}}),
        ({"a": {"$contains": {}}}, {"b": {"$contains": {"c": [1]}}}),
    ],
)
def test_text_depends_on_the_shape_alone(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert _sql(one)[0] == _sql(other)[0]


@pytest.mark.parametrize(
    ("source", "contained"),
    [
        ({"a": 1}, {"a": 1}),
        ({"a": "x"}, {"a": "x"}),
        ({"a": {"$eq": True}}, {"a": True}),
        ({"a": {"b": {"c": 1}, "value": "x"}}, {"a": {"b": {"c": 1}, "value": "x"}}),
    ],
)
def test_equality_of_a_field_is_containment_of_the_column(source: Any, contained: Any) -> None:
    text, arguments = _sql(source)
    assert text == "(i.value @> $1::jsonb)"
    assert orjson.loads(arguments[0]) == contained


@pytest.mark.parametrize(
    "source",
    [
        {"value": 1},
        {"a.b": 1},
        {"a": None},
        {"a": []},
        {"a": {}},
        {"a": {"b": None}},
        {"a": {"b": {}}},
        {"a": {"b.c": 1}},
        {"a": {"$eq": {"b": 1}}},
        {"a": {"$ne": 1}},
        {"a": {"b": {"$gt": 1}}},
    ],
)
def test_what_containment_cannot_say_is_not_said_by_it(source: Any) -> None:
    assert "i.value @>" not in _sql(source)[0]


def test_placeholders_go_on_where_the_statement_is() -> None:
    arguments: list[Any] = ["a namespace"]
    text = filter_sql(parse_filter({"a": {"$gt": "x"}}), arguments, column="other.value")
    assert text == (
        "(jsonb_typeof((other.value -> $2::text)) = 'string'"
        " AND ((other.value -> $2::text) #>> '{}') COLLATE \"C\" > $3::text)"
    )
    assert arguments == ["a namespace", "a", "x"]


def test_large_integers_go_as_they_are() -> None:
    assert _sql({"a": 2**53 + 1})[1] == [b'{"a":9007199254740993}']


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_argument_is_text_or_json_and_is_used(case: Case) -> None:
    text, arguments = _sql(case.filter)
    placeholders = dict(re.findall(r"\$(\d+)::(text|jsonb)", text))
    types = {str(n): type(argument) for n, argument in enumerate(arguments, 1)}
    assert types == {n: str if name == "text" else bytes for n, name in placeholders.items()}


def test_text_of_nested_dotted_names_does_not_double_with_each() -> None:
    def nested(levels: int) -> dict[str, Any]:
        return {"a.b": nested(levels - 1)} if levels else {"c": None}

    deepest = MAX_FILTER_DEPTH // 2 - 1
    assert len(_sql(nested(deepest))[0]) < 300 * deepest
