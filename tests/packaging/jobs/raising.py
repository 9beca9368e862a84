"""Errors that are to come."""

from __future__ import annotations

from collections.abc import Callable


def error_of(kind: type[Exception], use: Callable[[], object]) -> str:
    """What is said; AssertionError if nothing is, or something else goes wrong."""
    try:
        use()
    except kind as error:
        return str(error)
    raise AssertionError(f"no {kind.__name__}")
