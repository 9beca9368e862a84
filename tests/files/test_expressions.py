"""Regular expressions by RE2: the same lines as Python's `re` finds, in linear time."""

from __future__ import annotations

import re
import sys
import time
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from langgraph_agentstore.errors import InvalidOperationError
from langgraph_agentstore.files import expressions, patterns
from langgraph_agentstore.files.expressions import compiled
from langgraph_agentstore.files.patterns import LONGEST_PATTERN, MatchingTimeoutError, glob_matcher

ATOMS = st.sampled_from(
    [
        *("a", "b", "é", "中", " ", "-", "_", "0", "٣", r"\.", r"\[", r"\u00e9", r"\x61"),
        *(".", r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", "^", "$", r"\A", r"\Z"),
        *("[ab]", "[^ab]", "[]a]", "[^]a]", r"[\w-]", r"[^\s]", r"[\da]", "[[:alpha:]]", r"[\b]"),
        *("[a-cé]", r"[\]a]", r"[\\a]", "[a[b]"),
    ]
)
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{,2}", "{1,}", "{1,2}", "*?", "{,x}"])
SIMPLE = st.builds(str.__add__, ATOMS, REPEATS)
PATTERNS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(str.__add__, inner, inner),
        st.builds("({}|{})".format, inner, inner),
        st.builds("(?:{})+".format, inner),
        st.builds("(?i:{})".format, inner),
        st.builds("(?P<n>{})".format, inner),
    ),
    max_leaves=6,
)
LINES = st.text(st.sampled_from("abcAéÉ中_ 0٣-.[]\\:lph\t\x1c\x85\u3000"), max_size=8)


@given(PATTERNS, LINES)
@example(r"[\s\S]", "é")
@example(r"(?i)É", "é")
@example(r"\w+", "中é")
def test_a_line_is_found_as_python_finds_it(pattern: str, line: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = re.search(pattern, line) is not None
        except re.error:
            with pytest.raises(InvalidOperationError):
                compiled(pattern)
            return
        try:
            found_in = compiled(pattern)
        except InvalidOperationError:
            assert re.search(r"[*+?}][*+?{]", pattern), "RE2 takes no repeat of a repeat"
            return
    assert found_in(line) is wanted


@pytest.mark.parametrize(
    "pattern", [r"(?=a)b", r"(?<!a)b", r"(a)\1", r"(?P<n>a)(?P=n)", "(?x)a b", "a{5000}"]
)
def test_what_re2_lacks_is_an_invalid_pattern(pattern: str) -> None:
    with pytest.raises(InvalidOperationError, match="not supported"):
        compiled(pattern)


@pytest.mark.parametrize("pattern", ["(", "[a", "*a", r"\p{L}", "a" * (LONGEST_PATTERN + 1)])
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidOperationError):
        compiled(pattern)


CATASTROPHES = ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*a){12}$", "(x+x+)+y", "(?:a?){40}a{40}"]


@pytest.mark.parametrize("pattern", CATASTROPHES)
def test_a_catastrophic_expression_takes_no_time(pattern: str) -> None:
    started = time.process_time()
    compiled(pattern)("a" * 5_000 + "!")
    assert time.process_time() - started < 5


def test_without_re2_a_catastrophic_expression_ends_at_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    monkeypatch.setattr(patterns, "MATCHING_S", 0.2)
    found_in = compiled(r"(a|aa)+$")
    assert found_in("aaa")
    with pytest.raises(MatchingTimeoutError, match="simpler pattern"):
        found_in("a" * 10_000 + "!")
    with pytest.raises(InvalidOperationError):
        compiled("(")


def test_the_budget_is_of_all_lines_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "MATCHING_S", 0.05)
    found_in = expressions.compiled("x")
    with pytest.raises(MatchingTimeoutError):
        any(map(found_in, ["a" * 1_000] * 10_000_000))


@pytest.mark.parametrize("pattern", ["**/a/" * 40 + "b", "*a" * 200 + "b", "{a,b}" * 9 + "*c"])
def test_a_glob_bomb_ends_at_its_deadline(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "MATCHING_S", 0.5)
    started = time.process_time()
    try:
        matches = glob_matcher(pattern)
        for path in ("a/" * 1_300, "a" * 2_600):
            assert not matches(path)
    except MatchingTimeoutError:
        pass
    assert time.process_time() - started < 10


def test_a_glob_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidOperationError, match="at most 1000 characters"):
        glob_matcher("a" * (LONGEST_PATTERN + 1))
