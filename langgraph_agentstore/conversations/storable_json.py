"""Converts any Python object to JSON that Postgres can hold.

`store.put` refuses a value that is not JSON. A conversation must not be lost for that reason. So a
part is written in an obvious form. A part without one is replaced by a note, such as
`{"omitted": "DataFrame …"}`, which never contains content of the part. Nothing here raises. The
packages of recognised objects are not imported: arrays, tensors and tables are recognised by the
attributes of their classes.
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

from ..model.json_values import LARGEST_INTEGER, SMALLEST_INTEGER, Json, decode_value, encode_value

OMITTED = "omitted"
"""The only key of a note in place of an omitted part."""

LOST = "\ufffd"
"""The replacement of half a character; Postgres treats it as a letter."""

MOST_BYTES = 64 * 2**20
"""The most bytes of all texts and numbers that are converted together."""

LARGEST_VALUE = 200 * 2**20
"""The most bytes of a value's JSON; Postgres holds a little more."""

LARGEST_PART = 16 * 2**20
"""The most characters of one text, and bytes of one bytes object."""

MOST_ELEMENTS = 10_000
"""The most elements of one array or table: an embedding is kept, a picture is not."""

MOST_CHILDREN = 100_000
"""The most elements of one list or mapping."""

DEEPEST = 100
"""The most levels of nesting; a stored value may have twice as many."""

_DATA_URI = "data:application/octet-stream;base64,"
_NUMBER_BYTES = 8
_LONGEST_NAME = 60
_MOST_DECIMAL_BITS = 10_000


class StorableJson:
    """A conversion of the parts of one value, which share one limit of size.

    Args:
        most_bytes: the most bytes of all texts and numbers together.
        largest_part: the most characters of one text, and bytes of one bytes object.

    Attributes:
        omitted: the place of each omitted part and the reason, such as
            `"messages[1].artifact: ndarray of shape (2000, 3000): too large"`.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, largest_part: int = LARGEST_PART) -> None:
        self.omitted: list[str] = []
        self._largest_part = largest_part
        self._left = most_bytes
        self._open: list[int] = []
        self._bytes_prefix = _DATA_URI

    def convert(self, node: object, path: str) -> Json:
        """Return the JSON form of any object, or a note in its place.

        Args:
            node: any object; it is read, never changed or used up.
            path: its place in the value, for `omitted`.
        """
        try:
            is_outermost = not self._open and isinstance(node, (dict, list))
            copied = self.copied(node) if is_outermost else None
            return self._converted(node, path) if copied is None else copied
        except Exception as error:  # the object's own code may raise anything
            return self._omit(node, path, f"reading it raised {type(error).__name__}")

    def copied(self, node: object) -> Json:
        """Return a copy of an object that is JSON already, as nearly all are; else None."""
        try:
            text = encode_value(node)
        except Exception:  # some part is not JSON, or its own code raises
            return None
        if len(text) > min(self._largest_part, self._left):
            return None
        self._left -= len(text)
        return cast("Json", decode_value(text))

    def text(self, text: str, path: str) -> str:
        """Return the text as Postgres can hold it, without its end if it is too long."""
        room = max(0, min(self._largest_part, self._left))
        if len(text) > room:
            self.omitted.append(f"{path}: the end of a text of {len(text):,} characters: too large")
            text = text[:room]
        self._left -= len(text)
        return clean_text(text)

    @contextmanager
    def bare_base64(self) -> Iterator[None]:
        """Write bytes as base64 alone, as in the content of messages, not as a data URI."""
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
            # NaT of pandas, "not a time", differs from itself.
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
        """Return a key as a text; other keys than texts are written as JSON writes them."""
        form = self.convert(key, "a key")
        return form if isinstance(form, str) else orjson.dumps(form).decode()

    def _scalar(self, node: Any, path: str) -> Json:
        """Convert what pydantic writes as one text: UUIDs, decimals, URLs, durations …"""
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
    """Return the text without NUL, and with U+FFFD in place of each half character.

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
    """Return null for NaN and infinities, which JSON lacks, and a text for larger integers."""
    if isinstance(number, int):
        whole = int(number)
        if SMALLEST_INTEGER <= whole <= LARGEST_INTEGER:
            return whole
        # Python refuses to write very long integers in decimals.
        return str(whole) if whole.bit_length() < _MOST_DECIMAL_BITS else hex(whole)
    return float(number) if math.isfinite(number) else None


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    """Return a free key: two keys may have one text, such as 1 and "1"."""
    return name if name not in taken else _free_name(f"{name} (2)", taken)


def _offers(*names: str) -> Callable[[Any], bool]:
    """Return a check that an object's class has these attributes; a mock object has any."""
    return lambda node: all(hasattr(type(node), name) for name in names)


_is_array = _offers("tolist", "dtype", "shape")
_is_pandas = _offers("to_dict", "columns", "shape")
_is_polars = _offers("to_dicts", "columns", "shape")


def _elements(node: Any) -> int:
    """Return the number of elements of an array or a table; 0 for anything else."""
    if _is_array(node) or _is_pandas(node) or _is_polars(node):
        return math.prod(node.shape)
    return 0


def _elements_of(array: Any) -> Any:
    """Return an array as lists; times of numpy as texts, since they would come as numbers."""
    is_time = getattr(array.dtype, "kind", "") in ("M", "m")
    return (array.astype(str) if is_time else array).tolist()


def _dumped(model: BaseModel) -> Any:
    try:
        return model.model_dump(mode="json")
    except Exception:  # one field is not JSON; the others are kept
        fields = {name: getattr(model, name) for name in type(model).model_fields}
        return fields | (model.model_extra or {})


def _fields(instance: Any) -> dict[str, Any]:
    kind = type(instance)
    is_dataclass = dataclasses.is_dataclass(kind)
    fields = dataclasses.fields(kind) if is_dataclass else kind.__attrs_attrs__
    return {field.name: getattr(instance, field.name) for field in fields}


_COMPOSITES: Sequence[tuple[Callable[[Any], bool], Callable[[Any], Any]]] = (
    (lambda node: isinstance(node, Mapping), dict),
    (lambda node: isinstance(node, BaseModel), _dumped),
    (_offers("__dataclass_fields__"), _fields),
    (_offers("__attrs_attrs__"), _fields),
    (_is_array, _elements_of),
    (_is_pandas, lambda table: table.to_dict(orient="records")),
    (_is_polars, lambda table: table.to_dicts()),
    (lambda node: isinstance(node, (Sequence, Set, ValuesView)), list),
)
"""Checks of objects that have parts, each with the function that reads the parts."""


def _described(node: object) -> str:
    """Return the type of an object and the shape of an array, without any content."""
    name = type(node).__name__
    try:
        return f"{name} of shape {tuple(node.shape)}" if _elements(node) else name  # type: ignore[attr-defined]
    except Exception:
        return name


def counted(omitted: Iterable[str], most: int = 5) -> str:
    """Return the omitted parts as one line of bounded length."""
    every = list(omitted)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return "; ".join(every[:most]) + more
