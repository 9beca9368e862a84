"""HTML that notebooks show for data stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..html_tables import facts_table, paragraph, plain_text, rows_table, shortened
from ..store.executor import READY
from .ops_log import PREVIEW_LENGTH
from .sql.administration import plan_glance

if TYPE_CHECKING:
    from .base import Proxy

FIRST_RECORDS = 10


def data_store_html(proxy: Proxy) -> str:
    """Return the HTML of a namespace: its facts, its count and its first records.

    Counts no read. If the server cannot be asked, show the plain repr.
    """
    if proxy.access == "write":
        return proxy_html(proxy) + paragraph("For writing only: records are not shown.")
    operations = proxy._operations
    statement = plan_glance(operations.at, FIRST_RECORDS, PREVIEW_LENGTH + 1, operations.context)
    try:
        proxy._executor.run(READY)  # a display waits for no failover
        count, first = proxy._executor.run(statement)
    except Exception:
        return plain_text(repr(proxy))
    facts = facts_table({**_facts(proxy), "records": count})
    if not first:
        return facts
    rows = [(key, shortened(text, PREVIEW_LENGTH)) for key, text in first]
    more = paragraph(f"… and {count - len(first)} more.") if count > len(first) else ""
    return facts + rows_table(("key", "value"), rows) + more


def proxy_html(proxy: Proxy) -> str:
    """Return the HTML of what is known without asking the server."""
    return facts_table(_facts(proxy))


def _facts(proxy: Proxy) -> dict[str, Any]:
    return {
        type(proxy).__name__: "",
        "user": proxy.user_id,
        "namespace": proxy.namespace,
        "agent": proxy.agent_name,
        "access": proxy.access,
    }
