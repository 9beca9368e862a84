"""The users of a batch: the union of those of the callers' views."""

from __future__ import annotations

from collections.abc import Sequence

from ..sql.row_users import check_user, union_of
from ..sql.statement import SqlContext, Users
from .caller_requests import PendingOperation


def users_of_batch(entries: Sequence[PendingOperation]) -> Users | None:
    """Return the users of all these operations, each once; None if one needs all users."""
    if len(entries) == 1:
        return entries[0].users
    return union_of([entry.users for entry in entries])


def check_addresses(entries: Sequence[PendingOperation]) -> None:
    """Raise IsolationError if an operation on one item is outside its caller's view.

    The server would not notice where the other user is in the same batch.
    """
    for entry in entries:
        users = entry.users
        if users is not None:
            check_user(entry.operation.item_id[0], users)


def users_to_check(entries: Sequence[PendingOperation], context: SqlContext) -> list[Users] | None:
    """Return the users of each operation, if rows tell theirs; the statement had them all."""
    return [entry.users or () for entry in entries] if context.tells_users else None
