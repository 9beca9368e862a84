"""What a notebook shows of a store: its address and its first namespaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..html_tables import facts_table, paragraph, plain_text, rows_table
from .notebook_sql import MOST_NAMESPACES, MOST_RECORDS, Glimpse

Look = Callable[[], "Sequence[Glimpse] | None"]


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
