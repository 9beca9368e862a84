"""Equal reads: which statements may share one run, and rows of its own for each who asked."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from ..model.json_values import copied
from .statement import Row, Statement


def read_key(statement: Statement[Any]) -> Hashable:
    """What two statements have in common that read the same.

    Types count: to the server 1 is another argument than true, to Python it is equal.
    """
    return statement.sql, tuple([_typed(argument) for argument in statement.arguments])


def distinct(statements: Sequence[Statement[Any]]) -> tuple[list[Statement[Any]], list[int]]:
    """The statements without those equal to an earlier one; and for each, which of them it is."""
    known: dict[Hashable, int] = {}
    different: list[Statement[Any]] = []
    places: list[int] = []
    for statement in statements:
        place = known.setdefault(read_key(statement), len(different))
        if place == len(different):
            different.append(statement)
        places.append(place)
    return different, places


def copied_rows(rows: Sequence[Row]) -> Sequence[Row]:
    """The rows with values of their own, which nobody else can change."""
    return [tuple([copied(column) for column in row]) for row in rows]


class CopiesOfRows:
    """The rows of one statement, for each of those who share it."""

    def __init__(self, rows: Sequence[Row], *, shared: bool) -> None:
        self._rows = rows
        # Texts and numbers nobody can change.
        self._copied = shared and any(type(cell) in (dict, list) for row in rows for cell in row)

    def next(self) -> Sequence[Row]:
        """Rows whose values the taker may change; the ones kept stay as they came."""
        return copied_rows(self._rows) if self._copied else self._rows


def _typed(argument: Any) -> Hashable:
    if isinstance(argument, (list, tuple)):
        return type(argument), tuple([_typed(part) for part in argument])
    return type(argument), argument
