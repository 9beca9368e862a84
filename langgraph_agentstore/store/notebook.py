"""HTML tables that notebooks show for a store and its records; all text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from .notebook_sql import MOST_NAMESPACES, MOST_RECORDS, Glimpse

Look = Callable[[], "Sequence[Glimpse] | None"]


def facts_table(facts: Mapping[str, object]) -> str:
    """Return a table of two columns: names and values."""
    rows = "".join(
        f"<tr><th>{_cell(name)}</th><td>{_cell(v)}</td></tr>" for name, v in facts.items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def rows_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with a header."""
    head = "".join(f"<th>{_cell(name)}</th>" for name in header)
    body = "".join(
        f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def plain_text(text: str) -> str:
    """Return the text in a fixed-width font."""
    return f"<pre>{escape(text)}</pre>"


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{escape(text)}</p>"


def shortened(text: str, length: int) -> str:
    """Cut a long text and append an ellipsis."""
    return text if len(text) <= length else f"{text[:length]}…"


def store_html(shown: str, place: str, schema: str, look: Look) -> str:
    """Return the HTML of a store: its address, and the namespaces that `look` finds.

    `look` returns None before the store opens. If the server cannot be asked, show `shown`: a
    notebook must not fail because of a display.
    """
    try:
        found = look()
    except Exception:
        return plain_text(shown)
    facts = facts_table({"AgentStore": place, "schema": schema})
    if found is None:
        return facts + paragraph("Not opened yet: the first operation connects.")
    if not found:
        return facts + paragraph("No records.")
    rows = [
        (glimpse.user_id or "(shared)", ":".join(glimpse.labels), _counted(glimpse.records))
        for glimpse in found[:MOST_NAMESPACES]
    ]
    more = paragraph("… and more namespaces.") if len(found) > MOST_NAMESPACES else ""
    return facts + rows_table(("user", "namespace", "records"), rows) + more


def _counted(records: int) -> str:
    return f"{records}" if records < MOST_RECORDS else f"{records} or more"


def _cell(value: object) -> str:
    # Texts of several lines keep them.
    text = escape("" if value is None else str(value))
    return f"<pre>{text}</pre>" if "\n" in text else text
