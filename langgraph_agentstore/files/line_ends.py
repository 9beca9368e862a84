r"""Line ends: splitting a text into lines, and editing it as its lines were shown.

Readers see lines joined by "\n", whatever line ends the file has. So an edit searches for its text
in that form and restores the line ends of the file. Reading, finding and editing share this rule.
"""

from __future__ import annotations

import re
from typing import Final

BYTE_ORDER_MARK: Final = "\ufeff"

ANY: Final = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""The line ends of `str.splitlines`."""

UNIVERSAL: Final = re.compile("\r\n|[\n\r]")
"""The line ends of Unix, Windows and classic Mac OS."""

_ADDED = re.compile(r"(?<!\r)\n")
_COMMON = frozenset(["\n", "\r\n", "\r"])


def lines_of(text: str) -> list[str]:
    """Split a text as `str.splitlines` does, without its byte order mark."""
    return text.removeprefix(BYTE_ORDER_MARK).splitlines()


def with_lf(text: str, line_end: re.Pattern[str]) -> str:
    r"""Return the text with every line end as "\n"."""
    return line_end.sub("\n", text)


def replaced_as_shown(text: str, old: str, new: str, line_end: re.Pattern[str]) -> str:
    r"""Replace every `old` in the text as shown, and keep the line ends of the file.

    A "\n" of `new` becomes the line end at its position in `old`, or else the nearest one.
    """
    ends = _LineEnds(line_end.findall(text))
    first, *rest = with_lf(text, line_end).split(old)
    made = [ends.put_into(first)]
    for part in rest:
        made += [ends.put_in_place(old, new), ends.put_into(part)]
    return "".join(made)


class _LineEnds:
    """The line ends of a file, in order."""

    def __init__(self, ends: list[str]) -> None:
        self._ends = iter(ends)
        self._nearest = next((end for end in ends if end in _COMMON), "\n")

    def put_into(self, part: str) -> str:
        """Return a part of the text with its original line ends."""
        first, *lines = part.split("\n")
        return "".join([first, *(self._next() + line for line in lines)])

    def put_in_place(self, old: str, new: str) -> str:
        """Return the new text with the line ends of the old one, and more like the nearest."""
        taken = iter([self._next() for _ in range(old.count("\n"))])
        return _ADDED.sub(lambda _: next(taken, self._nearest), new)

    def _next(self) -> str:
        end = next(self._ends)
        if end in _COMMON:
            self._nearest = end
        return end
