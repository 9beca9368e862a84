r"""How a text is split into lines, and edited in the form in which its lines were shown.

A reader is shown lines joined by "\n", whatever ends them in the file. So an edit looks for its
text in that form, and puts back the line ends that the file has: one rule for reading, finding
and editing.
"""

from __future__ import annotations

import re
from typing import Final

BYTE_ORDER_MARK: Final = "\ufeff"

ANY: Final = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""The line ends of `str.splitlines`."""

UNIVERSAL: Final = re.compile("\r\n|[\n\r]")
"""The line ends of Unix, Windows and old Macs."""

_ADDED = re.compile(r"(?<!\r)\n")
_COMMON = frozenset(["\n", "\r\n", "\r"])


def lines_of(text: str) -> list[str]:
    """Splits a text as `str.splitlines` does, without its byte order mark."""
    return text.removeprefix(BYTE_ORDER_MARK).splitlines()


def shown(text: str, line_end: re.Pattern[str]) -> str:
    r"""Writes every line end as "\n"."""
    return line_end.sub("\n", text)


def replaced_as_shown(text: str, old: str, new: str, line_end: re.Pattern[str]) -> str:
    r"""Replaces `old` wherever it is in the text as shown, and keeps the file's own line ends.

    A "\n" of `new` becomes the line end that stood in its place, or one as near it as there is.
    """
    ends = _LineEnds(line_end.findall(text))
    first, *rest = shown(text, line_end).split(old)
    made = [ends.put_into(first)]
    for part in rest:
        made += [ends.put_in_place(old, new), ends.put_into(part)]
    return "".join(made)


class _LineEnds:
    """The line ends of a file, one after another."""

    def __init__(self, ends: list[str]) -> None:
        self._ends = iter(ends)
        self._nearest = next((end for end in ends if end in _COMMON), "\n")

    def put_into(self, part: str) -> str:
        """The part of the text with its own line ends."""
        first, *lines = part.split("\n")
        return "".join([first, *(self._next() + line for line in lines)])

    def put_in_place(self, old: str, new: str) -> str:
        """The new text with the line ends of the old one, and more like them."""
        taken = iter([self._next() for _ in range(old.count("\n"))])
        return _ADDED.sub(lambda _: next(taken, self._nearest), new)

    def _next(self) -> str:
        end = next(self._ends)
        if end in _COMMON:
            self._nearest = end
        return end
