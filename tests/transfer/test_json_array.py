"""JSON is read the same however it is cut into pieces."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.errors import InvalidValueError
from langgraph_agentstore.transfer.formats.json_array import values_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
DOCUMENTS = st.lists(st.dictionaries(TEXT, JSON, max_size=4), max_size=5)


class Pieces(io.RawIOBase):
    """Bytes that come a few at a time, however many are asked for, and may end in a character."""

    def __init__(self, text: str, size: int) -> None:
        self._data = text.encode()
        self._size = size

    def read(self, size: int = -1, /) -> bytes:
        piece, self._data = self._data[: self._size], self._data[self._size :]
        return piece


def read(source: Any) -> list[Any]:
    return list(values_of(source))


@given(DOCUMENTS, st.integers(1, 9), st.booleans(), st.sampled_from([None, 1]))
def test_an_array_is_read_the_same_in_any_pieces(
    documents: list[Any], size: int, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(documents, ensure_ascii=ascii_only, indent=indent)
    assert read(Pieces(text, size)) == documents


@given(DOCUMENTS, st.integers(1, 9), st.booleans())
def test_lines_are_read_the_same_in_any_pieces(
    documents: list[Any], size: int, ascii_only: bool
) -> None:
    text = "\n".join(json.dumps(one, ensure_ascii=ascii_only) for one in documents)
    assert read(Pieces(text, size)) == documents


@given(DOCUMENTS.filter(bool), st.data())
def test_an_array_that_is_cut_anywhere_is_refused(documents: list[Any], data: Any) -> None:
    text = json.dumps(documents)
    kept = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(InvalidValueError):
        read(Pieces(text[:kept], 7))


def test_a_document_larger_than_a_piece_of_the_file_is_read() -> None:
    documents = [{"text": "é" * 300_000, "n": n} for n in range(3)]
    assert read(io.BytesIO(json.dumps(documents, ensure_ascii=False).encode())) == documents


def test_what_is_wrong_early_is_told_without_reading_the_rest() -> None:
    class Endless(io.RawIOBase):
        reads = 0

        def read(self, size: int = -1, /) -> bytes:
            self.reads += 1
            assert self.reads < 3
            return b'{"a" 1, "b": "x"}' * 5000

    with pytest.raises(InvalidValueError, match="Expecting ':'"):
        read(Endless())


def test_a_file_that_is_nested_too_deep_is_refused() -> None:
    """A parser that builds a path of each level takes gigabytes for such a file."""
    with pytest.raises(InvalidValueError, match="recursion"):
        read(io.BytesIO(b"[" * 100_000 + b"]" * 100_000))
