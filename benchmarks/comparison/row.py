"""A row of the table, and how what was seen is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .sides import Side


@dataclass(frozen=True, slots=True)
class Row:
    """`wanted` is what a right store's `seen` is."""

    does: str
    seen: Callable[[Side], str]
    wanted: str


def found(keys: Iterable[str]) -> str:
    """The keys by name."""
    return ", ".join(sorted(keys)) or "nothing"


def outcome(call: Callable[[], object]) -> str:
    """What it says, `works` if it says nothing, or the name of its error."""
    try:
        said = call()
    except Exception as error:
        return type(error).__name__
    return said if isinstance(said, str) else "works"
