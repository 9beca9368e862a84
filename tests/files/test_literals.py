"""The literal of an expression is in every line that the expression finds."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from langgraph_agentstore.files.expressions import literal_of

_tokens = [
    *"abcA .^$*+?",
    "ab",
    "b*",
    "c+",
    "a?",
    ".*",
    "+?",
    r"\.",
    r"\*",
    r"\\",
    r"\$",
    "é",
    "\n",
]
_more = [
    r"\d",
    r"\w",
    r"\b",
    "|",
    "(",
    ")",
    "[ab]",
    "[",
    "]",
    "{2}",
    "{",
    "}",
    "(?i)",
    "(?:a)",
    "#",
]
expressions = st.lists(st.sampled_from([*_tokens, *_tokens, *_more]), max_size=7).map("".join)
plain = st.lists(st.sampled_from(_tokens), max_size=7).map("".join)
lines = st.lists(st.sampled_from([*"aabbccA .*$\\é\n5]{}#2", "ab", "abc"])).map("".join)


@given(st.one_of(expressions, plain), lines)
def test_whatever_matches_holds_the_literal(pattern: str, line: str) -> None:
    try:
        expression = re.compile(pattern)
    except (re.error, FutureWarning):
        assume(False)
    if expression.search(line):
        assert literal_of(pattern) in line


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("TODO", "TODO"),
        ("^import os$", "import os"),
        (r"os\.path", "os.path"),
        ("def .*itself", "itself"),
        ("colou?r", "colo"),
        ("ab+c", "ab"),
        ("ab*cd", "cd"),
        ("a+?bc", "bc"),
        ("lines?$", "line"),
        ("a|b", ""),
        ("(ab)c", ""),
        ("[ab]cd", ""),
        ("a{0}", ""),
        (r"\w+", ""),
        ("(?i)abc", ""),
        ("", ""),
        (".", ""),
    ],
)
def test_a_pattern_gives_its_longest_literal(pattern: str, literal: str) -> None:
    assert literal_of(pattern) == literal
