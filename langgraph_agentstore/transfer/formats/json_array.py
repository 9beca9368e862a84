"""One JSON array: a document on each line, the manifest its last element.

Reads any array of documents, and JSON Lines too, however they are laid out, in constant memory.
`ijson` was measured in place of the parser here. It keeps the path of each level, so 20,000 nested
arrays, a file of 40 KB, took 1 GB. It reads 2**64 - 1 as an error or 0.1 as a `Decimal`.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

import orjson

from ...errors import InvalidValueError
from ..manifest import Manifest, manifest_entry
from .base import Entry, FileWriter, entry_of

_CHUNK = 2**16
_NEAR_THE_END = 16
"""Characters; a number, literal or escape that was cut off is not longer."""


class _ArrayWriter:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.write(b"[\n")

    def add(self, entries: Sequence[Entry]) -> None:
        self._file.write(b"".join([entry.line + b",\n" for entry in entries]))

    def finish(self, manifest: Manifest) -> None:
        self._file.write(orjson.dumps(manifest_entry(manifest)) + b"\n]\n")

    def close(self) -> None:
        pass


def writer(file: IO[bytes]) -> FileWriter:
    """Return a writer to a stream."""
    return _ArrayWriter(file)


def read(file: IO[bytes], _most: int = 0, /) -> Iterator[Entry | Manifest]:
    """Yield the elements one after another."""
    yield from map(entry_of, values_of(file))


def values_of(file: IO[bytes]) -> Iterator[Any]:
    """Yield the elements of an array, or the values of a sequence, whichever the file holds.

    Raises:
        InvalidValueError: the file holds neither, or was cut off.
    """
    return _Parsing(_decoded(file)).values()


def _decoded(file: IO[bytes]) -> Callable[[int], str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()

    def read(size: int) -> str:
        while True:
            data = file.read(size)
            try:
                text: str = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                raise InvalidValueError(f"the file is not UTF-8: {error.reason}") from None
            if text or not data:
                return text

    return read


class _Parsing:
    """A parser of the values of a text, which it reads piece by piece on demand."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0

    def values(self) -> Iterator[Any]:
        """Yield the elements of the array, or the values of the sequence."""
        if self._next() == "[":
            self._at += 1
            yield from self._elements()
            if self._next():
                raise InvalidValueError("there is more after the end of the array")
            return
        while self._next():
            yield self._value()

    def _elements(self) -> Iterator[Any]:
        if self._next() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            following = self._next()
            if following not in (",", "]"):
                what = f"{following!r} follows it" if following else "the file ends after it"
                raise InvalidValueError(f"{what}, in place of ',' or ']': it was cut or altered")
            self._at += 1
            if following == "]":
                return

    def _next(self) -> str:
        """Return the next character that is not white space; "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _value(self) -> Any:
        self._next()
        while True:
            try:
                value, self._at = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut_off = error.msg.startswith("Unterminated") or (
                    error.pos >= len(self._text) - _NEAR_THE_END
                )
                if not (cut_off and self._more()):
                    raise InvalidValueError(f"it is not JSON: {error.msg}") from None
            except (ValueError, RecursionError) as error:
                raise InvalidValueError(f"it cannot be read as JSON: {error}") from None
            else:
                return value

    def _more(self) -> bool:
        """Read more, doubling the text of an unfinished value; return whether there was more."""
        self._text, self._at = self._text[self._at :], 0
        piece = self._read(max(_CHUNK, len(self._text)))
        self._text += piece
        return bool(piece)
