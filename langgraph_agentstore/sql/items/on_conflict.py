"""What a put does where there is an item already, with or without an index."""

from __future__ import annotations

EXPIRED = "i.expires_at <= excluded.updated_at"


def replacing(value: str = "excluded.value", *, keeping_ttl: bool = False) -> str:
    """What DO UPDATE sets; `value` becomes the item's.

    An expired item counts as absent: what replaces it was created now and inherits nothing. Its
    version goes on all the same, so that none means two values until the item is deleted.
    """
    if keeping_ttl:
        value = f"CASE WHEN {EXPIRED} THEN excluded.value ELSE {value} END"
    return f"""
       value      = {value},
       words      = excluded.words,
       word_count = excluded.word_count,
       words_by   = excluded.words_by,
       indexed_paths = excluded.indexed_paths,
       version    = i.version + 1,
       created_at = CASE WHEN {EXPIRED}
                         THEN excluded.created_at ELSE i.created_at END,
       metadata   = CASE WHEN {EXPIRED}
                         THEN excluded.metadata ELSE i.metadata || excluded.metadata END,
       created_by = CASE WHEN {EXPIRED}
                         THEN excluded.created_by ELSE i.created_by END,
       updated_at = excluded.updated_at,
       expires_at = {_kept("excluded.updated_at + i.ttl", "expires_at", keeping_ttl)},
       ttl        = {_kept("i.ttl", "ttl", keeping_ttl)}"""


def _kept(own: str, column: str, keeping_ttl: bool) -> str:
    if not keeping_ttl:
        return f"excluded.{column}"
    return f"CASE WHEN {EXPIRED} THEN excluded.{column} ELSE {own} END"


REPLACE = replacing()

ONLY_WHERE_ABSENT = f" WHERE {EXPIRED}"

COLUMNS = "user_id, namespace, key, place, value, created_at, updated_at, expires_at, ttl"

AUTHORED = "metadata, created_by"
"""The columns of a put that says more than LangGraph's do."""
