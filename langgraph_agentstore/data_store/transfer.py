"""Files of JSON documents, written and read in constant memory."""

from __future__ import annotations

import codecs
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

import orjson

from ..errors import InvalidValueError, ValueTypeError
from ..replacing import replacement_of

Target: TypeAlias = "str | os.PathLike[str] | IO[str] | IO[bytes]"
Source: TypeAlias = "Target | Iterable[Mapping[str, Any]]"

_CHUNK = 2**16
_NEAR_THE_END = 16
"""Characters: a number, a literal or an escape that is cut off is not longer."""


@contextmanager
def written_to(target: Target) -> Iterator[Callable[[bytes], object]]:
    """What takes text for a file; a path has the old file until the new one is whole."""
    if not isinstance(target, (str, os.PathLike)):
        yield _writer(target)
        return
    with replacement_of(Path(target)) as file:
        yield file.write


def _writer(file: IO[str] | IO[bytes]) -> Callable[[bytes], object]:
    if isinstance(file, io.TextIOBase):
        text = file
        return lambda data: text.write(data.decode())
    if callable(getattr(file, "write", None)):
        return file.write  # type: ignore[return-value]
    raise ValueTypeError(f"a path or an open file is needed, got {type(file).__name__}")


def write_documents(documents: Iterable[Mapping[str, Any]], target: Target, *, lines: bool) -> int:
    """Writes an array, each element on a line of its own, or JSON Lines; how many there were."""
    count = 0
    with written_to(target) as write:
        if not lines:
            write(b"[")
        for count, document in enumerate(documents, 1):
            text = orjson.dumps(document)
            write(text + b"\n" if lines else (b"\n" if count == 1 else b",\n") + text)
        if not lines:
            write(b"\n]\n" if count else b"]\n")
    return count


@contextmanager
def documents_of(source: Source) -> Iterator[Iterator[Any]]:
    """The documents of a file, an array or JSON Lines, whichever it is, or of an iterable."""
    if isinstance(source, (str, os.PathLike)):
        with Path(source).open("rb") as file:
            yield _Parsing(_decoded(file)).documents()
    elif isinstance(source, io.TextIOBase):
        yield _Parsing(source.read).documents()
    elif hasattr(source, "read"):
        yield _Parsing(_decoded(source)).documents()
    elif not isinstance(source, (Mapping, bytes)) and hasattr(source, "__iter__"):
        yield iter(source)
    else:
        raise ValueTypeError(
            f"documents come from a path, an open file or an iterable of dicts, got "
            f"{type(source).__name__}"
        )


def _decoded(file: Any) -> Callable[[int], str]:
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
    """The values of a text that is read piece by piece, as they are needed."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0

    def documents(self) -> Iterator[Any]:
        """The elements of the array that the text is, or the values that follow each other."""
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
        """The next character that is no space; empty at the end."""
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
        """Reads on, twice as much of a value that is not at its end."""
        self._text, self._at = self._text[self._at :], 0
        piece = self._read(max(_CHUNK, len(self._text)))
        self._text += piece
        return bool(piece)
