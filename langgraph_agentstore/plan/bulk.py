"""The statements around a COPY: items go to a staging table first, so that they may replace."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .model import Rules
from .put import COLUMNS, REPLACE


@dataclass(frozen=True, slots=True)
class _Staging:
    name: str
    columns: tuple[str, ...]


STAGING = _Staging("agentstore_load", ("user_id", "namespace", "key", "place", "value", "ttl"))
"""The table that a COPY fills; it exists for one transaction."""


@cache
def bulk_statements(rules: Rules) -> tuple[str, str]:
    """What makes the staging table, and what moves its rows to their place."""
    create = f"""
CREATE TEMPORARY TABLE {STAGING.name} (
    user_id text COLLATE "C", namespace text COLLATE "C", key text COLLATE "C", place text,
    value jsonb, ttl interval
) ON COMMIT DROP"""
    upsert = f"""
INSERT INTO {rules.tables.item} AS i {COLUMNS}
SELECT user_id, namespace, key, place, value, now(), now(), now() + ttl, ttl
  FROM {STAGING.name}
 -- In the order of the primary key: no ring of waiting writers, and index pages in sequence.
 ORDER BY user_id, namespace, key
    ON CONFLICT (user_id, namespace, key) DO UPDATE SET {REPLACE}"""
    return create, upsert
