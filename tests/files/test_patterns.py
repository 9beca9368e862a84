"""What the server leaves out by a LIKE pattern, a glob cannot match."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcmatch import glob

from langgraph_agentstore.files.patterns import glob_matcher, like_of
from tests.files.model import PATHS, globs

FLAGS = glob.BRACE | glob.GLOBSTAR

relative = st.lists(
    st.sampled_from([*"abAB_.-/", "x.py", "é", "[", "]", "{", "}", ",", "*", "!", "\\", " "])
).map("".join)
anything = st.lists(
    st.sampled_from(
        [*"abAB_.-/?*![]{},\\^é ", "**/", "*.py", "{a,b}", "[ab]", "[!a]", "[[:alpha:]]"]
    )
).map("".join)


def passes(like: str, path: str) -> bool:
    """What `lower(path) LIKE like` says; no LIKE pattern of ours has a `?` of LIKE's, `_`."""
    parts = [re.escape(part.replace(r"\_", "_")) for part in like.split("%")]
    ascii_lower = "".join(c.lower() if c.isascii() else c for c in path)
    return re.fullmatch(".*".join(parts), ascii_lower, re.DOTALL) is not None


@given(anything, relative)
def test_no_path_that_matches_is_left_out(pattern: str, path: str) -> None:
    if glob.globmatch(path, pattern, flags=FLAGS):
        assert passes(like_of(pattern), path)
        assert passes(like_of(pattern), "/before/" + path)


@given(globs)
def test_no_odd_path_that_matches_is_left_out(pattern: str) -> None:
    for path in PATHS:
        for seen in (path.lstrip("/"), path.rpartition("/")[2]):
            if glob.globmatch(seen, pattern, flags=FLAGS | glob.IGNORECASE):
                assert passes(like_of(pattern), path)


@pytest.mark.parametrize(
    ("pattern", "like"),
    [
        ("*.py", "%.py%"),
        ("**/*_test.py", r"%\_test.py%"),
        ("src/**/Main.[ch]", "%src%main.%"),
        ("{a,b}c", "%c%"),
        ("a{b,c}d[e]f", "%a%f%"),
        ("[abc", "%abc%"),
        ("é.x", "%.x%"),
        ("**", "%%"),
        ("", "%"),
        ("100%", "%100%"),
    ],
)
def test_a_glob_becomes_its_plain_parts_in_order(pattern: str, like: str) -> None:
    assert like_of(pattern).replace("%%", "%") == like.replace("%%", "%")


@given(anything, relative)
def test_matching_is_wcmatchs(pattern: str, path: str) -> None:
    assert glob_matcher(pattern)(path) == glob.globmatch(path, pattern, flags=FLAGS)
