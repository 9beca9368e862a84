"""Opening of sealed values where rows become results, by the address of each row's item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..errors import InvalidFilterError
from ..model.json_values import shown
from .filters import Filter
from .statement import Decoded, ItemId, ResultT, Row, Sealing, SqlContext

Decode: TypeAlias = Callable[[Sequence[Row]], Decoded[ResultT]]
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


def check_filter(filter: Filter, sealing: Sealing | None) -> None:
    """Refuse a filter on an encrypted field, which nothing would match.

    Raises:
        InvalidFilterError: it names such a field.
    """
    if sealing is None:
        return
    for name in filter.fields:
        if sealing.is_sealed_field(name) or sealing.is_sealed_field(name.partition(".")[0]):
            raise InvalidFilterError(
                f"the field {shown(name)} is encrypted, so no filter finds it; filter by a field "
                "that Encryption(fields=…) leaves clear, or filter the results"
            )
