"""Filters as people type them: `age>=18`, `status=open`, or the JSON of a filter.

A condition is a field, an operator and a value. The value is JSON if it can be read as JSON, else
text: `n=1` compares with a number, `name=Ada` and `name="1"` with texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from ..errors import InvalidFilterError
from ..model.json_values import shown
from ..sql.filters import parse_filter

_SIGNS = {
    ">=": "$gte",
    "<=": "$lte",
    "!=": "$ne",
    ">": "$gt",
    "<": "$lt",
    "~": "$contains",
    "=": "$eq",
}
_CONDITION = re.compile(
    r"(?P<field>[^<>=!~]+?)\s*(?P<operator>>=|<=|!=|[<>=~])\s*(?P<value>.*)", re.DOTALL
)


def read_filter(texts: Iterable[str]) -> dict[str, Any] | None:
    """Return the filter of several conditions, which must all hold; None for no condition.

    Raises:
        InvalidFilterError: a condition cannot be read, or the filter is not valid.
    """
    conditions = [_condition(text) for text in texts]
    if not conditions:
        return None
    filter = conditions[0] if len(conditions) == 1 else {"$and": conditions}
    parse_filter(filter)
    return filter


def _condition(text: str) -> dict[str, Any]:
    stripped = text.strip()
    if stripped.startswith("{"):
        return _json_filter(stripped)
    found = _CONDITION.fullmatch(stripped)
    if found is None:
        raise InvalidFilterError(
            f"{shown(text)} is not a condition: write field=value with one of "
            f'{" ".join(_SIGNS)}, or a filter as JSON such as {{"age": {{"$gte": 18}}}}'
        )
    return {found["field"].strip(): {_SIGNS[found["operator"]]: _typed_value(found["value"])}}


def _json_filter(text: str) -> dict[str, Any]:
    try:
        filter: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise InvalidFilterError(f"the filter {shown(text)} is not JSON: {error}") from None
    return filter


def _typed_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
