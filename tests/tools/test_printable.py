"""Stored text as people see it: harmless, and cut."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.tools.printable import bytes_text, one_line, safe_json, several_lines

ANY_TEXT = st.text(st.characters() | st.sampled_from("\x1b\x9b\u202e\u2066\ufeff\U000e0041\r\n\t"))


def is_harmless(text: str, allowed: str = "") -> bool:
    """Whether no character is a control or a mark that is not meant to be seen."""
    bad = ("Cc", "Cs", "Zl", "Zp")
    directions = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    rest = [c for c in text if c not in allowed]
    return not any(unicodedata.category(c) in bad or c in directions for c in rest)


@given(ANY_TEXT)
def test_one_line_has_nothing_that_controls_a_screen(text: str) -> None:
    assert is_harmless(one_line(text))
    assert is_harmless(several_lines(text), "\n\t")


@given(ANY_TEXT, st.integers(1, 20))
def test_a_cut_line_is_no_longer_than_asked(text: str, longest: int) -> None:
    shown = one_line(text, longest)
    assert len(shown) <= longest
    assert shown == one_line(text) or shown.endswith("…")


@given(
    st.recursive(ANY_TEXT | st.integers() | st.booleans(), lambda x: st.dictionaries(ANY_TEXT, x))
)
def test_safe_json_is_read_back_and_controls_nothing(value: object) -> None:
    text = safe_json(value)
    assert json.loads(text) == value
    assert is_harmless(text)
    assert is_harmless(safe_json(value, indent=2), "\n")


def test_escapes_name_the_character() -> None:
    assert one_line("a\x1b[2J\n\u202eb\U000e0041\ud800") == (
        "a\\x1b[2J\\n\\u202eb\\U000e0041\\ud800"
    )


def test_what_scripts_need_stays() -> None:
    text = "שלום می\u200cخواهم 👩\u200d🚀 naïve"
    assert one_line(text) == several_lines(text) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (123_456, "123 kB"), (5 * 10**13, "50.0 TB")],
)
def test_bytes_have_a_unit(count: int, text: str) -> None:
    assert bytes_text(count) == text


def test_a_value_of_a_megabyte_is_cut_before_it_is_escaped() -> None:
    assert several_lines("\x00" * 10**6, 10) == "\\x00" * 10
