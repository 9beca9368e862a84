"""The primary key of an item, checked to fit an index row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from ..errors import InvalidKeyError, InvalidNamespaceError, InvalidValueError, ValueTypeError
from .json_values import check_text
from .namespaces import Labels, encode_labels, is_writable, sort_key
from .users import Address

MAX_ADDRESS_BYTES = 2600
"""User, namespace and key together, in UTF-8: what fits an index row of an 8 kB page."""


@dataclass(frozen=True, slots=True)
class ItemAddress:
    """A stored namespace, with the labels that its store or view shows for it.

    `size`: the bytes that user and namespace take in an index row. `is_writable`: whether
    LangGraph lets items be put there.
    """

    user_id: str
    stored: str
    sort_key: str
    labels: Labels
    size: int
    is_writable: bool


class RemovedPlace(NamedTuple):
    """A place that a statement removes: an item; or, without a key, a namespace with all below it.

    The key may also be the path of a folder, or the id of a thread of conversations.
    """

    user_id: str
    stored: str
    key: str | None


def locate(address: Address, labels: Labels) -> ItemAddress:
    """Return the stored namespace of an address.

    Raises:
        InvalidNamespaceError: the namespace leaves no room for a key.
    """
    stored, at = encode_labels(address.labels), sort_key(address.labels)
    # The index for listings holds the place instead, which escaping can make longer.
    longest = max(len(stored.encode()), len(at.encode()))
    size = len(address.user_id.encode()) + longest
    if size >= MAX_ADDRESS_BYTES:
        raise InvalidNamespaceError(
            f"user and namespace have {size} bytes; with the key they must stay within "
            f"{MAX_ADDRESS_BYTES}: shorten the labels, or move text into the value"
        )
    return ItemAddress(address.user_id, stored, at, labels, size, is_writable(labels))


def checked_key(key: object, located: ItemAddress) -> str:
    """Return the key as a string; an int or a UUID is taken as its text.

    Raises:
        ValueTypeError: the key has another type.
        InvalidKeyError: it is empty, holds NUL or a lone surrogate, or is too long.
    """
    text = key if type(key) is str else _stringified(key)
    if not text:
        raise InvalidKeyError("a key is a non-empty string, got ''")
    if "\x00" in text or not text.isascii():
        try:
            check_text(text, "the key")
        except InvalidValueError as error:
            raise InvalidKeyError(str(error)) from None
    # Four bytes a character is the most that UTF-8 takes.
    if located.size + 4 * len(text) > MAX_ADDRESS_BYTES:
        total = located.size + len(text.encode())
        if total > MAX_ADDRESS_BYTES:
            raise InvalidKeyError(
                f"user, namespace and key have {total} bytes together, the limit is "
                f"{MAX_ADDRESS_BYTES}: use a hash as key and keep the text in the value"
            )
    return text


def _stringified(key: object) -> str:
    """Return the text of a key; only types with one obvious text are accepted."""
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, (int, UUID)) and not isinstance(key, bool):
        return str(int(key)) if isinstance(key, int) else str(key)
    raise ValueTypeError(f"a key is a string, got {type(key).__name__} {key!r}; convert it")
