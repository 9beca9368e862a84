"""What notebooks show of data stores and records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ..runtime.jobs.maintenance import HEALTH
from ..store.notebook import (
    facts_table,
    paragraph,
    plain_text,
    rows_table,
    shortened,
)
from .sql.administration import plan_glance

if TYPE_CHECKING:
    from .base import Proxy
    from .models import DataStoreRecord

FIRST_RECORDS = 10
PREVIEW_LENGTH = 200
VALUE_LENGTH = 2000


def data_store_html(proxy: Proxy) -> str:
    """A namespace: whose, how many records, and the first of them; counts no access.

    Where the server cannot be asked, the plain repr.
    """
    if proxy.access == "write":
        return proxy_html(proxy) + paragraph("For writing only: records are not shown.")
    operations = proxy._operations
    statement = plan_glance(operations.at, FIRST_RECORDS, PREVIEW_LENGTH + 1, operations.context)
    try:
        proxy._executor.run(HEALTH)  # a display waits for no failover
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
    """Who and where: what is known without asking the server."""
    return facts_table(_facts(proxy))


def record_html(record: DataStoreRecord) -> str:
    """A record, whole; a long value is cut."""
    facts = {name: getattr(record, name) for name in type(record).model_fields}
    moments = {
        name: facts[name].isoformat() for name in facts if name.endswith("_at") and facts[name]
    }
    texts = {
        "value": shortened(_as_json(record.value), VALUE_LENGTH),
        "metadata": shortened(_as_json(record.metadata), VALUE_LENGTH),
    }
    return facts_table({**facts, **moments, **texts})


def _facts(proxy: Proxy) -> dict[str, Any]:
    return {
        type(proxy).__name__: "",
        "user": proxy.user_id,
        "namespace": proxy.namespace,
        "agent": proxy.agent_name,
        "access": proxy.access,
    }


def _as_json(value: object) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except TypeError:  # a record made by hand may hold anything
        return repr(value)
