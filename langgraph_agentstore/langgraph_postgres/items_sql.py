"""An item of the official store in the form that this store writes."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ..config.index_options import paths_of
from ..config.search_index import SearchIndex
from ..errors import InvalidNamespaceError, InvalidValueError
from ..model.addresses import checked_key, locate
from ..model.json_values import (
    LARGEST_INTEGER,
    SMALLEST_INTEGER,
    check_allowed,
    decode_value,
    encode_value,
)
from ..model.namespaces import Labels
from ..model.text_fields import Part, Paths, texts_at
from ..model.users import Scope
from ..sql.indexed_content import content_of, is_turn_at, words_text
from ..sql.statement import Content, Put, SqlContext
from .tables_sql import OfficialItem

_NUMBER = re.compile(r"\.\d+$")
_MANY_DIGITS = re.compile(rb"\d{19}")


@dataclass(frozen=True, slots=True)
class Migrant:
    """An item to be migrated.

    `names`: the field names there of the parts of its put, in order. `unindexed`: the index wants a
    text of it that has no vector there.
    """

    item: OfficialItem
    put: Put
    names: tuple[str, ...] = ()
    unindexed: bool = False


def labels_of_prefix(prefix: str) -> Labels:
    """Return the namespace of a `prefix` of the official store: labels joined with periods."""
    return tuple(prefix.split(".")) if prefix else ()


def paths_named(field_names: Collection[str]) -> frozenset[str]:
    """Return the paths that vectors may belong to: `a[*].1` is the second text at `a[*]`."""
    paths = {*field_names, *(_NUMBER.sub("", name) for name in field_names)}
    return frozenset(paths - {""})


def plan_migrant(
    item: OfficialItem,
    fresh: Collection[str],
    named: frozenset[str] | None,
    scope: Scope,
    context: SqlContext,
) -> Migrant:
    """Plan an item with its address here and its vectors there.

    `fresh`: the field names of the vectors of its present value. `named`: the paths that have
    any vectors there; None without a table of vectors.

    Raises:
        AgentStoreError: this store does not accept its key, its namespace or its value.
    """
    labels = labels_of_prefix(item.prefix)
    address = scope.address(labels)
    if address.labels == ("",):  # stored as the root's, which it is not
        raise InvalidNamespaceError(f"{labels!r} has an empty label and nothing else below a user")
    at = locate(address, labels)
    item_id = (at.user_id, at.stored, checked_key(item.key, at))
    value = _checked_value(item.value, context.max_value_bytes)
    put = Put(item_id, at.sort_key, item.value, _migrated_ttl(item))
    if context.index is None:
        return Migrant(item, put)
    if context.sealing is not None and decode_value(context.searchable(item.value)) != value:
        # Vectors of what is encrypted here are not taken over.
        content = content_of(context.searchable(item.value), None, context.index)
        put.content = replace(content, parts=())
        return Migrant(item, put, unindexed=context.index.vectors is not None)
    chosen = chosen_paths(value, fresh, named, context.index)
    paths = context.index.paths if chosen is None else chosen
    texts = [] if context.index.vectors is None else list(_texts(value, paths))
    if is_turn_at(value, paths):
        texts = texts[:1]  # the second is of neighbors; the names count it
    parts = [(name, part) for name, part in texts if name in fresh]
    words = words_text(value, paths) if paths and context.index.language is not None else None
    put.content = Content(context.index, tuple(part for _, part in parts), words, chosen)
    return Migrant(item, put, tuple(name for name, _ in parts), len(parts) < len(texts))


def chosen_paths(
    value: Any, fresh: Collection[str], named: frozenset[str] | None, index: SearchIndex
) -> Paths | None:
    """Return the `index=` of the item's put there, as far as its vectors show it.

    None: the fields of the index. Empty: False. Else the paths that have vectors.
    """
    own = {path for path, _ in index.paths}
    if named is None or not own & named:
        return None
    others = paths_of(sorted(paths_named(fresh) - own))
    had = tuple(path for path in (*index.paths, *others) if _has_vectors(value, path, fresh))
    expected = {path for path in index.paths if path[0] in named and list(_texts(value, (path,)))}
    of_own = {path for path in had if path[0] in own}
    if of_own == expected and (of_own or not had):
        return None
    return had


def _has_vectors(value: Any, path: tuple[str, tuple[str, ...]], fresh: Collection[str]) -> bool:
    names = [name for name, _ in _texts(value, (path,))]
    return bool(names) and all(name in fresh for name in names)


def _texts(value: Any, paths: Paths) -> Iterator[tuple[str, Part]]:
    """Yield each text with its field name there: whole, as it was embedded, without blank ones."""
    for path, tokens in paths:
        texts = texts_at(value, tokens)
        for number, text in enumerate(texts):
            if text.strip():
                yield (path if len(texts) == 1 else f"{path}.{number}"), Part(path, text)


def _checked_value(text: bytes, most: int) -> Any:
    """Return the value if this store would accept it in a put and read it back unchanged."""
    try:
        value = decode_value(text)
        if _MANY_DIGITS.search(text):
            json.loads(text, parse_int=_check_integer)
    except InvalidValueError:
        raise
    except (ValueError, OverflowError, RecursionError):
        raise InvalidValueError(
            "the value holds a number, or is nested, beyond what readers of JSON take"
        ) from None
    check_allowed(len(encode_value(value)), most)
    return value


def _check_integer(digits: str) -> None:
    """Raise InvalidValueError if digits would be lost: beyond 64 bits they are read as a float.

    A float that was put is stored with all its zeros, and is read as that float again.
    """
    number = int(digits)
    if SMALLEST_INTEGER <= number <= LARGEST_INTEGER:
        return
    nearest = float(number)
    if number not in (int(nearest), int(Decimal(repr(nearest)))):
        raise InvalidValueError(
            f"the value holds an integer beyond 64 bits ({number.bit_length()} bits); store it as "
            "a string"
        )


def _migrated_ttl(item: OfficialItem) -> timedelta | None:
    """Return the TTL; None for 0 minutes, to which half a minute was rounded there."""
    if item.expires_at is None or not item.ttl_minutes:
        return None
    return timedelta(minutes=item.ttl_minutes)
