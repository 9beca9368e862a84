"""Comments that name a statement to those who look at the server's activity.

The name comes first: `pg_stat_activity` cuts long statements off at their end.
"""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def with_comment(sql: str, kind: str) -> str:
    """Return the statement behind a comment with its kind, `/* agentstore:get */`.

    Statements of one kind and text stay equal, so the driver prepares them once.
    """
    return f"/* agentstore:{kind} */ {sql.lstrip()}"
