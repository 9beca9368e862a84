"""Converts any Python object into JSON that Postgres can hold.

`store.put` refuses a value that is no JSON. A conversation must not be lost for that: an obvious
form is taken, and a part that has none is replaced by a note, `{"omitted": "DataFrame …"}`, which
never holds anything of the part itself. Nothing here raises, and nothing imports the packages
whose objects are recognised: arrays, tensors and tables are known by what their classes offer.
"""

from __future__ import annotations

import dataclasses
import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set, ValuesView
from contextlib import contextmanager
from datetime import date, time
from enum import Enum
from pathlib import PurePath
from typing import Any, cast

import orjson
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from ..model.json_values import (
    LARGEST_INTEGER,
    SMALLEST_INTEGER,
    Json,
    decode_value,
    encode_value,
)

OMITTED = "omitted"
"""The only key of a note that stands for a part left out."""

LOST = "\ufffd"
"""Stands for half a character; Postgres takes it for a letter."""

MOST_BYTES = 64 * 2**20
"""Of all texts and numbers that are converted together."""

LARGEST_VALUE = 200 * 2**20
"""Bytes of a value's JSON; Postgres holds a little more."""

LARGEST_PART = 16 * 2**20
"""Of one text, in characters, and of one bytes object."""

MOST_ELEMENTS = 10_000
"""Of one array or table: an embedding is kept, a picture is not."""

MOST_CHILDREN = 100_000
"""Of one list or mapping."""

DEEPEST = 100
"""Levels of nesting; values stop at twice as many."""

_DATA_URI = "data:application/octet-stream;base64,"
_NUMBER_BYTES = 8
_LONGEST_NAME = 60
_MOST_DECIMAL_BITS = 10_000


class StorableJson:
    """Converts the parts of one value, which share one limit of size.

    Args:
        most_bytes: of all texts and numbers together.
        largest_part: of one text, in characters, and of one bytes object.

    Attributes:
        omitted: where a part was left out and why, such as
            `"messages[1].artifact: ndarray of shape (2000, 3000): too large"`.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, largest_part: int = LARGEST_PART) -> None:
        self.omitted: list[str] = []
        self._largest_part = largest_part
        self._left = most_bytes
        self._open: list[int] = []
        self._bytes_prefix = _DATA_URI

    def convert(self, node: object, path: str) -> Json:
        """Returns the JSON form of any object, or a note in its place.

        Args:
            node: any object; it is read, never changed or used up.
            path: where it stands, for `omitted`.
        """
        try:
            is_outermost = not self._open and isinstance(node, (dict, list))
            copied = self.copied(node) if is_outermost else None
            return self._converted(node, path) if copied is None else copied
        except Exception as error:  # whatever the object's own code raises
            return self._omit(node, path, f"reading it raised {type(error).__name__}")

    def copied(self, node: object) -> Json:
        """Returns a copy of what is JSON already, as nearly everything is; None for all else."""
        try:
            text = encode_value(node)
        except Exception:  # some part is no JSON, or raises by itself
            return None
        if len(text) > min(self._largest_part, self._left):
            return None
        self._left -= len(text)
        return cast("Json", decode_value(text))

    def text(self, text: str, path: str) -> str:
        """Returns a text that Postgres can hold; the end of one that is too long is cut off."""
        room = max(0, min(self._largest_part, self._left))
        if len(text) > room:
            self.omitted.append(f"{path}: the end of a text of {len(text):,} characters: too large")
            text = text[:room]
        self._left -= len(text)
        return clean_text(text)

    @contextmanager
    def bare_base64(self) -> Iterator[None]:
        """Writes bytes as base64 alone, as a message's content has them, not as a data URI."""
        prefix, self._bytes_prefix = self._bytes_prefix, ""
        try:
            yield
        finally:
            self._bytes_prefix = prefix

    def _converted(self, node: Any, path: str) -> Json:
        if node is None or node is True or node is False:
            return node
        if isinstance(node, Enum):
            return self._converted(node.value, path)
        if isinstance(node, str):
            return self._text(str.__str__(node), node, path)
        if isinstance(node, (int, float)):
            self._left -= _NUMBER_BYTES
            return (
                _json_number(node) if self._left >= 0 else self._omit(node, path, "no room is left")
            )
        if isinstance(node, (bytes, bytearray, memoryview)):
            return self._bytes(node, path)
        if isinstance(node, (date, time)):
            # Not a time, pandas' NaT, differs from itself.
            return None if node != node else node.isoformat()
        if type(node).__name__ == "NAType":
            return None
        return self._composite(node, path)

    def _composite(self, node: Any, path: str) -> Json:
        reason = self._cannot_open(node)
        if reason:
            return self._omit(node, path, reason)
        self._open.append(id(node))
        try:
            for is_such, parts in _COMPOSITES:
                if is_such(node):
                    return self._children(parts(node), path)
            if isinstance(node, Iterator):  # reading it would use it up
                return self._omit(node, path, "it has no JSON form")
            return self._scalar(node, path)
        finally:
            self._open.pop()

    def _cannot_open(self, node: Any) -> str:
        if id(node) in self._open:
            return "it holds itself"
        if len(self._open) == DEEPEST:
            return f"nested deeper than {DEEPEST} levels"
        if isinstance(node, (Mapping, Sequence, Set)) and len(node) > MOST_CHILDREN:
            return f"{len(node):,} elements: too large"
        elements = _elements(node)
        if elements > MOST_ELEMENTS:
            return "too large"
        return "no room is left" if self._left < 0 else ""

    def _children(self, parts: Any, path: str) -> Json:
        if isinstance(parts, Mapping):
            converted: dict[str, Json] = {}
            for key, child in parts.items():
                name = _free_name(self._key(key), converted)
                converted[name] = self.convert(child, f"{path}.{name[:_LONGEST_NAME]}")
            return converted
        if isinstance(parts, (list, tuple)):
            return [self.convert(child, f"{path}[{i}]") for i, child in enumerate(parts)]
        return self.convert(parts, path)

    def _key(self, key: object) -> str:
        """JSON keys are texts; other keys are written as JSON would write them."""
        form = self.convert(key, "a key")
        return form if isinstance(form, str) else orjson.dumps(form).decode()

    def _scalar(self, node: Any, path: str) -> Json:
        """UUIDs, paths, decimals, URLs, durations …: whatever pydantic writes as one text."""
        if isinstance(node, BaseException):
            return self._text(f"{type(node).__name__}: {node}", node, path)
        if isinstance(node, PurePath):
            return self._text(str(node), node, path)
        try:
            form = to_jsonable_python(node)
        except Exception:
            return self._omit(node, path, "it has no JSON form")
        return self.convert(form, path)

    def _text(self, text: str, node: object, path: str) -> Json:
        size = len(text)
        if size > min(self._largest_part, self._left):
            return self._omit(node, path, f"{size:,} characters: too large")
        self._left -= size
        return clean_text(text)

    def _bytes(self, node: bytes | bytearray | memoryview, path: str) -> Json:
        content = bytes(node)
        if len(content) > self._largest_part:
            return self._omit(node, path, f"{len(content):,} bytes: too large")
        return self._text(self._bytes_prefix + b64encode(content).decode(), node, path)

    def _omit(self, node: object, path: str, reason: str) -> Json:
        note = f"{_described(node)}: {reason}"
        self.omitted.append(f"{path}: {note}")
        return {OMITTED: note}


def clean_text(text: str) -> str:
    """Returns the text without NUL, and with U+FFFD in the place of each half character.

    Two halves that belong together become their character.
    """
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _json_number(number: int | float) -> Json:
    """NaN and infinities, which JSON does not have, are null; larger integers are texts."""
    if isinstance(number, int):
        whole = int(number)
        if SMALLEST_INTEGER <= whole <= LARGEST_INTEGER:
            return whole
        # Python refuses to write very long ones in decimals.
        return str(whole) if whole.bit_length() < _MOST_DECIMAL_BITS else hex(whole)
    return float(number) if math.isfinite(number) else None


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    """Two keys may have one text, such as 1 and "1"; none of their values is lost."""
    return name if name not in taken else _free_name(f"{name} (2)", taken)


def _offers(*names: str) -> Callable[[Any], bool]:
    """Whether an object's class has these attributes; a mock's instances have any."""
    return lambda node: all(hasattr(type(node), name) for name in names)


_is_array = _offers("tolist", "dtype", "shape")
_is_pandas = _offers("to_dict", "columns", "shape")
_is_polars = _offers("to_dicts", "columns", "shape")


def _elements(node: Any) -> int:
    """How many an array or a table has; 0 for all else."""
    if _is_array(node) or _is_pandas(node) or _is_polars(node):
        return math.prod(node.shape)
    return 0


def _elements_of(array: Any) -> Any:
    """Lists an array's elements; numpy's times are made texts first, or they come as numbers."""
    is_time = getattr(array.dtype, "kind", "") in ("M", "m")
    return (array.astype(str) if is_time else array).tolist()


def _dumped(model: BaseModel) -> Any:
    try:
        return model.model_dump(mode="json")
    except Exception:  # a field that is no JSON; the others are still what they are
        fields = {name: getattr(model, name) for name in type(model).model_fields}
        return fields | (model.model_extra or {})


def _fields(instance: Any) -> dict[str, Any]:
    return {each.name: getattr(instance, each.name) for each in dataclasses.fields(instance)}


def _of_attrs(instance: Any) -> dict[str, Any]:
    return {each.name: getattr(instance, each.name) for each in type(instance).__attrs_attrs__}


def _is_dataclass(node: Any) -> bool:
    return dataclasses.is_dataclass(node) and not isinstance(node, type)


def _is_collection(node: Any) -> bool:
    return isinstance(node, (Sequence, Set, ValuesView))


_COMPOSITES: Sequence[tuple[Callable[[Any], bool], Callable[[Any], Any]]] = (
    (lambda node: isinstance(node, Mapping), dict),
    (lambda node: isinstance(node, BaseModel), _dumped),
    (_is_dataclass, _fields),
    (_offers("__attrs_attrs__"), _of_attrs),
    (_is_array, _elements_of),
    (_is_pandas, lambda table: table.to_dict(orient="records")),
    (_is_polars, lambda table: table.to_dicts()),
    (_is_collection, list),
)
"""What has parts, and how they are read."""


def _described(node: object) -> str:
    """The type, and the shape of an array: nothing of what it holds."""
    name = type(node).__name__
    try:
        return f"{name} of shape {tuple(node.shape)}" if _elements(node) else name  # type: ignore[attr-defined]
    except Exception:
        return name


def counted(omitted: Iterable[str], most: int = 5) -> str:
    """Returns what was left out as one line of bounded length."""
    every = list(omitted)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return "; ".join(every[:most]) + more
