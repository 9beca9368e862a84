"""A store with everything that a record can have, and what a whole store holds."""

from __future__ import annotations

from typing import Any

import psycopg
from langgraph.store.base import BaseStore, PutOp

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conformance.facts.hostile import TEXTS

VALUES: dict[str, Any] = {
    "object": {"n": 1, "deep": [{"a": [None, True]}]},
    "null": None,
    "false": False,
    "zero": 0,
    "empty text": "",
    "empty list": [],
    "smallest": -(2**63),
    "largest": 2**64 - 1,
    "float": 0.1,
    "whole float": 2.0**63,
    "tiny": 5e-324,
    "one point zero": 1.0,
    "text": "é 👩‍👩‍👧 \u2028 \x85 \\u0000 </script> \r\n,\"' # manifest",
    "number as text": "1e3",
    "yes": "yes",
    "date": "2024-01-02",
}

DOCUMENT: dict[str, Any] = {
    "_id": "ann:files:repo:YQ==",
    "userId": "ann",
    "namespace": "files:repo",
    "key": "a",
    "value": {"n": 1},
    "metadata": {"by": "hand"},
    "createdByAgent": "scout",
    "lastAccessedByAgent": "reader",
    "accessCount": 3,
    "createdAt": "2024-01-02T03:04:05.678901",
    "updatedAt": "2024-01-03T03:04:05Z",
    "lastAccessedAt": "2024-01-04T05:04:05+02:00",
}
"""A record as the original `data_store` writes it, with both forms of time."""


def fill(store: AgentStore) -> int:
    """Writes records of every kind: users, the shared space, metadata, TTLs, counts, versions."""
    ann = DataStore(store, "ann", "scout", "files:repo")
    for key, value in VALUES.items():
        ann.set(key, value, {"of": key, "n": [1, 1.5]})
    ann.set("object", VALUES["object"])
    ann.set("expiring", 1, ttl=90.25)
    for _ in range(3):
        ann.get("object")
    ann.flush()
    bob = DataStore(store, "bob:and%3Ason\r\n", "writer", ":odd::labels.")
    for number, text in enumerate(TEXTS.values()):
        bob.set(text, {"text": text, "number": number})
    store.put(("docs", "with:colon"), "shared", {"n": 1})
    store.put(("users", "cy", "notes"), "tuple", {"n": 1}, ttl=600)
    return store.count()


def rows(dsn: str, schema: str) -> list[tuple[Any, ...]]:
    """All that the tables say of the items, as text."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            f"""SELECT i.user_id, i.namespace, i.key, i.place, i.value::text, i.metadata::text,
                       i.version, i.created_by, i.created_at, i.updated_at, i.expires_at, i.ttl,
                       a.item_created_at, a.access_count, a.last_accessed_at, a.last_accessed_by
                  FROM "{schema}".item i LEFT JOIN "{schema}".item_access a
                 USING (user_id, namespace, key) ORDER BY 1, 2, 3"""
        ).fetchall()


def put_many(store: BaseStore, count: int) -> None:
    """So many small items of three users."""
    store.batch(
        [PutOp(("users", f"u{n % 3}", "notes"), f"k{n:06}", {"n": n}) for n in range(count)]
    )
