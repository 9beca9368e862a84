"""Files of documents: read the same however they are cut into pieces, written as they are said."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.data_store.transfer import documents_of, write_documents
from langgraph_agentstore.errors import InvalidValueError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
DOCUMENTS = st.lists(st.dictionaries(TEXT, JSON, max_size=4), max_size=5)


class Pieces(io.TextIOBase):
    """A text that comes a few characters at a time, however many are asked for."""

    def __init__(self, text: str, size: int) -> None:
        self._text = text
        self._size = size

    def read(self, size: int | None = -1, /) -> str:
        piece, self._text = self._text[: self._size], self._text[self._size :]
        return piece


class BytePieces:
    """The same of bytes, which may end within a character."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = data
        self._size = size

    def read(self, size: int) -> bytes:
        piece, self._data = self._data[: self._size], self._data[self._size :]
        return piece


def read(source: Any) -> list[Any]:
    with documents_of(source) as documents:
        return list(documents)


@given(DOCUMENTS, st.integers(1, 9), st.booleans(), st.sampled_from([None, 1]))
def test_an_array_is_read_the_same_in_any_pieces(
    documents: list[Any], size: int, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(documents, ensure_ascii=ascii_only, indent=indent)
    assert read(Pieces(text, size)) == documents
    assert read(BytePieces(text.encode(), size)) == documents


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


def test_a_document_larger_than_a_piece_of_the_file_is_read(tmp_path: Path) -> None:
    documents = [{"text": "é" * 300_000, "n": n} for n in range(3)]
    path = tmp_path / "large.json"
    assert write_documents(documents, path, lines=False) == 3
    assert read(path) == documents


def test_what_is_wrong_early_is_told_without_reading_the_rest() -> None:
    class Endless(io.TextIOBase):
        reads = 0

        def read(self, size: int | None = -1, /) -> str:
            self.reads += 1
            assert self.reads < 3
            return '{"a" 1, "b": "x"}' * 5000

    with pytest.raises(InvalidValueError, match="Expecting ':'"):
        read(Endless())


def test_an_array_has_a_document_to_a_line() -> None:
    file = io.StringIO()
    write_documents([{"a": 1}, {"b": "é"}], file, lines=False)
    assert file.getvalue() == '[\n{"a":1},\n{"b":"é"}\n]\n'


def test_json_lines_have_nothing_else() -> None:
    file = io.BytesIO()
    write_documents([{"a": 1}, {"b": "é"}], file, lines=True)
    assert file.getvalue().decode() == '{"a":1}\n{"b":"é"}\n'


def test_a_failing_export_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text("before")

    def documents() -> Any:
        yield {"a": 1}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_documents(documents(), path, lines=False)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
