"""Checks of numbers that callers give."""

from __future__ import annotations

from typing import Any, TypeGuard

from ..errors import AgentStoreError, InvalidOperationError
from .json_values import shown

TECHNICAL_LIMIT = 2**31
"""Upper limits from here on come from number types; no caller plans to reach them."""


def check_whole(
    name: str,
    given: Any,
    least: int,
    most: int | None = None,
    *,
    error: type[AgentStoreError] = InvalidOperationError,
    comment: str = "",
) -> int:
    """Return a whole number from `least` to `most`; raise `error` for anything else.

    A bool is not a number. `comment` follows the range in the message. The message names an
    upper limit of `TECHNICAL_LIMIT` or more only if the number is above it.
    """
    whole = isinstance(given, int) and not isinstance(given, bool)
    too_large = whole and most is not None and given > most
    if whole and given >= least and not too_large:
        return int(given)
    is_named = most is not None and (too_large or most < TECHNICAL_LIMIT)
    end = f"to {most}" if is_named else "on"
    raise error(f"{name} is a whole number from {least} {end}{comment}, got {shown(given)}")


def is_number(given: object) -> TypeGuard[int | float]:
    """Tell whether a value is an int or a float, which a bool is not."""
    return isinstance(given, (int, float)) and not isinstance(given, bool)
