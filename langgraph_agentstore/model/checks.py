"""Checks of numbers that callers give."""

from __future__ import annotations

from typing import Any, TypeGuard

from ..errors import AgentStoreError, InvalidOperationError
from .json_values import shown


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

    A bool is not a number. `comment` follows the range in the message.
    """
    whole = isinstance(given, int) and not isinstance(given, bool)
    if whole and given >= least and (most is None or given <= most):
        return int(given)
    end = "on" if most is None else f"to {most}"
    raise error(f"{name} is a whole number from {least} {end}{comment}, got {shown(given)}")


def is_number(given: object) -> TypeGuard[int | float]:
    """Tell whether a value is an int or a float, which a bool is not."""
    return isinstance(given, (int, float)) and not isinstance(given, bool)
