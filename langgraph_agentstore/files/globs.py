"""Which paths a glob pattern can match: exactly, by wcmatch, and roughly, as a LIKE pattern.

Rough means that what it leaves out cannot match. The server leaves those out, the client matches
the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import InvalidOperationError
from ..extras import imported

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


def glob_matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a path matches, by wcmatch's BRACE and GLOBSTAR, as on POSIX everywhere.

    Raises:
        MissingExtraError: wcmatch is not installed.
        InvalidOperationError: wcmatch refuses the pattern, such as braces of too many
            alternatives.
    """
    glob = imported("wcmatch.glob", "files")
    flags = glob.BRACE | glob.GLOBSTAR | glob.FORCEUNIX
    try:
        compiled = glob.compile(pattern, flags=flags)
    except Exception as error:  # its own kinds of error are private
        raise InvalidOperationError(
            f"{pattern!r} is no glob pattern: {error}; write a shorter one"
        ) from error
    return lambda path: bool(compiled.match(path))
