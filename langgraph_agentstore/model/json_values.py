"""JSON values to text and back, exactly.

A value is checked and serialised in the caller's thread, before anything is sent. A refused value
raises there, with the path of the offending part, and later changes to the caller's object are
not seen. Two things need care beyond `orjson`:

- it silently writes NaN as null, and UUIDs, enums and dataclasses as strings or objects, so
  every node is checked first;
- `jsonb` prints a float such as 2.0**63 without exponent or point, which would be read back as
  an integer. Floats from 2**53 to 2**64 are therefore written as `9223372036854775808.0`.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson

from ..errors import InvalidValueError, ValueTooLargeError, ValueTypeError

_Path: TypeAlias = "tuple[_Path, str | int] | tuple[()]"
# Where a part of a value is: the path of its parent, and its key or place. It is written out only
# for a message: with a key of a megabyte, a text for each of its children would take minutes.

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

MAX_DEPTH = 200
"""Levels of nesting a value may have; the serialiser itself stops at 254."""

LARGEST_BYTES = 2**28 - 1
"""Of a value's JSON text: Postgres takes no larger `jsonb`, and no larger text in one."""

MAX_VALUE_BYTES = 16 * 2**20
"""Of a value's JSON text, unless the store's `max_value_bytes` says otherwise: 16 MiB."""

LARGEST_INTEGER = 2**64 - 1
SMALLEST_INTEGER = -(2**63)
_EXACT_FLOAT = 2.0**53
_FLOAT_READ_BACK_AS_FLOAT = 2.0**64

_LONGEST_SHOWN = 100
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _LONGEST_SHOWN
_REPR.maxtuple = _REPR.maxlist = 10

_SURROGATES = re.compile("[\ud800-\udfff]")


def encode_value(value: object) -> bytes:
    """Serialise any JSON value as UTF-8 text.

    Tuples become lists. Subclasses of the JSON types are written as those types.

    Raises:
        ValueTypeError: a part is not JSON (a datetime, bytes, a set, a number as object key).
        InvalidValueError: a part has a JSON type but cannot be stored (NaN, an infinity, NUL, a
            lone surrogate, an integer beyond 64 bits, nesting beyond `MAX_DEPTH`).
        ValueTooLargeError: the text has more than `LARGEST_BYTES`.
    """
    plain = value if _is_json(value, MAX_DEPTH) else _normalised(value, (), MAX_DEPTH)
    try:
        text = orjson.dumps(plain)
    except orjson.JSONEncodeError:
        _check_text(value, ())  # the one thing not looked at yet: a lone surrogate
        raise  # pragma: no cover - everything else was looked at before
    if b"\\u0000" in text:  # a NUL, or a backslash before the letters u0000
        _check_text(value, ())
    check_jsonb_size(len(text))
    return text


def check_jsonb_size(size: int) -> None:
    """Refuse JSON text of so many bytes if no `jsonb` can hold it.

    Raises:
        ValueTooLargeError: the text is too large.
    """
    if size > LARGEST_BYTES:
        raise ValueTooLargeError(
            f"the value has {size:,} bytes as JSON, and Postgres holds at most {LARGEST_BYTES:,}: "
            "keep it elsewhere and store where, or store it in parts"
        )


def check_allowed(size: int, most: int) -> None:
    """Refuse JSON text of so many bytes if the store accepts at most `most`.

    Raises:
        ValueTooLargeError: the text is too large.
    """
    if size > most:
        raise ValueTooLargeError(
            f"the value has {size:,} bytes as JSON, and this store takes at most {most:,}: keep it "
            "elsewhere and store where, store it in parts, or allow more by the store's option "
            "max_value_bytes"
        )


def encode_mapping(value: object) -> bytes:
    """Serialise the value of a LangGraph item, which must be a mapping."""
    if type(value) is dict:
        return encode_value(value)
    if isinstance(value, Mapping):
        return encode_value(dict(value))
    raise ValueTypeError(
        f"an item's value must be a mapping, got {type(value).__name__}; "
        f"wrap it, for example {{'value': …}}"
    )


def decode_value(text: bytes) -> Any:
    """Parse JSON text from Postgres; return a fresh object at each call."""
    return orjson.loads(text)


def copied(value: Any) -> Any:
    """Copy a value of `decode_value` with its lists and dicts."""
    if type(value) is dict:
        return {key: copied(child) for key, child in value.items()}
    if type(value) is list:
        return [copied(child) for child in value]
    return value


def as_mapping(value: Any) -> dict[str, Any]:
    """Return a stored value as LangGraph sees it: an object, or anything else as `{"value": v}`."""
    return value if isinstance(value, dict) else {"value": value}


def same_json(one: Any, other: Any) -> bool:
    """Tell whether two values are equal as `jsonb`: 1 is 1.0 but not true, numbers exactly."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_json(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same_json, one, other))
    return bool(one == other)


def _is_json(node: Any, depth: int) -> bool:  # noqa: C901 - unrolled, every write waits for it
    """Tell whether orjson alone writes this correctly.

    Every write comes here, so it only looks. It has loops, since `all()` over a generator took
    three times as long.
    """
    kind = type(node)
    if kind is str or kind is bool or node is None:
        return True
    if kind is int:
        return bool(SMALLEST_INTEGER <= node <= LARGEST_INTEGER)
    if kind is float:
        return bool(-_EXACT_FLOAT < node < _EXACT_FLOAT)
    if depth == 0:
        return False
    if kind is dict:
        for key, child in node.items():
            if type(key) is not str or (type(child) is not str and not _is_json(child, depth - 1)):
                return False
        return True
    if kind is list or kind is tuple:
        for child in node:
            if type(child) is not str and not _is_json(child, depth - 1):
                return False
        return True
    return False


def shown(value: object) -> str:
    """Write a value for a message: its repr, cut where it is long."""
    return _REPR.repr(value)


def _written(path: _Path) -> str:
    """Write a path for a message: `$.a[0]`, with long keys cut."""
    parts: list[str] = []
    while path:
        path, part = path
        parts.append(f"[{part}]" if isinstance(part, int) else f".{_cut_key(part)}")
    return "$" + "".join(reversed(parts))


def _cut_key(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _normalised(node: Any, path: _Path, depth: int) -> Any:
    """Return a copy that orjson writes correctly, or raise an error that names the path."""
    if node is None or isinstance(node, bool):
        return node
    if isinstance(node, str):
        return str.__str__(node)
    if isinstance(node, int):
        return _integer(int(node), path)
    if isinstance(node, float):
        return _float(float(node), path)
    if not isinstance(node, (Mapping, list, tuple)):
        raise ValueTypeError(
            f"{_written(path)} is of type {type(node).__name__}, which JSON does not have; "
            "convert it first"
        )
    if depth == 0:
        raise InvalidValueError(
            f"{_written(path)} is nested deeper than {MAX_DEPTH} levels; flatten it"
        )
    if isinstance(node, Mapping):
        return {
            (name := _member_name(key, path)): _normalised(child, (path, name), depth - 1)
            for key, child in node.items()
        }
    return [_normalised(child, (path, i), depth - 1) for i, child in enumerate(node)]


def _member_name(key: object, path: _Path) -> str:
    if not isinstance(key, str):
        raise ValueTypeError(
            f"{_written(path)} has the key {shown(key)} of type {type(key).__name__}; "
            "JSON keys are strings"
        )
    return str.__str__(key)


def _check_text(node: Any, path: _Path) -> None:
    """Raise for the first text that UTF-8 or Postgres cannot hold."""
    if isinstance(node, str):
        _check_part(node, "", path)
    elif isinstance(node, Mapping):
        for key, child in node.items():
            _check_part(key, "a key of ", path)
            _check_text(child, (path, key))
    elif isinstance(node, (list, tuple)):
        for position, child in enumerate(node):
            _check_text(child, (path, position))


def _check_part(text: str, relation: str, path: _Path) -> None:
    if not is_storable(text):
        check_text(text, f"{relation}{_written(path)}")


def is_storable(text: str) -> bool:
    """Tell whether Postgres can hold a text: no NUL, no lone surrogate."""
    return "\x00" not in text and (text.isascii() or not _SURROGATES.search(text))


def check_text(text: str, name: str) -> None:
    """Raise InvalidValueError for text that Postgres cannot hold; call it `name`."""
    if "\x00" in text:
        raise InvalidValueError(
            f"{name} holds a NUL character (U+0000), which Postgres text cannot; remove it"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidValueError(
            f"{name} holds a lone surrogate ({text[error.start]!r} at {error.start}), "
            "which is not a character; decode the text properly or remove it"
        ) from None


def _integer(number: int, path: _Path) -> int:
    if not SMALLEST_INTEGER <= number <= LARGEST_INTEGER:
        raise InvalidValueError(
            f"{_written(path)} is an integer beyond 64 bits ({number.bit_length()} bits); "
            "store it as a string"
        )
    return number


def _float(number: float, path: _Path) -> float | orjson.Fragment:
    if not math.isfinite(number):
        raise InvalidValueError(
            f"{_written(path)} is {number}, which JSON does not have; store null"
        )
    if _EXACT_FLOAT <= abs(number) < _FLOAT_READ_BACK_AS_FLOAT:
        return orjson.Fragment(f"{int(number)}.0")
    return number
