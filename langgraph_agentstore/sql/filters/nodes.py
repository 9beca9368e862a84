"""The nodes of a parsed filter; each has its predicate and its SQL side by side.

A condition is about one value: `matches` gets it decoded (or `MISSING`), `sql` gets `x`, the
expression that yields it (NULL when missing), and appends its arguments. The text of the SQL
follows from the filter's shape alone (fields by kind, operators, types of operands), never from
names or operands: statements are prepared and cached by their text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from ...model.json_values import as_mapping
from .jsonb import bind_json, bind_text, lookup
from .operators import OPERATORS, is_scalar


class Condition(Protocol):
    """A condition on one value."""

    def matches(self, value: Any) -> bool:
        """Return whether it holds for a decoded JSON value, or for `MISSING`."""
        ...

    def sql(self, x: str, arguments: list[Any]) -> str:
        """Return the same as a boolean expression over `x`; NULL counts as false."""
        ...


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter: a condition on a whole stored value. Made by `parse_filter`.

    `hints`: what in it is legal and probably not meant. `fields`: the names of fields at its top,
    as they were given.
    """

    condition: Condition
    hints: tuple[str, ...] = field(default=(), compare=False)
    fields: tuple[str, ...] = field(default=(), compare=False)


def matches(filter: Filter, value: Any) -> bool:
    """Return whether a stored value passes a filter; `value` is JSON as `orjson` decodes it."""
    return filter.condition.matches(value)


def filter_sql(filter: Filter, arguments: list[Any], column: str = "i.value") -> str:
    """Return a filter as a boolean SQL expression, in parentheses, over a jsonb column not NULL.

    `arguments` is what the statement has so far; the filter's own are appended: str for text, UTF-8
    JSON as bytes for jsonb. The expression may be NULL, which counts as no match: to negate it,
    write IS NOT TRUE.
    """
    return f"({filter.condition.sql(column, arguments)})"


@dataclass(frozen=True, slots=True)
class Compare:
    """An operator of the table with its operand, which is plain decoded JSON."""

    operator: str
    operand: Any

    def matches(self, value: Any) -> bool:
        """Apply the operator of the table."""
        return OPERATORS[self.operator].matches(value, self.operand)

    def sql(self, x: str, arguments: list[Any]) -> str:
        """Apply the operator of the table."""
        return OPERATORS[self.operator].sql(x, self.operand, arguments)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every condition holds; true of none."""

    conditions: tuple[Condition, ...]

    def matches(self, value: Any) -> bool:
        """Return whether all match."""
        return all(condition.matches(value) for condition in self.conditions)

    def sql(self, x: str, arguments: list[Any]) -> str:
        """Join them with AND."""
        return _joined(" AND ", [each.sql(x, arguments) for each in self.conditions]) or "true"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one condition holds; false of none."""

    conditions: tuple[Condition, ...]

    def matches(self, value: Any) -> bool:
        """Return whether any matches."""
        return any(condition.matches(value) for condition in self.conditions)

    def sql(self, x: str, arguments: list[Any]) -> str:
        """Join them with OR."""
        return _joined(" OR ", [each.sql(x, arguments) for each in self.conditions]) or "false"


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold; so it holds where the field is missing."""

    condition: Condition

    def matches(self, value: Any) -> bool:
        """Return whether the condition does not match."""
        return not self.condition.matches(value)

    def sql(self, x: str, arguments: list[Any]) -> str:
        """Negate with IS NOT TRUE, since NULL counts as no match."""
        return f"({self.condition.sql(x, arguments)}) IS NOT TRUE"


@dataclass(frozen=True, slots=True)
class DocumentField:
    """A condition on a field of a stored value, which is `{"value": v}` unless an object."""

    name: str
    condition: Condition

    def matches(self, value: Any) -> bool:
        """Return whether the field, or its absence, meets the condition."""
        return self.condition.matches(lookup(as_mapping(value), self.name))

    def sql(self, x: str, arguments: list[Any]) -> str:
        """Use containment where it means the same: a GIN index on the column can serve it."""
        if self.name == "value":  # a path on from there ends at once: `v` is no object
            x = (
                f"(CASE WHEN jsonb_typeof({x}) = 'object' THEN {x}"
                f" ELSE jsonb_build_object('value', {x}) END)"
            )
        return _field_sql(x, self.name, self.condition, arguments)


@dataclass(frozen=True, slots=True)
class Field:
    """A condition on a field of an object inside the stored value."""

    name: str
    condition: Condition

    def matches(self, value: Any) -> bool:
        """Return whether the field, or its absence, meets the condition."""
        return self.condition.matches(lookup(value, self.name))

    def sql(self, x: str, arguments: list[Any]) -> str:
        """Return the SQL as for a document, with `x` computed once."""
        if "." not in self.name:
            return _field_sql(x, self.name, self.condition, arguments)
        # A dotted name reads its object twice, so nested ones would double the text at each
        # level. OFFSET 0 keeps the planner from writing `x` out again.
        within = f"within_{len(arguments)}"
        condition = _field_sql(f"{within}.x", self.name, self.condition, arguments)
        return f"(SELECT {condition} FROM (SELECT {x} AS x OFFSET 0) AS {within})"


@dataclass(frozen=True, slots=True)
class ObjectWith:
    """An object in which each field meets its condition; other fields may be there."""

    fields: tuple[Field, ...]

    def matches(self, value: Any) -> bool:
        """Return whether the value is such an object."""
        return isinstance(value, dict) and all(field.matches(value) for field in self.fields)

    def sql(self, x: str, arguments: list[Any]) -> str:
        """Check the type too, since the condition of a field may be that it is missing."""
        fields = [field.sql(x, arguments) for field in self.fields]
        return _joined(" AND ", [f"jsonb_typeof({x}) = 'object'", *fields])


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """An array of this length in which each element meets the condition at its place."""

    elements: tuple[Condition, ...]

    def matches(self, value: Any) -> bool:
        """Return whether the value is such an array."""
        return (
            isinstance(value, list)
            and len(value) == len(self.elements)
            and all(one.matches(each) for one, each in zip(self.elements, value, strict=True))
        )

    def sql(self, x: str, arguments: list[Any]) -> str:
        """Use CASE, since the length of a value that is not an array would be an error."""
        length = f"jsonb_array_length({x}) = {len(self.elements)}"
        elements = [
            element.sql(f"({x} -> {place})", arguments)
            for place, element in enumerate(self.elements)
        ]
        matching = _joined(" AND ", [length, *elements])
        return f"CASE WHEN jsonb_typeof({x}) = 'array' THEN {matching} END"


def _joined(conjunction: str, conditions: list[str]) -> str:
    if len(conditions) == 1:
        return conditions[0]
    return conjunction.join(f"({condition})" for condition in conditions)


def _field_sql(x: str, name: str, condition: Condition, arguments: list[Any]) -> str:
    pattern = _containment(condition)
    if pattern is not None and "." not in name:
        return f"{x} @> {bind_json(arguments, {name: pattern})}"
    before = len(arguments)
    field = _lookup_sql(x, name, arguments)
    text = condition.sql(field, arguments)
    if field not in text:
        # `{"$and": []}` asks nothing of the field, and the server refuses arguments without a use.
        del arguments[before:]
    return text


def _lookup_sql(x: str, name: str, arguments: list[Any]) -> str:
    """Return the SQL of `lookup`: `->` with a text yields NULL for arrays and scalars."""
    literal = f"{x} -> {bind_text(arguments, name)}"
    if "." not in name:
        return f"({literal})"
    path = " -> ".join([x, *(bind_text(arguments, segment) for segment in name.split("."))])
    return f"COALESCE({literal}, {path})"


def _containment(condition: Condition) -> Any:
    """Return the JSON with which `@>` means exactly this condition; None if no JSON does.

    Of scalars and of objects of them it says the same; of arrays it does not look at length or
    order, an empty object tells an index nothing, and null has to match what is missing.
    """
    if isinstance(condition, Compare) and condition.operator == "$eq":
        return condition.operand if is_scalar(condition.operand) else None
    if not isinstance(condition, ObjectWith) or not condition.fields:
        return None
    pattern = {field.name: _containment(field.condition) for field in condition.fields}
    exact = all(each is not None and "." not in name for name, each in pattern.items())
    return pattern if exact else None
