"""One rule for lines: what a reader was shown can be found and replaced."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.files.line_ends import (
    ANY,
    UNIVERSAL,
    lines_of,
    replaced_as_shown,
    with_lf,
)

texts = st.text(st.sampled_from("ab\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\ufeff"), max_size=20)
olds = st.text(st.sampled_from("ab\n"), min_size=1, max_size=3)
line_ends = st.sampled_from([ANY, UNIVERSAL])


@given(texts)
def test_line_ends_are_those_of_splitlines(text: str) -> None:
    lines = with_lf(text, ANY).split("\n")
    assert text.splitlines() == (lines[:-1] if lines[-1] == "" else lines)


@given(texts, olds, line_ends)
def test_a_text_replaced_by_itself_leaves_the_file_as_it_was(
    text: str, old: str, line_end: re.Pattern[str]
) -> None:
    assert replaced_as_shown(text, old, old, line_end) == text


@given(texts, olds, texts.filter(lambda new: "\r" not in new), line_ends)
def test_an_edited_file_shows_the_edited_text(
    text: str, old: str, new: str, line_end: re.Pattern[str]
) -> None:
    # A "\r" before a "\n" would be one line end, which neither text has.
    text = text.replace("\r", "\r\n")
    made = replaced_as_shown(text, old, new, line_end)
    expected = with_lf(text, line_end).replace(old, new)
    assert with_lf(made, line_end) == with_lf(expected, line_end)


@pytest.mark.parametrize(
    ("text", "old", "new", "made"),
    [
        ("a\r\nb\r\n", "a\nb", "x\ny", "x\r\ny\r\n"),
        ("a\r\nb\r\n", "a", "x\ny", "x\r\ny\r\nb\r\n"),
        ("a\r\nb\nc\n", "b\nc", "x\ny\nz", "a\r\nx\ny\nz\n"),
        ("a\nb\r\nc", "b\nc", "x\ny\nz", "a\nx\r\ny\r\nz"),
        ("a\rb", "a\nb", "x\n\ny", "x\r\ry"),
        ("a\r\nb\r\n", "a\nb", "x\r\ny\nz", "x\r\ny\r\nz\r\n"),
        ("a\u2028b", "a\nb", "x\ny\nz", "x\u2028y\nz"),
        ("a\r\nb", "\nb", "", "a"),
    ],
)
def test_new_lines_end_as_those_around_them(text: str, old: str, new: str, made: str) -> None:
    assert replaced_as_shown(text, old, new, ANY) == made


def test_a_byte_order_mark_belongs_to_no_line() -> None:
    assert lines_of("\ufeffa\nb") == ["a", "b"]
    assert lines_of("\ufeff") == []
    assert lines_of("a\ufeff") == ["a\ufeff"]
