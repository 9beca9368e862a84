"""Lateral batches: statements of one text run as one; each set of arguments becomes a row.

Sixty-four searches for the newest items of sixty-four namespaces are then one statement, at a
third of the cost. It fits statements whose own cost is bounded, since all wait for the slowest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from .copies_of_rows import CopiesOfRows
from .row_users import check_rows
from .statement import Decoded, Row, Statement, Users

_ARRAY_TYPES = {int: "bigint[]", str: "text[]", bytes: "vector[]"}


def lateral_batch_statement(statements: Sequence[Statement[Any]]) -> tuple[str, tuple[Any, ...]]:
    """Return one statement for many of one text; its rows begin with a position from 1 on.

    A statement that travels alone stays as it is.
    """
    if len(statements) == 1:
        return statements[0].sql, statements[0].arguments
    columns = tuple(zip(*[statement.arguments for statement in statements], strict=True))
    types = tuple(_ARRAY_TYPES[type(column[0])] for column in columns)
    return _lateral_batch_sql(statements[0].sql, types), tuple(list(column) for column in columns)


def decode_lateral_batch(
    statements: Sequence[Statement[Any]],
    places: Sequence[int],
    rows: Sequence[Row],
    users: Sequence[Users] | None = None,
) -> list[Decoded[Any]]:
    """Return each statement's own result from the rows of `lateral_batch_statement`.

    `places`: which of the statements that travelled each one is equal to; see `distinct`.
    `users`: whose rows each statement may have, where they are to be checked.
    """
    rows_of = _rows_of_each(max(places) + 1, rows)
    shared = len(rows_of) < len(places)
    if users is not None:
        for statement, place, allowed in zip(statements, places, users, strict=True):
            if statement.user_column is not None:
                check_rows(rows_of[place], statement.user_column, allowed)
    copies = [CopiesOfRows(own, shared=shared) for own in rows_of]
    return [
        statement.decode(copies[place].next())
        for statement, place in zip(statements, places, strict=True)
    ]


def _rows_of_each(count: int, rows: Sequence[Row]) -> list[Sequence[Row]]:
    """Return the rows of each statement; LATERAL keeps their order, since it is a nested loop."""
    if count == 1:
        return [rows]
    rows_of: list[list[Row]] = [[] for _ in range(count)]
    for row in rows:
        rows_of[row[0] - 1].append(row[1:])
    return [*rows_of]


@lru_cache(maxsize=256)
def _lateral_batch_sql(sql: str, types: tuple[str, ...]) -> str:
    arrays = ", ".join(f"${n}::{type_}" for n, type_ in enumerate(types, 1))
    names = ", ".join(f"a{n}" for n in range(1, len(types) + 1))
    one = re.sub(r"\$(\d+)", r"q.a\1", sql.strip())
    return f"""
SELECT q.position, one.*
  FROM unnest({arrays}) WITH ORDINALITY AS q ({names}, position)
 CROSS JOIN LATERAL (
{one}
) one"""
