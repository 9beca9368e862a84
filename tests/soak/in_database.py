"""What the tables say at the end: whose values they hold, whether any is clear, what was kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import DecryptionError
from tests.soak.beliefs import check_owner
from tests.soak.opening import INDEXED, ITEMS, MOVED, Opening, index
from tests.support.faults import execute

CLEAR = r'(n"+: [0-9]|f(ile|act) of )'
"""What stands in every kind of value, and in no key; metadata of records is clear."""

GAPS = (
    "SELECT user_id, namespace, key FROM (SELECT *, lag(new_version) OVER told AS before,"
    " row_number() OVER told AS number FROM {}.item_history"
    " WINDOW told AS (PARTITION BY user_id, namespace, key ORDER BY changed_at, seq)) h"
    " WHERE number > 1 AND version IS DISTINCT FROM before LIMIT 10"
)
"""Each entry replaced what the one before it wrote."""

UNTOLD = (
    "SELECT user_id, namespace, key FROM {}.item i WHERE NOT EXISTS (SELECT 1 FROM"
    " {}.item_history h WHERE h.user_id = i.user_id AND h.namespace = i.namespace"
    " AND h.key = i.key AND h.new_version = i.version) LIMIT 10"
)
"""The last entry wrote what is there."""


def faults_in_database(opening: Opening) -> Iterator[str]:
    for schema in (ITEMS, INDEXED, MOVED):
        options: dict[str, Any] = {"index": index()} if schema == INDEXED else {}
        with opening.owners(schema, **options) as store:
            yield from _crossed(store)
        if opening.has("encryption"):
            yield from _clear(opening, schema)
        if opening.has("history"):
            yield from _untold(opening, schema)


def _crossed(store: AgentStore) -> Iterator[str]:
    try:
        items = list(store.iter_items())
    except DecryptionError as error:
        yield f"a value does not open: {error}"
        return
    for item in items:
        user = item.namespace[1] if item.namespace[:1] == ("users",) else ""
        try:
            check_owner(user, item.value)
        except AssertionError as error:
            yield f"crossed: {item.namespace} {item.key}: {error}"


def _clear(opening: Opening, schema: str) -> Iterator[str]:
    """Words and vectors are clear where the store was told so."""
    columns = execute(
        opening.owner_dsn,
        "SELECT table_name, column_name FROM information_schema.columns JOIN"
        " information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema = %(schema)s AND table_type = 'BASE TABLE'"
        " AND column_name NOT IN ('words', 'metadata')",
        schema=schema,
    )
    for table, column in columns:
        [(count,)] = execute(
            opening.owner_dsn,
            "SELECT count(*) FROM {}.{} WHERE {}::text ~ %(clear)s",
            schema,
            table,
            column,
            clear=CLEAR,
        )
        if count:
            yield f"clear: {count} rows of {schema}.{table}.{column}"


def _untold(opening: Opening, schema: str) -> Iterator[str]:
    for row in execute(opening.owner_dsn, GAPS, schema):
        yield f"history has a gap: {schema} {row}"
    for row in execute(opening.owner_dsn, UNTOLD, schema, schema):
        yield f"history does not tell of {schema} {row}"
