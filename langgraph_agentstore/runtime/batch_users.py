"""The users of a batch: the union of those of the callers' views."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from ..sql.row_users import check_user, union_of
from ..sql.statement import SqlContext, Users
from .batching import BatchQueue, KindOf
from .caller_requests import PendingOperation
from .statements import Database


def kind_of_users(entry: PendingOperation) -> Hashable:
    """Return the kind of an operation where only those with the same users share a statement."""
    return entry.users


def kind_of_item_user(entry: PendingOperation) -> Hashable:
    """Return the kind of an operation on an item where only those of one user share a statement."""
    return entry.operation.item_id[0], entry.users


def kind_of_equal(entry: PendingOperation) -> Hashable:
    """Return the kind of a statement that shares with equal ones alone."""
    return entry.operation.sql, entry.operation.arguments, entry.users


def kind_of_shared(*, strict: bool, row_security: bool) -> KindOf:
    """Return the function that finds the kind of a statement that shares with others of its text.

    One whose rows do not tell their users shares, under row level security, with the same users
    only; so does any in a strict store.
    """

    def kind(entry: PendingOperation) -> Hashable:
        statement = entry.operation
        apart = strict or (row_security and statement.user_column is None)
        return statement.sql, entry.users if apart else None

    return kind


def spread_by_user(queues: Sequence[BatchQueue], context: SqlContext) -> None:
    """Let writes, reads and refreshes be of one user each where tables are distributed by user."""
    if context.distributed:
        _, writes, shared, refreshes = queues
        writes.spread()
        shared.spread(kind_of_equal)
        refreshes.spread(kind_of_item_user)


@dataclass(frozen=True, slots=True)
class BatchUsers:
    """The users of a batch's operations: of all together, and of each.

    `all` is None if one operation needs all users. `each` is None where nothing is to be checked.
    """

    all: Users | None
    each: Sequence[Users] | None


_UNASKED = BatchUsers(None, None)


def batch_users(entries: Sequence[PendingOperation], database: Database) -> BatchUsers:
    """Return the users of a batch, under row level security."""
    if not database.row_security:
        return _UNASKED
    each = [entry.users for entry in entries]
    return BatchUsers(union_of(each), [users or () for users in each])


def check_addresses(entries: Sequence[PendingOperation], users: Sequence[Users]) -> None:
    """Raise IsolationError if an operation on one item is outside its caller's view.

    The server would not notice where the other user is in the same batch.
    """
    for entry, allowed in zip(entries, users, strict=True):
        check_user(entry.operation.item_id[0], allowed)
