"""Stored text as a person may see it: nothing in it controls the screen, and it is cut in time.

Users store any text. A terminal obeys control characters, and a viewer reorders text at
bidirectional controls, so both are written as escapes. `safe_json` writes valid JSON with the same
guarantee.
"""

from __future__ import annotations

import json
import re
from typing import Any

# Controls, marks and overrides of direction, separators of lines, invisible tags, half characters,
# and the byte order mark. Joiners stay: scripts and emoji need them.
_HOSTILE = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_IN_LINE = re.compile(f"[{_HOSTILE}]")
_IN_TEXT = re.compile(f"(?![\n\t])[{_HOSTILE}]")
_BEYOND_ASCII = re.compile(f"(?![\x00-\x1f])[{_HOSTILE}]")

_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_ELLIPSIS = "…"


def one_line(text: str, longest: int | None = None) -> str:
    """Return a text for one line: what controls the screen as escapes, cut to `longest`."""
    cut = text if longest is None else text[: longest + 1]
    shown = _IN_LINE.sub(_escaped_character, cut)
    return (
        shown if longest is None or len(shown) <= longest else f"{shown[: longest - 1]}{_ELLIPSIS}"
    )


def several_lines(text: str, longest: int | None = None) -> str:
    """Return a text with its line ends and tabs, all other controls as escapes."""
    cut = text if longest is None else text[:longest]
    return _IN_TEXT.sub(_escaped_character, cut)


def safe_json(value: Any, *, indent: int | None = None) -> str:
    """Return JSON in which no character controls the screen; it is read back as the same value."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _BEYOND_ASCII.sub(_json_escape, text)


def bytes_text(count: int) -> str:
    """Return a number of bytes with a unit: `1.5 MB`."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def count_text(number: int, noun: str) -> str:
    """Return a number with its noun: `1 item`, `2,000 items`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _escaped_character(found: re.Match[str]) -> str:
    character = found[0]
    number = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _json_escape(found: re.Match[str]) -> str:
    # JSON writes characters beyond U+FFFF as two halves.
    halves = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{halves[n]:02x}{halves[n + 1]:02x}" for n in range(0, len(halves), 2))
