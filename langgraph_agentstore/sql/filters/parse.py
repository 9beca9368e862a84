"""Parsing of filters: the given mapping becomes a tree of nodes, with every check.

Operands are encoded and decoded once, so that the tree holds plain JSON that nobody else can
change, and the predicate compares what Postgres would have stored.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...errors import InvalidFilterError, InvalidValueError, UnknownOperatorError, ValueTypeError
from ...model.json_values import check_text, decode_value, encode_value, shown
from .nodes import (
    AllOf,
    AnyOf,
    ArrayOf,
    Compare,
    Condition,
    DocumentField,
    Field,
    Filter,
    Not,
    ObjectWith,
)
from .operators import OPERATORS

MAX_FILTER_DEPTH: Final = 32
"""How deep a filter may nest; each segment of a dotted path counts."""

MAX_PARTS: Final = 10_000
"""How many conditions and path segments a filter may have; a statement takes 32,767 arguments."""

MAX_BYTES: Final = 2**20
"""What fields' names and operands may have together, operands as JSON text."""

_LONGEST_PATH = 100
"""Characters of a path, which is for messages alone: written out whole, paths of long names would
have the size of the filter squared."""

_LOGICAL: Final = ("$and", "$or", "$not")

OPERATOR_NAMES: Final = (*OPERATORS, *_LOGICAL)
"""Every operator, as the messages list them."""


_BARE_NAMES: Final = frozenset(name[1:] for name in OPERATOR_NAMES)


def parse_filter(filter: Mapping[str, Any]) -> Filter:
    """Check a filter and return the tree that `matches` and `filter_sql` take.

    Raises:
        UnknownOperatorError: a `$name` that is not an operator, or a field's name among operators.
        InvalidFilterError: not a mapping, an operand of a type the operator does not take or that
            is not JSON, an operator without a field, a field's name that is empty or no text,
            nesting beyond `MAX_FILTER_DEPTH`, more than `MAX_PARTS` parts or `MAX_BYTES` bytes.
    """
    parser = _Parser()
    condition = parser.document(filter, 0)
    return Filter(condition, tuple(parser.hints), tuple(parser.names))


@dataclass(slots=True)
class _Parser:
    """A recursive descent parser; `path` is the field of a condition, `depth` its nesting."""

    parts: int = 0
    bytes: int = 0
    hints: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def document(self, filter: object, depth: int) -> Condition:
        if not isinstance(filter, Mapping):
            raise InvalidFilterError(
                f"a filter is a mapping of fields to conditions such as {{'status': 'open'}}, "
                f"got {_quote(filter)}"
            )
        return _all_of([self.clause(name, operand, depth) for name, operand in filter.items()])

    def clause(self, name: object, operand: object, depth: int) -> Condition:
        if name in _LOGICAL:
            return self.logical(str(name), operand, "", depth, self.document)
        if name in OPERATORS:
            raise InvalidFilterError(
                f"{name!r} needs a field at the top of a filter: "
                f"{{'field': {{{name!r}: {_quote(operand)}}}}}"
            )
        if _is_dollar_name(name):
            raise UnknownOperatorError(_unknown(name))
        field = self.field(name)
        self.names.append(field)
        return DocumentField(field, self.field_condition(field, operand, "", depth))

    def field(self, name: object) -> str:
        if isinstance(name, str):
            self.count_bytes(len(name), "")
        field = _field_name(name)
        self.count(1 + field.count("."), field)
        return field

    def field_condition(self, name: str, operand: object, path: str, depth: int) -> Condition:
        inner = f"{path}.{name[:_LONGEST_PATH]}" if path else name
        return self.condition(operand, inner[:_LONGEST_PATH], depth + 1 + name.count("."))

    def condition(self, condition: object, path: str, depth: int) -> Condition:
        self.count(1, path)
        _check_depth(depth, path)
        if isinstance(condition, Mapping):
            if any(map(_is_dollar_name, condition)):
                return self.operators(condition, path, depth)
            if condition and _BARE_NAMES.issuperset(condition):
                self.hints += [_bare(str(name), path) for name in condition]
            return self.fields(condition, path, depth)
        if isinstance(condition, (list, tuple)):
            return self.elements(condition, path, depth)
        return Compare("$eq", self.operand(condition, path))

    def fields(self, fields: Mapping[Any, Any], path: str, depth: int) -> Condition:
        return ObjectWith(
            tuple(
                Field(name, self.field_condition(name, operand, path, depth))
                for name, operand in zip(map(self.field, fields), fields.values(), strict=True)
            )
        )

    def elements(self, elements: list[Any] | tuple[Any, ...], path: str, depth: int) -> Condition:
        conditions = tuple(
            self.condition(element, f"{path}[{place}]"[:_LONGEST_PATH], depth + 1)
            for place, element in enumerate(elements)
        )
        if all(map(_is_plain_element, elements, conditions)):
            # Equal elements make equal arrays: one argument, whatever the length.
            return Compare(
                "$eq", [each.operand for each in conditions if isinstance(each, Compare)]
            )
        return ArrayOf(conditions)

    def operators(self, condition: Mapping[Any, Any], path: str, depth: int) -> Condition:
        return _all_of(
            [self.operator(name, operand, path, depth) for name, operand in condition.items()]
        )

    def operator(self, name: object, operand: object, path: str, depth: int) -> Condition:
        if name in _LOGICAL:
            return self.logical(
                str(name), operand, path, depth, lambda inner, at: self.condition(inner, path, at)
            )
        if name not in OPERATORS:
            hint = "" if _is_dollar_name(name) else "; fields and operators cannot stand together"
            raise UnknownOperatorError(f"{_unknown(name)}{hint} (on {path!r})")
        self.count(1, path)
        return Compare(str(name), self.accepted(str(name), operand, path))

    def logical(
        self,
        name: str,
        operand: object,
        path: str,
        depth: int,
        parse: Callable[[object, int], Condition],
    ) -> Condition:
        self.count(1, path)
        _check_depth(depth + 1, path)
        if name == "$not":
            return Not(parse(operand, depth + 1))
        if not isinstance(operand, (list, tuple)):
            raise InvalidFilterError(f"{name!r}{_on(path)} takes a list, got {_quote(operand)}")
        combined = AllOf if name == "$and" else AnyOf
        return combined(tuple(parse(inner, depth + 1) for inner in operand))

    def accepted(self, name: str, operand: object, path: str) -> Any:
        plain = self.operand(operand, path)
        if not OPERATORS[name].accepts(plain):
            raise InvalidFilterError(
                f"{name!r}{_on(path)} takes {OPERATORS[name].takes}, got {_quote(operand)}"
            )
        return plain

    def operand(self, operand: object, path: str) -> Any:
        try:
            text = encode_value(operand)
        except (ValueTypeError, InvalidValueError) as error:
            raise InvalidFilterError(
                f"the filter{_on(path)} has an operand that is not JSON ($ is the operand): {error}"
            ) from error
        self.count_bytes(len(text), path)
        return decode_value(text)

    def count_bytes(self, size: int, path: str) -> None:
        self.bytes += size
        if self.bytes > MAX_BYTES:
            raise InvalidFilterError(
                f"the filter has more than {MAX_BYTES:,} bytes of names and operands{_on(path)}; "
                "search in several calls"
            )

    def count(self, parts: int, path: str) -> None:
        self.parts += parts
        if self.parts > MAX_PARTS:
            raise InvalidFilterError(
                f"the filter has more than {MAX_PARTS} parts{_on(path)}; "
                "use $in for many values of one field"
            )


def _all_of(conditions: list[Condition]) -> Condition:
    return conditions[0] if len(conditions) == 1 else AllOf(tuple(conditions))


def _is_plain_element(source: object, condition: Condition) -> bool:
    """Return whether it was written as a scalar or as a list of such: `$eq` may have any depth."""
    return isinstance(condition, Compare) and not isinstance(source, Mapping)


def _field_name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise InvalidFilterError(f"a field's name is a string that is not empty, got {shown(name)}")
    try:
        check_text(name, f"the field's name {shown(name)}")
    except InvalidValueError as error:
        raise InvalidFilterError(str(error)) from error
    return str.__str__(name)


def _check_depth(depth: int, path: str) -> None:
    if depth > MAX_FILTER_DEPTH:
        raise InvalidFilterError(
            f"the filter{_on(path)} is nested deeper than {MAX_FILTER_DEPTH} levels; flatten it"
        )


def _is_dollar_name(name: object) -> bool:
    return isinstance(name, str) and name.startswith("$")


def _unknown(name: object) -> str:
    return f"{shown(name)} is not a filter operator; known: {', '.join(OPERATOR_NAMES)}"


def _bare(name: str, path: str) -> str:
    return (
        f"the filter on {path!r} asks for a field named {name!r} within it; if the operator is "
        f"meant, write ${name}: {{{path!r}: {{'${name}': …}}}}"
    )


def _on(path: str) -> str:
    return f" on {shown(path)}" if path else ""


def _quote(operand: object) -> str:
    return reprlib.repr(operand)
