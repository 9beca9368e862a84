"""Which paths a glob pattern can match: exactly, by wcmatch, and roughly, as a LIKE pattern.

Rough means that what it leaves out cannot match. The server leaves those out, the client matches
the rest.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from .._support.optional import imported
from ..errors import InvalidOperationError, StoreTimeoutError

T = TypeVar("T")

LONGEST_PATTERN: Final = 1_000
"""Characters of a regular expression or a glob."""

MATCHING_S: Final = 5.0
"""How long one operation may spend on matching, all files together."""

_LEAST_S: Final = 0.001


class MatchingTimeoutError(StoreTimeoutError):
    """Matching took too long; the dialects say it in their results."""


class MatchingBudget:
    """The time that is left for matching one pattern; what the server takes does not count."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST_PATTERN:
            raise InvalidOperationError(
                f"a pattern has at most {LONGEST_PATTERN} characters, this one {len(pattern)}; "
                "write a shorter one"
            )
        self._left_s = MATCHING_S

    def spend(self, match: Callable[[float], T]) -> T:
        """Run one match, which is given how long it may take.

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
    """A LIKE pattern, in lower case, for all paths that hold the glob's plain parts in order.

    What stands in brackets, braces or between them is not looked at, and neither is anything
    but letters of ASCII, digits, `_`, `.` and `-`: so neither escapes nor the case that a
    platform ignores can leave a path out.
    """
    parts = _PLAIN.findall(_ALTERNATIVES.sub("/", pattern))
    return "%".join(["", *(part.lower().replace("_", r"\_") for part in parts), ""])


def any_path(_: str) -> bool:
    """Match every path: where no glob was given."""
    return True


def glob_matcher(pattern: str) -> Callable[[str], bool]:
    """Match paths by wcmatch's BRACE and GLOBSTAR, as on POSIX everywhere.

    wcmatch makes regular expressions of a pattern, some of which take too long for some paths:
    `regex` runs them within a `MatchingBudget`.

    Raises:
        MissingExtraError: wcmatch or regex is not installed.
        InvalidOperationError: wcmatch refuses the pattern, such as braces of too many
            alternatives; or it is too long.
    """
    glob, regex = imported("wcmatch.glob", "files"), imported("regex", "files")
    budget = MatchingBudget(pattern)
    flags = glob.BRACE | glob.GLOBSTAR | glob.FORCEUNIX
    try:
        positive, negative = glob.translate(pattern, flags=flags)
    except Exception as error:  # its own kinds of error are private
        raise InvalidOperationError(
            f"{pattern!r} is no glob pattern: {error}; write a shorter one"
        ) from error
    assert not negative  # flags without NEGATE
    expressions = [regex.compile(each) for each in positive]

    def matches(path: str, seconds: float) -> bool:
        return any(each.fullmatch(path, timeout=seconds) for each in expressions)

    return lambda path: budget.spend(partial(matches, path))
