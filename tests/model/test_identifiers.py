"""Names in code are words of their own beside their stems."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.model.identifiers import MOST_IDENTIFIERS, as_written, with_identifiers


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("call parse_rows(x, y_z)", "i0parse0rows i0y0z"),
        ("getUserById", "i0getuserbyid"),
        ("HTTPServer2.run", "i0httpserver2"),
        ("self.größe_max", "i0größe0max"),
        ("Paris in May, 2_000 rows, APIs, _x, __init__, I'm", None),
        ("snake_" + "a" * 200, None),
    ],
)
def test_a_word_with_an_underscore_or_a_capital_inside_is_an_identifier(
    text: str, words: str | None
) -> None:
    assert with_identifiers(text) == (text if words is None else f"{text}\n{words}")


@given(st.text(st.sampled_from("aB_0 .é"), max_size=30))
def test_a_text_stays_as_it_is_in_front_of_them(text: str) -> None:
    assert with_identifiers(text).startswith(text)


def test_of_a_long_text_not_all_are_words() -> None:
    assert with_identifiers("a_b " * 10_000).count("i0a0b") == MOST_IDENTIFIERS


def test_words_are_shown_as_the_query_has_them() -> None:
    assert as_written(["i0parse0rows", "pars", "i0other"], "why parse_rows?") == (
        "parse_rows",
        "pars",
        "i0other",
    )
