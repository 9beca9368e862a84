"""The lock between writers and whoever changes what a control refuses.

A trigger holds the shards of its statement's users shared, until its transaction ends. Whoever
erases a user, or puts a user on hold, takes that shard alone first, and so meets no write in
flight. There are few shards, since a batch may be of thousands of users.
"""

from __future__ import annotations

from typing import Final

SHARDS: Final = 128

LOCK_USER = "SELECT pg_advisory_xact_lock(hashtext('agentstore.care ' || $1), hashtext($2) & 127)"
"""Takes the shard of user `$2` in the schema named `$1` alone, until the transaction ends."""

LOCK_ALL = (
    "SELECT pg_advisory_xact_lock(hashtext('agentstore.care ' || $1), shard) "
    f"FROM generate_series(0, {SHARDS - 1}) shard"
)
"""Takes all shards of the schema named `$1`, in the order in which triggers take them."""
