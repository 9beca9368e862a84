"""The text that a line must hold for a regular expression to match it."""

from __future__ import annotations

import re

_TOO_MUCH = re.compile(r"[|(\[{]|\\[A-Za-z0-9]")
_TOKEN = re.compile(r"[.^$][*?+]*|\\?(?P<char>.)(?P<times>[*?+]*)", re.DOTALL)


def literal_of(pattern: str) -> str:
    """The longest literal that every match holds, "" if none is known.

    Groups, alternatives, classes, counts and escapes with a meaning are not looked into: a
    pattern with one of them gives "".
    """
    if _TOO_MUCH.search(pattern):
        return ""
    runs = [""]
    for token in _TOKEN.finditer(pattern):
        char, times = token["char"], token["times"]
        if char is None:
            runs.append("")
        elif not times:
            runs[-1] += char
        else:  # "ab*c" holds "a" and "c"; "ab+c" holds "ab" and "c"
            runs[-1] += char if times[0] == "+" else ""
            runs.append("")
    return max(runs, key=len)
