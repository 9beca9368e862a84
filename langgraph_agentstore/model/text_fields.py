"""The searched texts of a value: LangGraph's field paths, and the parts of long texts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from langgraph.store.base import get_text_at_path

from ..errors import InvalidValueError
from .bigrams import spaced
from .turn_text import PIECE_MARK

Paths: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Each path as it was written, and its tokens."""

Chunk: TypeAlias = Callable[[str], Sequence[str]]

LONGEST_WORDS_BYTES = 256 * 1024
"""Of an item's text, what text search reads: Postgres takes a megabyte of distinct words."""


@dataclass(frozen=True, slots=True)
class Part:
    """One text to embed: its place in the value, and a digest that shows changes."""

    path: str
    text: str

    @property
    def digest(self) -> int:
        """64 bits of the text's hash."""
        digest = hashlib.blake2b(self.text.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)


def parts_of(value: Any, paths: Paths, chunk: Chunk | None) -> tuple[Part, ...]:
    """Return the texts that an item is embedded as, in the order of the paths, without blank ones.

    Raises:
        InvalidValueError: `chunk` returned something other than texts.
    """
    texts = ((path, text) for path, tokens in paths for text in texts_at(value, tokens))
    return tuple(Part(path, piece) for path, text in texts for piece in _chunks(text, chunk))


def words_of(value: Any, paths: Paths) -> str:
    """Return the text that text search reads: for `$`, the strings and numbers without keys.

    Scripts without spaces are spaced: see `bigrams.py`.
    """
    found: list[str] = []
    for _, tokens in paths:
        if tokens == ("$",):
            found.extend(_leaves(value))
        else:
            found.extend(texts_at(value, tokens))
    return searchable("\n".join(found))


def searchable(text: str) -> str:
    """Return the text in the form that text search reads, cut to `LONGEST_WORDS_BYTES`."""
    # Twice: few characters become many, and none are worked on that cannot count.
    return _cut_text(spaced(_cut_text(text))).replace(PIECE_MARK, " ")


def chunk_by_size(size: int) -> Chunk:
    """Cut a text into parts of at most `size` characters, between words where possible."""

    def chunk(text: str) -> list[str]:
        pieces, start = [], 0
        while len(text) - start > size:
            cut = max(text.rfind(white, start + size // 2, start + size + 1) for white in "\n ")
            end = cut if cut > start else start + size
            pieces.append(text[start:end].strip())
            start = end
        return [*pieces, text[start:].strip()]

    return chunk


def texts_at(value: Any, tokens: tuple[str, ...]) -> list[str]:
    """Return the texts that LangGraph finds at a path, blank ones too; for `$`, the JSON text."""
    return get_text_at_path(value, "$" if tokens == ("$",) else list(tokens))


def _cut_text(text: str) -> str:
    return text.encode()[:LONGEST_WORDS_BYTES].decode(errors="ignore")


def _chunks(text: str, chunk: Chunk | None) -> Iterator[str]:
    pieces: Sequence[object] = [text] if chunk is None else chunk(text)
    for piece in pieces:
        if not isinstance(piece, str):
            raise InvalidValueError(
                f"chunk returned {type(piece).__name__} {piece!r}; it returns the parts of a text, "
                "each a string"
            )
        if piece.strip():
            yield piece


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
