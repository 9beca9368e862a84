"""HTML for notebooks: tables of plain text, left-aligned, in the colors of the notebook's theme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

_ALIGNED = 'style="text-align:left;vertical-align:top"'
_PARAGRAPH = 'style="text-align:left"'


def facts_table(facts: Mapping[str, object]) -> str:
    """Return a table of two columns: names and values."""
    rows = "".join(
        f"<tr><th {_ALIGNED}>{_cell(name)}</th><td {_ALIGNED}>{_cell(value)}</td></tr>"
        for name, value in facts.items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def rows_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with a header."""
    head = "".join(f"<th {_ALIGNED}>{_cell(name)}</th>" for name in header)
    body = "".join(
        f"<tr>{''.join(f'<td {_ALIGNED}>{_cell(value)}</td>' for value in row)}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def bars_table(header: Sequence[str], rows: Sequence[tuple[str, float]]) -> str:
    """Return a table of names and numbers, each number with a bar relative to the largest."""
    largest = max((number for _, number in rows), default=0.0)
    head = "".join(f"<th {_ALIGNED}>{_cell(name)}</th>" for name in (*header, ""))
    body = "".join(
        f"<tr><td {_ALIGNED}>{_cell(name)}</td><td {_ALIGNED}>{number:.3f}</td>"
        f"<td {_ALIGNED}>{_bar(number / largest if largest > 0 else 0.0)}</td></tr>"
        for name, number in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _bar(share: float) -> str:
    width = round(100 * min(max(share, 0.0), 1.0))
    return f'<div style="width:{width}px;height:0.8em;background:currentColor;opacity:0.5"></div>'


def plain_text(text: str) -> str:
    """Return the text in a fixed-width font."""
    return f"<pre {_PARAGRAPH}>{escape(text)}</pre>"


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p {_PARAGRAPH}>{escape(text)}</p>"


def shortened(text: str, length: int) -> str:
    """Cut a long text and append an ellipsis."""
    return text if len(text) <= length else f"{text[:length]}…"


def _cell(value: object) -> str:
    # Texts of several lines keep them.
    text = escape("" if value is None else str(value))
    return f"<pre {_PARAGRAPH}>{text}</pre>" if "\n" in text else text
