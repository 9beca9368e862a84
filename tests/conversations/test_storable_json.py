"""Whatever a part of a message is, it becomes JSON that Postgres holds, or a note."""

from __future__ import annotations

import array
import io
import ipaddress
import threading
import types
from collections import deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any
from unittest.mock import MagicMock
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from PIL import Image
from pydantic import AnyUrl, BaseModel, ConfigDict, SecretStr

from langgraph_agentstore.conversations import storable_json
from langgraph_agentstore.conversations.storable_json import StorableJson, clean_text, counted
from langgraph_agentstore.model.json_values import decode_value, encode_value

DAY = datetime(2024, 5, 1, 12, 30, tzinfo=timezone.utc)
ID = UUID("12345678-1234-5678-1234-567812345678")
Pair = namedtuple("Pair", "left right")


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Word(str):
    pass


@dataclass
class Point:
    x: float
    at: datetime


class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True, extra="allow")

    at: datetime
    held: Any = None


class Attrs:
    """As the attrs package makes classes."""

    __attrs_attrs__ = (types.SimpleNamespace(name="x"),)

    def __init__(self) -> None:
        self.x = {1}


class Tensor:
    """As torch has them: no numpy, and a dtype that is no numpy dtype."""

    dtype = object()
    shape = (2, 2)

    def tolist(self) -> list[list[float]]:
        return [[1.0, 2.0], [3.0, float("inf")]]


class Frame:
    """As polars has them."""

    columns = ("a",)
    shape = (1, 1)

    def to_dicts(self) -> list[dict[str, Any]]:
        return [{"a": DAY}]


def converted(node: Any) -> tuple[Any, list[str]]:
    """The form as it is read back from a store, and what was left out."""
    form = StorableJson()
    return decode_value(encode_value(form.convert(node, "$"))), form.omitted


@pytest.mark.parametrize(
    ("node", "form"),
    [
        (DAY, "2024-05-01T12:30:00+00:00"),
        (date(2024, 5, 1), "2024-05-01"),
        (time(12, 30), "12:30:00"),
        (timedelta(days=1), "P1D"),
        (ID, str(ID)),
        (PurePosixPath("a/b"), "a/b"),
        (Path("a"), "a"),
        (Decimal("1.20"), "1.20"),
        (Fraction(1, 3), "1/3"),
        (AnyUrl("https://example.org/x"), "https://example.org/x"),
        (ipaddress.ip_address("::1"), "::1"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Word("said"), "said"),
        (True, True),
        (float("nan"), None),
        (float("-inf"), None),
        (2**63, 2**63),
        (-(2**70), str(-(2**70))),
        pytest.param(2**20_000, hex(2**20_000), id="longer than Python writes in decimals"),
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (frozenset(("a",)), ["a"]),
        (deque([1]), [1]),
        (range(3), [0, 1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        (array.array("i", [1, 2]), [1, 2]),
        (Pair(1, 2), [1, 2]),
        (types.MappingProxyType({"a": (1,)}), {"a": [1]}),
        (Point(1.5, DAY), {"x": 1.5, "at": DAY.isoformat()}),
        (Attrs(), {"x": [1]}),
        (Tensor(), [[1.0, 2.0], [3.0, None]]),
        (Frame(), [{"a": DAY.isoformat()}]),
        (b"\x00\xff", "data:application/octet-stream;base64,AP8="),
        (bytearray(b"a"), "data:application/octet-stream;base64,YQ=="),
        (memoryview(b"a"), "data:application/octet-stream;base64,YQ=="),
        (ValueError("of a tool"), "ValueError: of a tool"),
        (SecretStr("hidden"), "**********"),
    ],
)
def test_what_has_an_obvious_form_is_converted(node: Any, form: Any) -> None:
    assert converted(node) == (form, [])


@pytest.mark.parametrize(
    ("node", "form"),
    [
        (np.float32(1.5), 1.5),
        (np.float64("nan"), None),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([1.0, np.nan]), [1.0, None]),
        (np.array([{"a": {1}}], dtype=object), [{"a": [1]}]),
        (np.datetime64("2024-05-01T12:00:00.000000000"), "2024-05-01T12:00:00.000000000"),
        (np.array(["2024-05-01"], dtype="datetime64[D]"), ["2024-05-01"]),
        (pd.Timestamp(DAY), DAY.isoformat()),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Series([1, 2]), [1, 2]),
        (pd.DataFrame({"a": [1], "at": [DAY]}), [{"a": 1, "at": DAY.isoformat()}]),
        (pd.DataFrame({7: [pd.NaT]}), [{"7": None}]),
    ],
)
def test_numbers_and_tables_of_other_packages_are_converted(node: Any, form: Any) -> None:
    assert converted(node) == (form, [])


def test_a_document_becomes_its_fields() -> None:
    document = Document("text", id="d", metadata={"at": DAY, "vector": np.array([1.0])})
    form, omitted = converted(document)
    assert form == {
        "id": "d",
        "page_content": "text",
        "type": "Document",
        "metadata": {"at": DAY.isoformat(), "vector": [1.0]},
    }
    assert omitted == []


def test_a_model_with_a_field_that_is_no_json_keeps_its_other_fields() -> None:
    form, omitted = converted(
        Model.model_validate({"at": DAY, "held": threading.Lock(), "extra": {1}})
    )
    assert form["at"] == DAY.isoformat()
    assert form["extra"] == [1]
    assert form["held"] == {"omitted": "lock: it has no JSON form"}
    assert omitted == ["$.held: lock: it has no JSON form"]


def test_keys_become_texts_and_none_replaces_another() -> None:
    keys: dict[Any, str] = {1: "a", "1": "b", None: "c", (1, 2): "d", DAY: "e", "\ud83d": "f"}
    form, omitted = converted(keys)
    assert form == {
        "1": "a",
        "1 (2)": "b",
        "null": "c",
        "[1,2]": "d",
        DAY.isoformat(): "e",
        "\ufffd": "f",
    }
    assert omitted == []


class Unreadable:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


class Hostile(dict[str, Any]):
    def __iter__(self) -> Any:
        raise KeyError("a secret")

    keys = items = __iter__


class Disguised:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no")


class BrokenArray:
    dtype = tolist = None

    @property
    def shape(self) -> Any:
        raise RuntimeError("no")


def generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (Unreadable, "Unreadable: it has no JSON form"),
        (object, "object: it has no JSON form"),
        (lambda: Unreadable, "type: it has no JSON form"),
        (lambda: print, "builtin_function_or_method: it has no JSON form"),
        (lambda: threading, "module: it has no JSON form"),
        (generator, "generator: it has no JSON form"),
        (io.BytesIO, "BytesIO: it has no JSON form"),
        (MagicMock, "MagicMock: it has no JSON form"),
        (lambda: Image.new("RGB", (2, 2)), "Image: it has no JSON form"),
        (lambda: Hostile(a=1), "Hostile: reading it raised KeyError"),
        (BrokenArray, "BrokenArray: reading it raised RuntimeError"),
        (Disguised, "Disguised: reading it raised RuntimeError"),
        (lambda: np.zeros((200, 300)), "ndarray of shape (200, 300): too large"),
        (lambda: pd.DataFrame(np.zeros((6000, 2))), "DataFrame of shape (6000, 2): too large"),
        (lambda: range(10**9), "range: 1,000,000,000 elements: too large"),
        (lambda: "x" * (storable_json.LARGEST_PART + 1), "str: 16,777,217 characters: too large"),
        (lambda: bytes(storable_json.LARGEST_PART + 1), "bytes: 16,777,217 bytes: too large"),
    ],
)
def test_what_has_no_form_is_left_out_with_a_note(make: Callable[[], Any], note: str) -> None:
    assert converted([make(), "kept"]) == ([{"omitted": note}, "kept"], [f"$[0]: {note}"])


def test_what_can_be_read_once_is_not_used_up(tmp_path: Path) -> None:
    left = generator()
    (tmp_path / "f").write_text("line")
    with (tmp_path / "f").open() as file:
        _, omitted = converted({"left": left, "file": file})
        assert file.read() == "line"
    assert list(left) == [1]
    assert omitted == [
        "$.left: generator: it has no JSON form",
        "$.file: TextIOWrapper: it has no JSON form",
    ]


def test_what_holds_itself_is_left_out_where_it_repeats() -> None:
    knot: dict[str, Any] = {"a": [1]}
    knot["a"].append(knot)
    form, omitted = converted(knot)
    assert form == {"a": [1, {"omitted": "dict: it holds itself"}]}
    assert omitted == ["$.a[1]: dict: it holds itself"]
    shared = [1]
    assert converted([shared, shared]) == ([[1], [1]], [])


def test_nesting_without_end_is_cut() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    form, omitted = converted({"artifact": deep, "kept": 1})
    assert form["kept"] == 1
    assert len(omitted) == 1
    assert "nested deeper than 100 levels" in omitted[0]


def test_all_parts_together_have_a_limit() -> None:
    form = StorableJson(most_bytes=100)
    found = form.convert({"a": "x" * 60, "b": "x" * 60, "c": [1.5] * 20, "d": "y"}, "$")
    assert isinstance(found, dict)
    assert found["a"] == "x" * 60
    assert found["b"] == {"omitted": "str: 60 characters: too large"}
    assert found["c"] == [*[1.5] * 4, *[{"omitted": "float: no room is left"}] * 16]
    assert form.text("a longer text", "$") == ""


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain", "plain"),
        ("grüße 😀", "grüße 😀"),
        ("a\x00b", "ab"),
        ("half \ud83d", "half \ufffd"),
        ("\ude00 half\x00", "\ufffd half"),
        ("whole \ud83d\ude00", "whole 😀"),
    ],
)
def test_texts_lose_what_postgres_cannot_hold(text: str, clean: str) -> None:
    assert clean_text(text) == clean
    assert converted(text) == (clean, [])


def test_what_was_left_out_is_told_in_one_line_of_bounded_length() -> None:
    assert counted([]) == ""
    assert counted(["a", "b"]) == "a; b"
    assert counted(map(str, range(9))) == "0; 1; 2; 3; 4 and 4 more"


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.binary(max_size=4)
    | st.datetimes()
    | st.uuids()
    | st.decimals()
    | st.complex_numbers()
    | st.just(object())
)
KEYS = st.text(st.characters(codec=None), max_size=3) | st.integers() | st.none() | st.dates()
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner, max_size=4)
    ),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", codec="utf-8")),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=3), inner
        )
    ),
)


@given(ANYTHING)
def test_whatever_it_is_a_store_takes_its_form(node: Any) -> None:
    converted(node)


@given(JSON)
def test_json_stays_as_it_is(node: Any) -> None:
    assert converted(node) == (node, [])
