"""Decoded JSON as `jsonb` sees it: its types and fields, and its binding to a statement.

Python alone would differ: there `True == 1`, and a list compares with a list of booleans.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from ...model.json_values import encode_value

JsonKind: TypeAlias = Literal["null", "boolean", "number", "string", "array", "object", "missing"]

MISSING: Final = object()
"""What a field that is not there has for a value; NULL in SQL, where JSON's null is not NULL."""

_KINDS: Final[dict[type, JsonKind]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def kind(value: Any) -> JsonKind:
    """Return what `jsonb_typeof` returns for a value, or "missing"."""
    return _KINDS.get(type(value), "missing")


def lookup(value: Any, name: str) -> Any:
    """Return the field of exactly this name, else the one at the dotted path through objects."""
    found = _member(value, name)
    if found is MISSING and "." in name:
        found = value
        for segment in name.split("."):
            found = _member(found, segment)
    return found


def _member(value: Any, key: str) -> Any:
    return value.get(key, MISSING) if isinstance(value, dict) else MISSING


def bind_text(arguments: list[Any], text: str) -> str:
    """Append a text argument and return its placeholder."""
    arguments.append(text)
    return f"${len(arguments)}::text"


def bind_json(arguments: list[Any], value: Any) -> str:
    """Append a jsonb argument and return its placeholder."""
    arguments.append(encode_value(value))
    return f"${len(arguments)}::jsonb"
