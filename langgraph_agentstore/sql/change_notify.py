"""Change notification: writes that notify the watchers of the users whose items they change.

Every statement that writes or removes items is wrapped so. Where nobody watches, the wrapping
costs one look into an empty table.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from .statement import SqlContext

CHANNEL = "agentstore_change"
"""The channel of NOTIFY; one for all schemas of a database. The payload is a digest of the user id.

Everybody who may connect to the database may listen, so no user is named.
"""

RETENTION = timedelta(hours=1)
"""How long a change is kept, and how long a watch lasts that does not look for changes."""


def digest_of(user_id: str) -> str:
    """Return the payload of a user's notifications, as the function `tell_change` computes it."""
    return hashlib.sha256(user_id.encode()).hexdigest()


def with_change_notify(
    write: str, context: SqlContext, result: str = "", *, gone: bool = False
) -> str:
    """Return the statement `write`, on the table `item i`, followed by its notifications.

    `result`: the columns to return for each written row `w` (`user_id`, `namespace`, `key`,
    `version`); without it nothing is returned. `gone`: the statement removes items.
    """
    returned = (
        f"""
    RETURNING {result.replace("w.", "i.")}"""
        if result
        else ""
    )
    return context.either(
        f"""
WITH written AS ({write}
    RETURNING i.user_id, i.namespace, i.key, i.version
)
{_notify_change(context, result, gone=gone)}""",
        f"{write}{returned}",
    )


def notify_change(context: SqlContext, result: str = "", *, gone: bool = False) -> str:
    """Return the SELECT that notifies watchers of the rows of a CTE `written`.

    The arguments are those of `with_change_notify`.
    """
    unwatched = (
        f"SELECT {result}, false AS told FROM written w" if result else "SELECT 1 FROM written"
    )
    return context.either(_notify_change(context, result, gone=gone), unwatched)


def _notify_change(context: SqlContext, result: str, *, gone: bool) -> str:
    tables = context.tables
    # First whether anybody watches at all: once a statement, not once a row.
    watched = f"""(SELECT EXISTS (SELECT 1 FROM {tables.watch}))
   AND EXISTS (SELECT 1 FROM {tables.watch} x WHERE x.user_id = w.user_id)"""
    arguments = f"w.user_id, w.namespace, w.key, w.version, {str(gone).lower()}"
    call = f"{tables.tell_change}({arguments})"
    if result:
        return f"""SELECT {result}, CASE WHEN {watched}
       THEN {call} END AS told
  FROM written w"""
    return f"""SELECT {call} FROM written w
 WHERE {watched}"""
