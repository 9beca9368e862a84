"""Writes that tell of themselves, for users whose changes somebody watches.

Every statement that writes or removes items is wrapped so. Where nobody watches, that costs one
look into a table that is empty.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from .statement import SqlContext

CHANNEL = "agentstore_change"
"""Where writers notify, with the digest of the user. One for all schemas of a database.

Anybody who may connect to the database may listen, so no user is named.
"""

RETENTION = timedelta(hours=1)
"""How long a change is kept, and a watch believed in that does not look."""


def digest_of(user_id: str) -> str:
    """The payload of a user's notifications, as `tell_change` makes it."""
    return hashlib.sha256(user_id.encode()).hexdigest()


def told(write: str, context: SqlContext, result: str = "", *, gone: bool = False) -> str:
    """The statement `write`, of the table `item i`, which then tells what it wrote, or removed.

    `result`: what to return of each row `w` written (`user_id`, `namespace`, `key`, `version`);
    nothing comes back if it is empty.
    """
    return f"""
WITH written AS ({write}
    RETURNING i.user_id, i.namespace, i.key, i.version
)
{tell(context, result, gone=gone)}"""


def tell(context: SqlContext, result: str = "", *, gone: bool = False) -> str:
    """What follows a CTE `written`, as in `told`."""
    tables = context.tables
    # First whether anybody watches at all: once a statement, not once a row.
    watched = f"""(SELECT EXISTS (SELECT FROM {tables.watch}))
   AND EXISTS (SELECT FROM {tables.watch} x WHERE x.user_id = w.user_id)"""
    arguments = f"w.user_id, w.namespace, w.key, w.version, {str(gone).lower()}"
    call = f"{tables.tell_change}({arguments})"
    if result:
        return f"""SELECT {result}, CASE WHEN {watched}
       THEN {call} END AS told
  FROM written w"""
    return f"""SELECT {call} FROM written w
 WHERE {watched}"""
