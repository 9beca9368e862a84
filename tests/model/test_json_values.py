"""Values as JSON text, and back."""

from __future__ import annotations

import enum
import math
from collections import OrderedDict
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.errors import InvalidValueError, ValueTooLargeError, ValueTypeError
from langgraph_agentstore.model.json_values import (
    LARGEST_BYTES,
    MAX_DEPTH,
    as_mapping,
    check_jsonb_size,
    check_text,
    decode_value,
    encode_mapping,
    encode_value,
    same_json,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


class Color(enum.IntEnum):
    RED = 1


class Name(str, enum.Enum):
    ANN = "ann"


class Meters(float):
    pass


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@given(JSON)
def test_json_is_read_back_as_it_was(value: Any) -> None:
    text = encode_value(value)
    assert decode_value(text) == value
    assert encode_value(decode_value(text)) == text


@given(JSON)
def test_a_value_of_other_mappings_and_tuples_is_the_same_text(value: Any) -> None:
    assert encode_value(_disguised(value)) == encode_value(value)


def _disguised(value: Any) -> Any:
    if isinstance(value, dict):
        return OrderedDict((key, _disguised(child)) for key, child in value.items())
    if isinstance(value, list):
        return tuple(_disguised(child) for child in value)
    return value


@pytest.mark.parametrize(
    "number", [2.0**53, 2.0**53 + 2, -(2.0**53), 1e16, 2.0**63, -(2.0**63), 2.0**64 - 2048]
)
def test_floats_that_jsonb_would_print_as_integers_keep_their_point(number: float) -> None:
    assert encode_value({"n": number}) == b'{"n":%d.0}' % int(number)


@pytest.mark.parametrize("number", [2.0**53 - 1, 1.5, 0.0, -1e15, 2.0**64, 1e300, 5e-324])
def test_other_floats_are_written_as_they_are(number: float) -> None:
    assert float(encode_value(number)) == number


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 2**53 + 1, 0])
def test_integers_of_64_bits_are_written_exactly(number: int) -> None:
    assert encode_value([number]) == b"[%d]" % number


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**30])
def test_larger_integers_are_refused(number: int) -> None:
    with pytest.raises(InvalidValueError, match=r"^\$\.a\[1\] is an integer beyond 64 bits"):
        encode_value({"a": [0, number]})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(number: float) -> None:
    with pytest.raises(InvalidValueError, match=r"^\$\.a\[1\] is .*store null"):
        encode_value({"a": [0, number]})


@pytest.mark.parametrize(
    "part", [datetime.now(timezone.utc), b"a", {1}, UUID(int=1), object(), 1j, MAX_DEPTH.__add__]
)
def test_what_is_not_json_is_refused_by_path(part: Any) -> None:
    with pytest.raises(ValueTypeError, match=r"^\$\.a\.b\[1\] is of type \w+"):
        encode_value({"a": {"b": [0, part]}})


@pytest.mark.parametrize("key", [1, None, b"a", (1,), True])
def test_members_are_named_by_text(key: Any) -> None:
    with pytest.raises(ValueTypeError, match=r"^\$\.a has the key .* JSON keys are strings"):
        encode_value({"a": {key: 1}})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": ["", "x\x00"]}, r"^\$\.a\[1\] holds a NUL"),
        ({"a": ["", "x\ud800"]}, r"^\$\.a\[1\] holds a lone surrogate \('\\ud800' at 1\)"),
        ({"a": {"k\x00": 1}}, r"^a key of \$\.a holds a NUL"),
        ({"a": {"k\udfff": 1}}, r"^a key of \$\.a holds a lone surrogate"),
        ("\x00", r"^\$ holds a NUL"),
        (OrderedDict(a=("\x00",)), r"^\$\.a\[0\] holds a NUL"),
    ],
)
def test_text_that_postgres_cannot_hold_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        encode_value(value)


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", '"\\u0000"', "\\", "\x01\x7f", "\\x00"])
def test_text_that_only_looks_like_nul_is_kept(text: str) -> None:
    value = {text: [text]}
    assert decode_value(encode_value(value)) == value


def test_subclasses_are_written_as_the_json_type() -> None:
    value = {"color": Color.RED, "name": Name.ANN, "length": Meters(1.5), Name.ANN: True}
    assert encode_value(value) == b'{"color":1,"name":"ann","length":1.5,"ann":true}'


def test_nesting_has_a_limit() -> None:
    assert decode_value(encode_value(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(InvalidValueError, match=f"deeper than {MAX_DEPTH} levels"):
        encode_value(nested(MAX_DEPTH + 1))


def test_a_value_that_holds_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["again"] = value
    with pytest.raises(InvalidValueError, match="nested deeper"):
        encode_value(value)


@pytest.mark.parametrize("value", [{"a": 1}, OrderedDict(a=1), MappingProxyType({"a": 1})])
def test_an_items_value_is_any_mapping(value: Any) -> None:
    assert encode_mapping(value) == b'{"a":1}'


@pytest.mark.parametrize("value", [None, [("a", 1)], "a", 1])
def test_an_items_value_is_nothing_else(value: Any) -> None:
    with pytest.raises(ValueTypeError, match="must be a mapping"):
        encode_mapping(value)


def test_each_reading_is_a_fresh_object() -> None:
    text = encode_value({"a": []})
    decode_value(text)["a"].append(1)
    assert decode_value(text) == {"a": []}


def test_what_is_no_object_is_seen_as_the_member_value() -> None:
    assert as_mapping({"a": 1}) == {"a": 1}
    assert as_mapping([1]) == {"value": [1]}
    assert as_mapping(None) == {"value": None}


def test_text_is_checked_under_its_name() -> None:
    check_text("עברית 🙂", "the key")
    with pytest.raises(InvalidValueError, match=r"^the key holds a NUL"):
        check_text("\x00", "the key")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (False, 0, False),
        (True, True, True),
        (None, None, True),
        (None, False, False),
        ("1", 1, False),
        ([1, {"a": None}], (1.0, {"a": None}), True),
        ([1, 2], [1], False),
        ({"a": [True]}, {"a": [1]}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({}, [], False),
    ],
)
def test_values_are_compared_as_json(one: Any, other: Any, same: bool) -> None:
    assert same_json(one, other) is same
    assert same_json(other, one) is same


def test_text_larger_than_any_jsonb_is_refused_with_its_size() -> None:
    check_jsonb_size(LARGEST_BYTES)
    with pytest.raises(ValueTooLargeError, match=r"has 268,435,456 bytes .*at most 268,435,455"):
        check_jsonb_size(LARGEST_BYTES + 1)


@pytest.mark.parametrize("text", ["\x00", "\ud800"])
def test_text_that_cannot_be_stored_is_found_behind_other_values(text: str) -> None:
    with pytest.raises(InvalidValueError, match=r"^\$\.a\[3\] holds"):
        encode_value({"n": 1, "a": [None, 2.5, "b", text]})
