"""Names of prepared statements that no other connection has, in this process or any other.

asyncpg counts its statements, so in every process the first is named alike. Where a pooler hands
one session of the server to several processes, a name then stands for whichever statement was
prepared there first: a get runs another process's delete. With a random part in it, a name that
is met in a session is one's own, or the server says that it knows none of that name.
"""

from __future__ import annotations

import secrets
from typing import Any

import asyncpg

# 128 bits. Postgres tells names apart by their first 63 bytes, and asyncpg's own are below 30.
_RANDOM_BYTES = 16


class OwnNamesConnection(asyncpg.Connection):
    """A connection with a random part of its own in each name that it gives."""

    __slots__ = ("_own",)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # From the system, not from a generator whose state a forked process inherits.
        self._own = secrets.token_hex(_RANDOM_BYTES)

    def _get_unique_id(self, prefix: str) -> str:
        """A name for a statement, portal or savepoint; the driver asks for it here."""
        counted: str = super()._get_unique_id(prefix)  # type: ignore[misc]
        return f"{counted.strip('_')}_{self._own}"


OWN_NAMES: dict[str, Any] = {
    "connection_class": OwnNamesConnection,
    # asyncpg leaves longer statements without a name and sends them in two parts. What then runs
    # is what was prepared last in that session, so it would take a pooler's word that it waits.
    "max_cacheable_statement_size": 0,
}
"""The options of asyncpg that make each statement it keeps one's own."""
