"""How data is stored in a LangGraph item, and what a filter finds in it.

An item's value is an object. Data that is one is stored as it is; any other as
`{"value": data, "$plain": true}`, whose mark no filter can name: so a filter sees `{"value": v}`,
as everywhere in this package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from ..errors import InvalidFilterError, InvalidKeyError, InvalidOperationError, InvalidValueError
from ..model.json_values import check_text, decode_value, encode_value
from ..sql.filters import Filter, matches, parse_filter
from .encryption import TOKEN_FIELD

PLAIN: Final = "$plain"
_ENDS_OF_COLLECTIONS: Final = ("/", ":")


def plain_data(data: object) -> Any:
    """The data as plain JSON, a copy; a pydantic model as its fields.

    Raises:
        ValueTypeError, InvalidValueError: it is not JSON, or has a field that is reserved.
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
    """The value of the item that holds it."""
    return plain if isinstance(plain, dict) else {"value": plain, PLAIN: True}


def data_of(value: dict[str, Any]) -> Any:
    """The inverse of `stored_value`."""
    return value["value"] if PLAIN in value else value


def checked_key(key: object) -> str:
    """The key, if every storage can hold it."""
    if not isinstance(key, str) or not key:
        raise InvalidKeyError(f"a key is a non-empty string such as 'user:ada', got {key!r}")
    try:
        check_text(key, "the key")
    except InvalidValueError as error:
        raise InvalidKeyError(str(error)) from None
    return str.__str__(key)


def is_collection(name: str) -> bool:
    """Whether it names all keys that begin with it."""
    return name.endswith(_ENDS_OF_COLLECTIONS)


def checked_filter(filter: Mapping[str, Any] | None) -> Filter:
    """The filter, parsed; None lets everything pass."""
    return parse_filter({} if filter is None else filter)


def reduced(data: Any, filter: Filter) -> Any:
    """Of a list the elements that match; any other data if it matches, else None."""
    if isinstance(data, list):
        return [element for element in data if matches(filter, element)]
    return data if matches(filter, data) else None


def found_in(data: Any, filter: Filter) -> list[Any]:
    """Of a list the elements that match; any other data is a list of one."""
    elements = data if isinstance(data, list) else [data]
    return [element for element in elements if matches(filter, element)]


def filter_for_items(filter: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A filter that lets pass every item in which something may be found; None for all.

    A list is seen by its elements, which the store's filter does not look at: it passes whole.
    """
    if not filter:
        return None
    wider = {"$or": [dict(filter), {"value": {"$contains": []}}]}
    try:
        parse_filter(wider)
    except InvalidFilterError:  # as deep or as long as a filter may be
        return None
    return wider


def checked_pairs(pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Keys and plain data, in order; the error says which pair is wrong."""
    checked = []
    for number, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:  # type: ignore[redundant-expr]
            raise InvalidOperationError(
                f"batch_store takes (key, data) pairs; number {number} is {type(pair).__name__}"
            )
        try:
            checked.append((checked_key(pair[0]), plain_data(pair[1])))
        except (ValueError, TypeError) as error:
            error.args = (f"number {number}: {error} (nothing was written)",)
            raise
    return checked
