"""Filters that have no meaning are refused, with the place and the cure."""

from __future__ import annotations

import datetime
import enum
from typing import Any

import pytest

from langgraph_agentstore.errors import (
    InvalidFilterError,
    InvalidValueError,
    UnknownOperatorError,
    ValueTypeError,
)
from langgraph_agentstore.sql.filters import (
    MAX_FILTER_DEPTH,
    MAX_PARTS,
    OPERATOR_NAMES,
    filter_sql,
    matches,
    parse_filter,
)

KNOWN = f"known: {', '.join(OPERATOR_NAMES)}"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"a": {"$near": 1}}, f"'$near' is not a filter operator; {KNOWN} (on 'a')"),
        ({"$near": 1}, f"'$near' is not a filter operator; {KNOWN}"),
        ({"a": {"b": {"$": 1}}}, f"'$' is not a filter operator; {KNOWN} (on 'a.b')"),
        (
            {"a": {"$gt": 1, "b": 2}},
            f"'b' is not a filter operator; {KNOWN}; "
            "fields and operators cannot stand together (on 'a')",
        ),
        (
            {"a": {5: 1, "$gt": 2}},
            f"5 is not a filter operator; {KNOWN}; "
            "fields and operators cannot stand together (on 'a')",
        ),
    ],
)
def test_unknown_operators_are_named_with_the_known(source: Any, message: str) -> None:
    with pytest.raises(UnknownOperatorError) as caught:
        parse_filter(source)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            [("a", 1)],
            "a filter is a mapping of fields to conditions such as {'status': 'open'}, "
            "got [('a', 1)]",
        ),
        (
            {"$or": [5]},
            "a filter is a mapping of fields to conditions such as {'status': 'open'}, got 5",
        ),
        (
            {"$gt": 5},
            "'$gt' needs a field at the top of a filter: {'field': {'$gt': 5}}",
        ),
        ({"$and": {"a": 1}}, "'$and' takes a list, got {'a': 1}"),
        ({"$or": "a"}, "'$or' takes a list, got 'a'"),
        ({"a": {"$or": 1}}, "'$or' on 'a' takes a list, got 1"),
        ({"a": {"$in": "x"}}, "'$in' on 'a' takes a list, got 'x'"),
        ({"a": {"$nin": {"b": 1}}}, "'$nin' on 'a' takes a list, got {'b': 1}"),
        ({"a": {"$gt": None}}, "'$gt' on 'a' takes a number, a string or a boolean, got None"),
        ({"a": {"$gte": [1]}}, "'$gte' on 'a' takes a number, a string or a boolean, got [1]"),
        ({"a": {"$lt": {}}}, "'$lt' on 'a' takes a number, a string or a boolean, got {}"),
        ({"a": {"$lte": ()}}, "'$lte' on 'a' takes a number, a string or a boolean, got ()"),
        ({"a": {"$exists": 1}}, "'$exists' on 'a' takes True or False, got 1"),
        ({"a.b": [1, {"$exists": None}]}, "'$exists' on 'a.b[1]' takes True or False, got None"),
        ({"": 1}, "a field's name is a string that is not empty, got ''"),
        ({5: 1}, "a field's name is a string that is not empty, got 5"),
        ({"a": {None: 1}}, "a field's name is a string that is not empty, got None"),
    ],
)
def test_filters_without_a_meaning_are_refused(source: Any, message: str) -> None:
    with pytest.raises(InvalidFilterError) as caught:
        parse_filter(source)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["a\x00", "\ud800"])
def test_names_that_are_no_text_are_refused(name: str) -> None:
    with pytest.raises(InvalidFilterError, match=r"the field's name .* (NUL|surrogate)"):
        parse_filter({"a": {name: 1}})


@pytest.mark.parametrize(
    ("operand", "cause"),
    [
        (datetime.date(2024, 1, 1), ValueTypeError),
        ({1, 2}, ValueTypeError),
        (float("nan"), InvalidValueError),
        (2**64, InvalidValueError),
        ("\ud800", InvalidValueError),
        ("\x00", InvalidValueError),
    ],
)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"$eq": [x]}])
def test_operands_that_are_not_json_are_refused_with_their_field(
    operand: Any, cause: type[Exception], wrap: Any
) -> None:
    with pytest.raises(
        InvalidFilterError, match=r"on 'a\.b.*' has an operand that is not JSON"
    ) as e:
        parse_filter({"a": {"b": wrap(operand)}})
    assert isinstance(e.value.__cause__, cause)


def _nested(make: Any, levels: int) -> Any:
    inner: Any = 1
    for _ in range(levels):
        inner = make(inner)
    return {"a": inner}


@pytest.mark.parametrize(
    "make",
    [
        lambda inner: {"a": inner},
        lambda inner: [inner],
        lambda inner: {"$not": inner},
        lambda inner: {"$and": [inner]},
    ],
    ids=["fields", "lists", "$not", "$and"],
)
def test_nesting_is_bounded(make: Any) -> None:
    parse_filter(_nested(make, MAX_FILTER_DEPTH - 1))
    with pytest.raises(InvalidFilterError, match=f"nested deeper than {MAX_FILTER_DEPTH} levels"):
        parse_filter(_nested(make, MAX_FILTER_DEPTH))


def test_nesting_of_whole_filters_is_bounded() -> None:
    source: Any = {}
    for _ in range(MAX_FILTER_DEPTH + 1):
        source = {"$not": source}
    with pytest.raises(InvalidFilterError, match="the filter is nested deeper than"):
        parse_filter(source)


def test_each_segment_of_a_path_counts_as_a_level() -> None:
    parse_filter({".".join("a" * MAX_FILTER_DEPTH): 1})
    with pytest.raises(InvalidFilterError, match="nested deeper than"):
        parse_filter({".".join("a" * (MAX_FILTER_DEPTH + 1)): 1})


def test_an_operand_may_nest_as_deep_as_a_value() -> None:
    operand: Any = 1
    for _ in range(200):
        operand = [operand]
    for source in (
        {"a": {"$eq": operand}},
        {"a": [{"$eq": operand}]},
        {"a": {"$contains": operand}},
    ):
        arguments: list[Any] = []
        filter_sql(parse_filter(source), arguments)
        assert b"[" * 200 in arguments[-1]


def test_the_number_of_parts_is_bounded() -> None:
    with pytest.raises(InvalidFilterError, match=r"more than 10000 parts on 'f5000'; use \$in"):
        parse_filter({f"f{n}": n for n in range(MAX_PARTS)})


def test_subclasses_of_str_and_int_are_taken_as_such() -> None:
    class Color(str, enum.Enum):
        RED = "red"

    parsed = parse_filter({Color.RED: {"$in": [Color.RED]}})
    arguments: list[Any] = []
    filter_sql(parsed, arguments)
    assert matches(parsed, {"red": "red"})
    assert arguments == ["red", b'["red"]']
    assert type(arguments[0]) is str


# Hints


@pytest.mark.parametrize("name", [name[1:] for name in OPERATOR_NAMES])
def test_an_operator_without_its_dollar_is_hinted_at(name: str) -> None:
    (hint,) = parse_filter({"a": {"b": {name: 1}}}).hints
    assert f"'a.b' asks for a field named '{name}'" in hint
    assert f"write ${name}: {{'a.b': {{'${name}': …}}}}" in hint


def test_each_operator_without_its_dollar_is_hinted_at() -> None:
    filter = {"$or": [{"n": {"gte": 1, "lt": 5}}, {"m": {"$not": {"in": [1]}}}]}
    assert len(parse_filter(filter).hints) == 3


@pytest.mark.parametrize(
    "filter",
    [
        {},
        {"gt": 1},
        {"n": {"$gt": 1}},
        {"n": {}},
        {"n": "gt"},
        {"n": {"gt": 1, "currency": "EUR"}},
        {"n": {"greater": 1}},
        {"n": {"$eq": {"gt": 1}}},
    ],
)
def test_what_can_be_meant_as_it_stands_is_not_hinted_at(filter: dict[str, Any]) -> None:
    assert parse_filter(filter).hints == ()
