"""What plain conditions, paths and nested dicts mean: the first part of `filter_cases.CASES`."""

from __future__ import annotations

from typing import Any, NamedTuple


class Case(NamedTuple):
    """`filter` lets `matching` values pass and no `other`."""

    name: str
    filter: dict[str, Any]
    matching: list[Any]
    other: list[Any]


BIG = 2**53

PLAIN_CASES = [
    Case("empty filter matches all", {}, [{}, {"a": 1}, 1, None, []], []),
    Case(
        "string is equal",
        {"a": "x"},
        [{"a": "x"}, {"a": "x", "b": 1}],
        [{"a": "X"}, {"a": ["x"]}, {"b": "x"}, {}, "x", [{"a": "x"}], ["a"], None],
    ),
    Case(
        "number is equal whatever its form",
        {"a": 1},
        [{"a": 1}, {"a": 1.0}],
        [{"a": True}, {"a": "1"}, {"a": 1.5}, {"a": [1]}, {"a": {"a": 1}}],
    ),
    Case("float is equal to an integer", {"a": 1.0}, [{"a": 1}], [{"a": True}]),
    Case("true is not one", {"a": True}, [{"a": True}], [{"a": 1}, {"a": "true"}, {"a": False}]),
    Case("false is not zero", {"a": False}, [{"a": False}], [{"a": 0}, {"a": None}, {}]),
    Case("negative zero is zero", {"a": 0}, [{"a": -0.0}, {"a": 0}], [{"a": False}]),
    Case(
        "large integers are exact",
        {"a": BIG + 1},
        [{"a": BIG + 1}],
        [{"a": BIG}, {"a": float(BIG)}, {"a": BIG + 2}],
    ),
    Case("None matches null or missing", {"a": None}, [{"a": None}, {}, 1], [{"a": 0}, {"a": ""}]),
    Case(
        "every field has to match",
        {"a": 1, "b": None},
        [{"a": 1}, {"a": 1, "b": None}],
        [{"a": 1, "b": 1}, {"b": None}],
    ),
    Case(
        "nested dict is a partial match",
        {"a": {"b": 1}},
        [{"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}],
        [{"a": {"b": 2}}, {"a": {}}, {"a": 1}, {"a": [{"b": 1}]}, {"a": {"b": [1]}}, {"b": 1}, {}],
    ),
    Case(
        "deeply nested dict is a partial match",
        {"a": {"b": {"c": 1}, "d": "x"}},
        [{"a": {"b": {"c": 1, "e": 1}, "d": "x"}}],
        [{"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}, "d": "x"}}, {"a": {"b": 1, "d": "x"}}],
    ),
    Case(
        "nested None needs the object",
        {"a": {"b": None}},
        [{"a": {}}, {"a": {"b": None}}, {"a": {"c": 1}}],
        [{"a": {"b": 1}}, {"a": 1}, {"a": []}, {"a": None}, {}],
    ),
    Case(
        "nested conditions may be operators",
        {"a": {"b": {"$gt": 1}, "c": {"$exists": False}}},
        [{"a": {"b": 2}}],
        [{"a": {"b": 2, "c": 1}}, {"a": {"b": 1}}, {"a": {}}],
    ),
    Case(
        "empty dict means an object",
        {"a": {}},
        [{"a": {}}, {"a": {"b": 1}}],
        [{"a": None}, {"a": []}, {"a": 1}, {}],
    ),
    Case(
        "list is equal element by element",
        {"a": [1, None, "x"]},
        [{"a": [1, None, "x"]}, {"a": [1.0, None, "x"]}],
        [{"a": [1, "x", None]}, {"a": [1, None]}, {"a": [1, None, "x", 1]}, {"a": 1}, {}],
    ),
    Case("list of lists is equal", {"a": [[1], []]}, [{"a": [[1], []]}], [{"a": [[], [1]]}]),
    Case("empty list is equal", {"a": []}, [{"a": []}], [{"a": [1]}, {"a": {}}, {"a": None}, {}]),
    Case("tuple is a list", {"a": (1, 2)}, [{"a": [1, 2]}], [{"a": [2, 1]}]),
    Case(
        "dicts in a list are partial matches",
        {"a": [{"id": 1}, None]},
        [{"a": [{"id": 1, "n": "x"}, None]}],
        [{"a": [{"id": 2}, None]}, {"a": [None, {"id": 1}]}, {"a": [{"id": 1}]}, {"a": {"id": 1}}],
    ),
    Case(
        "operators in a list are about the element",
        {"a": [{"$gt": 1}, 2]},
        [{"a": [2, 2]}],
        [{"a": [1, 2]}, {"a": [2, 3]}, {"a": [2]}, {"a": "22"}, {}],
    ),
    Case(
        "dicts in lists in lists", {"a": [[{"b": 1}]]}, [{"a": [[{"b": 1, "c": 2}]]}], [{"a": [1]}]
    ),
    Case(
        "dotted path walks through objects",
        {"a.b": 1},
        [{"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}],
        [{"a": 1}, {"a": [{"b": 1}]}, {"b": 1}, {"a": {"b": True}}, 1],
    ),
    Case(
        "literal dotted key goes first",
        {"a.b": 1},
        [{"a.b": 1}, {"a.b": 1, "a": {"b": 2}}],
        [{"a.b": 2, "a": {"b": 1}}, {"a.b": None, "a": {"b": 1}}],
    ),
    Case(
        "path of three",
        {"a.b.c": 1},
        [{"a": {"b": {"c": 1}}}],
        [{"a.b": {"c": 1}}, {"a": {"b": 1}}],
    ),
    Case("path with empty segments", {"a..b": 1}, [{"a": {"": {"b": 1}}}], [{"a": {"b": 1}}]),
    Case(
        "numbers are keys, never places",
        {"a.0": 1},
        [{"a": {"0": 1}}, {"a.0": 1}],
        [{"a": [1]}, {"a": "1"}],
    ),
    Case("a number names a key of the value", {"0": "x"}, [{"0": "x"}], [["x"], "x", {"a": "x"}]),
    Case(
        "dotted path to nothing",
        {"a.b": None},
        [{}, {"a": 1}, {"a": {"b": None}}],
        [{"a": {"b": 1}}],
    ),
    Case(
        "dotted names inside a dict",
        {"a": {"b.c": 1}},
        [{"a": {"b.c": 1}}, {"a": {"b": {"c": 1}}}],
        [{"a": {"b": 1}}, {"a.b.c": 1}, {"a": [1]}, {}],
    ),
    Case(
        "dotted names inside dotted names",
        {"a.b": {"c.d": {"e.f": {"$gte": 1}}, "g": 1}},
        [{"a": {"b": {"c": {"d": {"e": {"f": 1}}}, "g": 1}}}, {"a.b": {"c.d": {"e.f": 2}, "g": 1}}],
        [{"a": {"b": {"c": {"d": {"e": {"f": 0}}}, "g": 1}}}, {"a": {"b": {"c": 1, "g": 1}}}, {}],
    ),
    Case(
        "path to an object",
        {"a.b": {"c": 1}},
        [{"a": {"b": {"c": 1, "d": 1}}}],
        [{"a": {"b": {"c": 2}}}, {"a": {"b": 1}}],
    ),
    Case(
        "a value that is no object is seen under value",
        {"value": "x"},
        ["x", {"value": "x"}],
        [{"a": "x"}, ["x"], None, {"value": {"value": "x"}}, {}],
    ),
    Case("null is seen under value", {"value": None}, [None, {}, {"value": None}], [0, [], ""]),
    Case("array is seen under value", {"value": [1]}, [[1], {"value": [1]}], [[2], 1, {}]),
    Case(
        "paths through value",
        {"value.a": 1},
        [{"value": {"a": 1}}, {"value.a": 1}],
        [{"a": 1}, 1, [{"a": 1}]],
    ),
    Case("dict under value", {"value": {"a": 1}}, [{"value": {"a": 1}}], [{"a": 1}, 1]),
    Case("value is there", {"value": {"$exists": True}}, [1, None, [], {"value": 1}], [{}]),
    Case("value inside is a plain name", {"a": {"value": 1}}, [{"a": {"value": 1}}], [{"a": 1}]),
    Case("names that are SQL", {"'; --$1": 1}, [{"'; --$1": 1}], [{"a": 1}]),
]
