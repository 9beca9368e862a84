"""Equal reads: statements that may share one run, and a copy of the rows for each caller."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from ..model.json_values import copied
from .statement import Row, Statement, Users


def read_key(statement: Statement[Any], users: Users | None = None) -> Hashable:
    """Return a key that is equal for statements that read the same for the same users.

    Types count: to the server 1 is another argument than true, to Python it is equal.
    """
    return statement.sql, tuple([_typed(argument) for argument in statement.arguments]), users


def distinct(statements: Sequence[Statement[Any]]) -> tuple[list[Statement[Any]], list[int]]:
    """Return the different statements, and for each given one its position among them."""
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
    """Return the rows with copied values, which nobody else can change."""
    return [tuple([copied(column) for column in row]) for row in rows]


class CopiesOfRows:
    """The rows of one statement, handed out to each of the callers that share it."""

    def __init__(self, rows: Sequence[Row], *, shared: bool) -> None:
        self._rows = rows
        # Texts and numbers nobody can change.
        self._copied = shared and any(type(cell) in (dict, list) for row in rows for cell in row)

    def next(self) -> Sequence[Row]:
        """Return rows whose values the caller may change; the kept rows stay unchanged."""
        return copied_rows(self._rows) if self._copied else self._rows


def _typed(argument: Any) -> Hashable:
    if isinstance(argument, (list, tuple)):
        return type(argument), tuple([_typed(part) for part in argument])
    return type(argument), argument
