"""The last check of isolation: whose row an answer has, compared with whose was asked for."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import IsolationError
from .statement import Row, Users


def check_rows(rows: Iterable[Row], user_column: int, users: Users) -> None:
    """Raise IsolationError if a row is of none of these users; a null stands for no row."""
    for row in rows:
        check_user(row[user_column], users)


def check_user(user_id: str | None, users: Users) -> None:
    """Raise IsolationError if the user of a row or of an address is none of these users."""
    if user_id is not None and user_id not in users:
        raise isolation_error()


def isolation_error() -> IsolationError:
    """Return the error of an operation that met another user's data."""
    return IsolationError(
        "an operation met the data of a user for whom it was not asked. Nothing was returned or "
        "written. This is a fault of langgraph_agentstore itself: please report it with this "
        "traceback"
    )


def union_of(users: Iterable[Users | None]) -> Users | None:
    """Return all these users, each once; None if somebody needs those of all users."""
    found: dict[str, None] = {}
    for some in users:
        if some is None:
            return None
        for user_id in some:
            found[user_id] = None
    return tuple(found)
