"""Globs: an exact matcher by wcmatch, and a rough LIKE pattern for the server.

The LIKE pattern leaves out only paths that cannot match; the client matches the rest exactly.
Patterns come from models or strangers, so their length and the time of matching are limited.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from .._support.optional import imported
from ..errors import InvalidOperationError, StoreTimeoutError

FoundT = TypeVar("FoundT")

LONGEST_PATTERN: Final = 1_000
"""The maximum length of a regular expression or a glob, in characters."""

MATCHING_S: Final = 5.0
"""The time that one operation may spend on matching, for all files together."""

_LEAST_S: Final = 0.001


class MatchingTimeoutError(StoreTimeoutError):
    """Matching took too long; the results of both dialects report it."""


class MatchingBudget:
    """The time left for matching one pattern; the time of the server does not count."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST_PATTERN:
            raise InvalidOperationError(
                f"a pattern has at most {LONGEST_PATTERN} characters, this one {len(pattern)}; "
                "write a shorter one"
            )
        self._left_s = MATCHING_S

    def spend(self, match: Callable[[float], FoundT]) -> FoundT:
        """Run one match; its argument is the time that it may take, in seconds.

        Raises:
            MatchingTimeoutError: the budget is spent.
        """
        started = time.monotonic()
        try:
            found = match(max(self._left_s, _LEAST_S))
        except TimeoutError:
            raise self._spent() from None
        self._left_s -= time.monotonic() - started
        if self._left_s <= 0:
            raise self._spent()
        return found

    @staticmethod
    def _spent() -> MatchingTimeoutError:
        return MatchingTimeoutError(
            f"matching took longer than {MATCHING_S:g} s; write a simpler pattern, or name a folder"
        )


_ALTERNATIVES = re.compile(r"[\[{].*[\]}]", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z0-9_.\-]+")


def like_of(pattern: str) -> str:
    """Return a lower-case LIKE pattern for all paths with the plain parts of a glob in order.

    Plain parts are ASCII letters, digits, `_`, `.` and `-`, outside of brackets and braces. So
    neither escapes nor a difference in case can leave out a path that the glob matches.
    """
    parts = _PLAIN.findall(_ALTERNATIVES.sub("/", pattern))
    return "%".join(["", *(part.lower().replace("_", r"\_") for part in parts), ""])


def any_path(_: str) -> bool:
    """Match every path, for searches without a glob."""
    return True


def glob_matcher(pattern: str) -> Callable[[str], bool]:
    """Return a matcher with wcmatch's BRACE and GLOBSTAR, with POSIX paths on every platform.

    wcmatch translates a pattern to regular expressions, which may take very long for some paths:
    `regex` runs them within a `MatchingBudget`.

    Raises:
        MissingExtraError: wcmatch or regex is not installed.
        InvalidOperationError: the pattern is too long, or wcmatch refuses it, for example braces
            with too many alternatives.
    """
    glob, regex = imported("wcmatch.glob", "files"), imported("regex", "files")
    budget = MatchingBudget(pattern)
    flags = glob.BRACE | glob.GLOBSTAR | glob.FORCEUNIX
    try:
        positive, negative = glob.translate(pattern, flags=flags)
    except Exception as error:  # wcmatch's error classes are private
        raise InvalidOperationError(
            f"{pattern!r} is not a glob pattern: {error}; write a shorter one"
        ) from error
    assert not negative  # The flags exclude NEGATE.
    expressions = [regex.compile(each) for each in positive]

    def matches(path: str, seconds: float) -> bool:
        return any(each.fullmatch(path, timeout=seconds) for each in expressions)

    return lambda path: budget.spend(partial(matches, path))
