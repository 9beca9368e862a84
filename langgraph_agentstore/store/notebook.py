"""What a notebook shows of a store: its address and its first namespaces."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from langgraph.store.base import Item

from ..html_tables import facts_table, paragraph, plain_text, rows_table
from ..results.items import item_html
from .namespace_tree import NamespaceTree
from .notebook_sql import MOST_NAMESPACES, MOST_RECORDS, Glimpse

Look = Callable[[], "Sequence[Glimpse] | None"]


def show_items_as_tables() -> None:
    """Let a notebook that is running show LangGraph's items as tables; elsewhere do nothing.

    LangGraph's classes have no HTML of their own, and `get` returns exactly these classes.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is not None:
        shell.display_formatter.formatters["text/html"].for_type(Item, item_html)


def view_html(shown: str, user_id: str, look: Callable[[], NamespaceTree | None]) -> str:
    """Return the HTML of a user's view: the user, and the namespaces that `look` finds."""
    try:
        tree = look()
    except Exception:
        return plain_text(shown)
    facts = facts_table({"user": user_id})
    if tree is None:
        return facts + paragraph("Not opened yet: the first operation connects.")
    return facts + tree._repr_html_()


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
