"""The difference of two JSON values, by path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .json_values import same_json

ValuePath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One part that differs. `path`: keys and positions from the top; `()` is the whole value.

    `kind` is "added", "removed" or "changed"; `before` of an added part, and `after` of a removed
    one, is None.
    """

    path: ValuePath
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None


def value_changes(before: Any, after: Any, path: ValuePath = ()) -> Iterator[ValueChange]:
    """Yield the smallest parts that differ, in the order of `before`, added ones last.

    Lists are compared position by position.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _changes_of_parts(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _changes_of_parts(dict(enumerate(before)), dict(enumerate(after)), path)
    elif not same_json(before, after):
        yield ValueChange(path, "changed", before, after)


def _changes_of_parts(
    before: dict[Any, Any], after: dict[Any, Any], path: ValuePath
) -> Iterator[ValueChange]:
    for name, value in before.items():
        if name in after:
            yield from value_changes(value, after[name], (*path, name))
        else:
            yield ValueChange((*path, name), "removed", before=value)
    for name, value in after.items():
        if name not in before:
            yield ValueChange((*path, name), "added", after=value)
