"""Opening of sealed values where rows become results, by the address of each row's item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from ..errors import InvalidFilterError
from ..model.json_values import shown
from .filters import Filter
from .filters.nodes import AllOf, AnyOf, Compare, Condition, DocumentField, Field, Not, ObjectWith
from .statement import Decoded, ItemId, ResultT, Row, Sealing, SqlContext

Decode: TypeAlias = Callable[[Sequence[Row]], Decoded[ResultT]]
EQUAL_FIELD: Final = "$equal"
"""The clear field of a sealed value that has the hashes of a blind index."""

IdOfRow: TypeAlias = Callable[[Row], ItemId]


def first_columns(row: Row) -> ItemId:
    """Return the item id of a row that begins with it."""
    return row[0], row[1], row[2]


def within(user_id: str, stored: str, key: int = 0) -> IdOfRow:
    """Return the function for rows of one namespace, with the key in this column."""
    return lambda row: (user_id, stored, row[key])


def with_opened_values(
    decode: Decode[ResultT], value: int, item_id: IdOfRow, context: SqlContext
) -> Decode[ResultT]:
    """Let `decode` see opened values; a store that does not encrypt decodes as it is.

    `value`: the column of the value. A row whose key is null has no item.
    """
    sealing = context.sealing
    if sealing is None:
        return decode
    return lambda rows: decode(opened_rows(rows, value, item_id, sealing))


def opened_rows(rows: Sequence[Row], value: int, item_id: IdOfRow, sealing: Sealing) -> list[Row]:
    """Return the rows with opened values in the column `value`."""
    return [_opened_row(row, value, item_id(row), sealing) for row in rows]


def _opened_row(row: Row, value: int, item_id: ItemId, sealing: Sealing) -> Row:
    if item_id[2] is None:
        return row
    return (*row[:value], sealing.opened(item_id, row[value]), *row[value + 1 :])


def sealed_filter(filter: Filter, sealing: Sealing | None, user_id: str | None) -> Filter:
    """Return a filter as the server can apply it to what is stored.

    Equality of fields that have a blind index becomes equality of their hashes, which differ from
    user to user. `user_id`: whose items are asked for; None for those of several.

    Raises:
        InvalidFilterError: it names an encrypted field otherwise; nothing would match.
    """
    if sealing is None or not filter.fields:
        return filter
    return replace(filter, condition=_Blind(sealing, user_id).condition(filter.condition))


@dataclass(frozen=True, slots=True)
class _Blind:
    """The rewriting of one filter."""

    sealing: Sealing
    user_id: str | None

    def condition(self, of: Condition) -> Condition:
        if isinstance(of, (AllOf, AnyOf)):
            return replace(of, conditions=tuple(map(self.condition, of.conditions)))
        if isinstance(of, Not):
            return Not(self.condition(of.condition))
        assert isinstance(of, DocumentField)
        name = of.name
        if not any(map(self.sealing.is_sealed_field, (name, name.partition(".")[0]))):
            return of
        hashed = self._hashed(name, of.condition)
        return DocumentField(EQUAL_FIELD, ObjectWith((Field(name, hashed),)))

    def _hashed(self, name: str, condition: Condition) -> Condition:
        if isinstance(condition, AllOf) and len(condition.conditions) == 1:
            [condition] = condition.conditions
        if isinstance(condition, Compare) and self.sealing.has_equality(name):
            if self.user_id is None:
                raise InvalidFilterError(
                    f"the field {shown(name)} is encrypted, and its hashes differ from user to "
                    "user: search within one user"
                )
            if condition.operator == "$eq" and is_hashed(condition.operand):
                return Compare("$eq", self._hash(name, condition.operand))
            if condition.operator == "$in" and all(map(is_hashed, condition.operand)):
                return Compare("$in", [self._hash(name, each) for each in condition.operand])
        raise InvalidFilterError(
            f"the field {shown(name)} is encrypted, so no such filter finds it; filter by a field "
            "that Encryption(fields=…) leaves clear, by equality with a text, a number or a "
            "boolean where Encryption(equality=…) names the field, or filter the results"
        )

    def _hash(self, name: str, operand: Any) -> str:
        assert self.user_id is not None
        return self.sealing.hashed(self.user_id, name, operand)


def is_hashed(value: Any) -> bool:
    """Return whether a blind index has hashes of such values: texts, numbers and booleans."""
    return isinstance(value, (str, int, float))
