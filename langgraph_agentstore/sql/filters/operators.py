"""The table of filter operators: the operands of each, and its meaning in Python and in SQL.

To add an operator, add an entry to `OPERATORS` and rows to the shared table of the tests.

In SQL `x` is an expression of type jsonb, in parentheses where it needs them: NULL when the field
is missing. No expression raises, whatever is stored: AND promises no order of evaluation, so a
function that is partial stands behind CASE. NULL as a result counts as no match.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ...model.json_values import same_json
from .jsonb import MISSING, bind_json, bind_text, kind

Predicate: TypeAlias = Callable[[Any, Any], bool]
"""(value or MISSING, operand) → does it match."""

SqlWriter: TypeAlias = Callable[[str, Any, list[Any]], str]
"""(x, operand, arguments to append to) → a boolean expression, NULL for no match."""

_SCALARS: Final = frozenset({"null", "boolean", "number", "string"})


@dataclass(frozen=True, slots=True)
class Operator:
    """A filter operator; `takes` describes the operands that `accepts` lets pass."""

    takes: str
    accepts: Callable[[Any], bool]
    matches: Predicate
    sql: SqlWriter


def is_scalar(value: Any) -> bool:
    """Return whether a value is null, a boolean, a number or a string."""
    return kind(value) in _SCALARS


def _negation(of: Operator) -> Operator:
    """Return the operator that matches where `of` does not, items without the field included."""
    return Operator(
        of.takes,
        of.accepts,
        lambda value, operand: not of.matches(value, operand),
        lambda x, operand, arguments: f"({of.sql(x, operand, arguments)}) IS NOT TRUE",
    )


def _is_equal(value: Any, operand: Any) -> bool:
    return same_json(None if value is MISSING else value, operand)


def _equal_sql(x: str, operand: Any, arguments: list[Any]) -> str:
    if operand is None:
        return f"COALESCE({x}, 'null'::jsonb) = 'null'::jsonb"
    return f"{x} = {bind_json(arguments, operand)}"


def _is_among(value: Any, operand: Any) -> bool:
    return any(_is_equal(value, candidate) for candidate in operand)


def _among_sql(x: str, operand: Any, arguments: list[Any]) -> str:
    candidates = f"SELECT jsonb_array_elements({bind_json(arguments, operand)})"
    # IS TRUE keeps the planner from making a join of it: a hashed subplan, built once, serves
    # lists of any length and leaves the item's own index in charge.
    return f"(COALESCE({x}, 'null'::jsonb) IN ({candidates})) IS TRUE"


def _ordering(symbol: str, compare: Predicate) -> Operator:
    """Return an operator that compares values of one type; values of two types do not match."""

    def matches(value: Any, operand: Any) -> bool:
        return kind(value) == kind(operand) and compare(value, operand)

    def sql(x: str, operand: Any, arguments: list[Any]) -> str:
        same = f"jsonb_typeof({x}) = '{kind(operand)}'"
        if isinstance(operand, str):
            # jsonb would order strings by the database's collation; "C" is by code point.
            text = bind_text(arguments, operand)
            return f"{same} AND ({x} #>> '{{}}') COLLATE \"C\" {symbol} {text}"
        return f"{same} AND {x} {symbol} {bind_json(arguments, operand)}"

    return Operator(
        "a number, a string or a boolean",
        lambda operand: operand is not None and is_scalar(operand),
        matches,
        sql,
    )


def _exists_sql(x: str, operand: Any, _arguments: list[Any]) -> str:
    return f"{x} IS NOT NULL" if operand else f"{x} IS NULL"


def _contains(value: Any, operand: Any) -> bool:
    if isinstance(value, list):
        wanted = operand if isinstance(operand, list) else [operand]
        return all(any(same_json(element, one) for element in value) for one in wanted)
    if isinstance(value, str):
        return isinstance(operand, str) and operand in value
    if isinstance(value, dict) and isinstance(operand, dict):
        return all(same_json(value.get(key, MISSING), one) for key, one in operand.items())
    return False


def _contains_sql(x: str, operand: Any, arguments: list[Any]) -> str:
    if isinstance(operand, str):
        text = bind_text(arguments, operand)
        return (
            f"CASE jsonb_typeof({x}) WHEN 'array' THEN {x} ? {text}"
            f" WHEN 'string' THEN strpos(({x} #>> '{{}}') COLLATE \"C\", {text}) > 0 END"
        )
    if isinstance(operand, dict):
        pairs = bind_json(arguments, operand)
        # Adding pairs that are there already changes nothing; `@>` would look deeper than asked.
        return (
            f"CASE jsonb_typeof({x})"
            f" WHEN 'array' THEN {pairs} IN (SELECT jsonb_array_elements({x}))"
            f" WHEN 'object' THEN {x} || {pairs} = {x} END"
        )
    return _has_elements_sql(x, operand if isinstance(operand, list) else [operand], arguments)


def _has_elements_sql(x: str, wanted: list[Any], arguments: list[Any]) -> str:
    elements = bind_json(arguments, wanted)
    if all(map(is_scalar, wanted)):
        return f"jsonb_typeof({x}) = 'array' AND {x} @> {elements}"
    # `@>` takes [1, 2] to contain [1]: elements that are containers are compared one by one.
    return (
        f"CASE WHEN jsonb_typeof({x}) = 'array' THEN NOT EXISTS ("
        f"SELECT 1 FROM jsonb_array_elements({elements}) AS wanted(element)"
        f" WHERE wanted.element NOT IN (SELECT jsonb_array_elements({x}))) END"
    )


_EQ: Final = Operator("any JSON value", lambda _operand: True, _is_equal, _equal_sql)
_IN: Final = Operator("a list", lambda operand: kind(operand) == "array", _is_among, _among_sql)

OPERATORS: Final[dict[str, Operator]] = {
    # Exact equality; None also matches a missing field.
    "$eq": _EQ,
    "$ne": _negation(_EQ),
    # Exact for integers beyond 2**53; strings by code point, so that ISO dates sort right.
    "$gt": _ordering(">", operator.gt),
    "$gte": _ordering(">=", operator.ge),
    "$lt": _ordering("<", operator.lt),
    "$lte": _ordering("<=", operator.le),
    # Equal to one of the list.
    "$in": _IN,
    "$nin": _negation(_IN),
    # The field is there, be it null.
    "$exists": Operator(
        "True or False",
        lambda operand: isinstance(operand, bool),
        lambda value, operand: (value is not MISSING) == operand,
        _exists_sql,
    ),
    # An array has the element, or every one of a list; a string has the substring; an object has
    # the pairs.
    "$contains": Operator("any JSON value", lambda _operand: True, _contains, _contains_sql),
}
"""Every operator on a field but `$and`, `$or` and `$not`, which combine conditions."""
