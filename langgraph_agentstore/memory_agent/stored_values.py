"""The conversion of data to LangGraph items, and filters over data.

An item's value is an object. Objects are stored unchanged, any other data as
`{"value": data, "$plain": true}`. No filter can name `$plain`, so a filter sees `{"value": v}`, as
everywhere in this package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from ..errors import InvalidFilterError, InvalidKeyError, InvalidOperationError, InvalidValueError
from ..model.json_values import check_text, decode_value, encode_value, shown
from ..sql.filters import Filter, matches, parse_filter
from .encryption import TOKEN_FIELD

PLAIN: Final = "$plain"
_ENDS_OF_COLLECTIONS: Final = ("/", ":")


def plain_data(data: object) -> Any:
    """Return a copy of the data as plain JSON; a pydantic model becomes its fields.

    Raises:
        ValueTypeError, InvalidValueError: the data are not JSON, or have a reserved field.
    """
    if isinstance(data, BaseModel):
        data = data.model_dump(mode="json")
    plain = decode_value(encode_value(data))
    if isinstance(plain, dict):
        for name in (PLAIN, TOKEN_FIELD):
            if name in plain:
                raise InvalidValueError(f"the field {name!r} is reserved; give it another name")
    return plain


def stored_value(plain: Any) -> dict[str, Any]:
    """Return the item's value for plain data."""
    return plain if isinstance(plain, dict) else {"value": plain, PLAIN: True}


def data_of(value: dict[str, Any]) -> Any:
    """Return the data of an item's value; the inverse of `stored_value`."""
    return value["value"] if PLAIN in value else value


def memory_key(key: object) -> str:
    """Return the key; raise InvalidKeyError if some storage could not hold it."""
    if not isinstance(key, str) or not key:
        raise InvalidKeyError(f"a key is a non-empty string such as 'user:ada', got {shown(key)}")
    try:
        check_text(key, "the key")
    except InvalidValueError as error:
        raise InvalidKeyError(str(error)) from None
    return str.__str__(key)


def is_collection(name: str) -> bool:
    """Check that a name stands for all keys that begin with it."""
    return name.endswith(_ENDS_OF_COLLECTIONS)


def checked_filter(filter: Mapping[str, Any] | None) -> Filter:
    """Parse a filter; None matches everything."""
    return parse_filter({} if filter is None else filter)


def reduced(data: Any, filter: Filter) -> Any:
    """Return the matching elements of a list; any other data if it matches, else None."""
    if isinstance(data, list):
        return [element for element in data if matches(filter, element)]
    return data if matches(filter, data) else None


def found_in(data: Any, filter: Filter) -> list[Any]:
    """Return the matching elements of a list; any other data counts as a list of one."""
    elements = data if isinstance(data, list) else [data]
    return [element for element in elements if matches(filter, element)]


def filter_for_items(filter: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a filter that passes every item that may contain a match; None passes all.

    A store's filter does not look at the elements of a list, so every list passes.
    """
    if not filter:
        return None
    wider = {"$or": [dict(filter), {"value": {"$contains": []}}]}
    try:
        parse_filter(wider)
    except InvalidFilterError:  # the given filter is already as deep or as long as is allowed
        return None
    return wider


def checked_pairs(pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return keys and plain data in order; an error names the number of the wrong pair."""
    checked = []
    for number, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:  # type: ignore[redundant-expr]
            raise InvalidOperationError(
                f"batch_store takes (key, data) pairs; number {number} is {type(pair).__name__}"
            )
        try:
            checked.append((memory_key(pair[0]), plain_data(pair[1])))
        except (ValueError, TypeError) as error:
            error.args = (f"number {number}: {error} (nothing was written)",)
            raise
    return checked
