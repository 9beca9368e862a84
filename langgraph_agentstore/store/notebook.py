"""What notebooks show of a store and its records: plain HTML tables, all text escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from ..sql.overview import MOST_NAMESPACES, MOST_RECORDS, Glimpse

Look = Callable[[], "Sequence[Glimpse] | None"]


def facts_table(facts: Mapping[str, object]) -> str:
    """A table of two columns: what, and its value."""
    rows = "".join(
        f"<tr><th>{_cell(name)}</th><td>{_cell(v)}</td></tr>" for name, v in facts.items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def rows_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a header."""
    head = "".join(f"<th>{_cell(name)}</th>" for name in header)
    body = "".join(
        f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def plain_text(text: str) -> str:
    """Text as it is, in a fixed width."""
    return f"<pre>{escape(text)}</pre>"


def paragraph(text: str) -> str:
    """A line of text."""
    return f"<p>{escape(text)}</p>"


def shortened(text: str, length: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= length else f"{text[:length]}…"


def store_html(shown: str, place: str, schema: str, look: Look) -> str:
    """A store: where it is, and the namespaces that a `look` finds, None before it opens.

    Where the server cannot be asked, `shown`: a notebook must not fail for what it displays.
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
