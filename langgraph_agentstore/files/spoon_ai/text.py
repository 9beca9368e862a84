"""Dialect 1's words: numbered lines, replacements, matching lines."""

from __future__ import annotations

from collections.abc import Iterable

from ..expressions import FoundIn
from ..line_ends import (
    ANY,
    lines_of,
    replaced_as_shown,
    shown,
)
from .results import GrepMatch

EMPTY = "System reminder: File exists but has empty contents"
LONGEST_ROW = 10_000


def numbered(text: str, offset: int, limit: int) -> str:
    """`limit` lines after the first `offset`, each with its number; or what to say instead."""
    lines = lines_of(text)
    if not any(line.strip() for line in lines):
        return EMPTY
    first = max(0, offset)
    if first >= len(lines):
        return f"Error: Line offset {first} exceeds file length ({len(lines)} lines)"
    shown = lines[first : first + max(0, limit)]
    return "\n".join(row for n, line in enumerate(shown, first + 1) for row in _rows(n, line))


def _rows(number: int, line: str) -> Iterable[str]:
    """A line as one row, or several where it is too long: 7, 7.1, 7.2, …"""
    yield f"{number:6d}\t{line[:LONGEST_ROW]}"
    for part, start in enumerate(range(LONGEST_ROW, len(line), LONGEST_ROW), 1):
        yield f"{f'{number}.{part}':>6}\t{line[start : start + LONGEST_ROW]}"


def replaced(text: str, old: str, new: str, *, everywhere: bool) -> tuple[str, int] | str:
    r"""The text with `new` for `old`, and how often; or the error.

    `old` is what `numbered` showed, unless it has line ends other than "\n": then it is exact.
    """
    if not old:
        return "Error: old_string is empty, so there is nothing to replace; name a text of the file"
    is_exact = shown(old, ANY) != old
    occurrences = (text if is_exact else shown(text, ANY)).count(old)
    if not occurrences:
        return f"Error: String not found in file: '{old}'"
    if occurrences > 1 and not everywhere:
        return (
            f"Error: String '{old}' appears {occurrences} times in file. Use replace_all=True to "
            "replace all instances, or provide a more specific string."
        )
    if is_exact:
        return text.replace(old, new), occurrences
    return replaced_as_shown(text, old, new, ANY), occurrences


def matching_lines(files: Iterable[tuple[str, str]], found_in: FoundIn) -> list[GrepMatch]:
    """The lines in which the expression is found, file by file."""
    return [
        {"path": path, "line": number, "text": line}
        for path, text in files
        for number, line in enumerate(lines_of(text), 1)
        if found_in(line)
    ]
