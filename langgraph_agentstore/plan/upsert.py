"""What a put does where there is an item already, with or without an index."""

from __future__ import annotations

# An expired item counts as absent: what replaces it was created now and inherits nothing. Its
# version goes on all the same, so that none means two values until the item is deleted.
REPLACE = """
       value      = excluded.value,
       words      = excluded.words,
       word_count = excluded.word_count,
       words_by   = excluded.words_by,
       indexed_paths = excluded.indexed_paths,
       version    = i.version + 1,
       created_at = CASE WHEN i.expires_at <= excluded.updated_at
                         THEN excluded.created_at ELSE i.created_at END,
       metadata   = CASE WHEN i.expires_at <= excluded.updated_at
                         THEN excluded.metadata ELSE i.metadata END,
       created_by = CASE WHEN i.expires_at <= excluded.updated_at
                         THEN excluded.created_by ELSE i.created_by END,
       updated_at = excluded.updated_at,
       expires_at = excluded.expires_at,
       ttl        = excluded.ttl"""

ONLY_WHERE_ABSENT = " WHERE i.expires_at <= excluded.updated_at"

COLUMNS = "(user_id, namespace, key, place, value, created_at, updated_at, expires_at, ttl)"
