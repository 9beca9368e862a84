"""What notebooks show, without its styles."""

from __future__ import annotations

import re


def html_of(shown: object) -> str:
    """Return the HTML of an object without the style of its tags."""
    html: str = shown._repr_html_()  # type: ignore[attr-defined]
    return re.sub(r' style="[^"]*"', "", html)
