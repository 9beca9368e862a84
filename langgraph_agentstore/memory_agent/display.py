"""HTML of a `MemoryAgent` in notebooks: where its memories are, and the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..html_tables import facts_table, paragraph, rows_table, shortened
from ..model.json_values import encode_value

MOST_DISPLAYED: Final = 10
_LONGEST: Final = 200


def agent_html(facts: Mapping[str, object], memories: Sequence[tuple[str, Any]] | str) -> str:
    """Return the facts of an agent and a table of its memories, at most `MOST_DISPLAYED` of them.

    A text in place of the memories tells why they are not shown.
    """
    head = facts_table(facts)
    if isinstance(memories, str) or not memories:
        return head + paragraph(memories if isinstance(memories, str) else "No memories.")
    rows = [
        (key, shortened(encode_value(data).decode(), _LONGEST))
        for key, data in memories[:MOST_DISPLAYED]
    ]
    more = paragraph("… and more memories.") if len(memories) > MOST_DISPLAYED else ""
    return head + rows_table(("key", "data"), rows) + more
