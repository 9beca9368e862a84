"""Which paths a glob pattern can match: exactly, by wcmatch, and roughly, as a LIKE pattern.

Rough means that what it leaves out cannot match. The server leaves those out, the client matches
the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from .._support.optional import imported
from ..errors import InvalidOperationError
from .budget import MatchingBudget

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
