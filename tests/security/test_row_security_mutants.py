"""Planted faults: whoever asks for another user's data gets none of it under row level security.

In each case some operations of a batch are about the neighbor. Either the database hides or
refuses the rows, or the comparison of users raises. Without row security each would go through.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import IsolationError
from langgraph_agentstore.runtime import batch_statements
from langgraph_agentstore.sql import batched_reads, row_users
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.store.user_views import UserStore
from tests.support.matrices import few

USERS = [f"user {n}" for n in range(64)]
NOTES = ("notes",)
SHARE = 0.02
ROUNDS = 20

Plant = Callable[[pytest.MonkeyPatch, random.Random], None]


def addresses_of_a_neighbor(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Plan an operation on one item for another user."""
    item_id = Planner.item_id

    def wrong(self: Planner, namespace: object, key: object) -> Any:
        (user_id, stored, key_), labels = item_id(self, namespace, key)
        if chance.random() < SHARE and user_id in USERS:
            user_id = USERS[USERS.index(user_id) - 1]
        return (user_id, stored, key_), labels

    patch.setattr(Planner, "item_id", wrong)


def users_shifted_in_a_batch(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Send gets whose array of users is off by one."""
    statement = batch_statements.get_statement  # type: ignore[attr-defined]

    def wrong(gets: Any, context: Any) -> Any:
        sql, arguments = statement(gets, context)
        if isinstance(arguments[0], list) and chance.random() < SHARE * 5:
            arguments = (rotated(arguments[0]), *arguments[1:])
        return sql, arguments

    patch.setattr(batch_statements, "get_statement", wrong)


def searches_of_a_neighbor(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Search the namespace of another user."""
    located = batched_reads.lateral_batch_statement

    def wrong(statements: Sequence[Any]) -> Any:
        sql, arguments = located(statements)
        if len(statements) > 1 and chance.random() < SHARE * 5:
            users = next(n for n, column in enumerate(arguments) if column[0] in USERS)
            arguments = (*arguments[:users], rotated(arguments[users]), *arguments[users + 1 :])
        return sql, arguments

    patch.setattr(batch_statements, "lateral_batch_statement", wrong)


def rows_of_a_neighbor(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Give each search of a batch the rows of the one beside it."""
    rows_of = batched_reads._rows_of_each

    def wrong(count: int, rows: Any) -> Any:
        right = rows_of(count, rows)
        return rotated(right) if count > 1 and chance.random() < SHARE * 5 else right

    patch.setattr(batched_reads, "_rows_of_each", wrong)


def rotated(values: Sequence[Any]) -> list[Any]:
    return [*values[1:], *values[:1]]


async def get(view: UserStore) -> list[Any]:
    item = await view.aget(NOTES, "k")
    return [] if item is None else [item.value]


async def search(view: UserStore) -> list[Any]:
    return [item.value for item in await view.asearch(NOTES)]


async def put(view: UserStore) -> list[Any]:
    await view.aput(NOTES, "k", {"user": view.user_id})
    return [{"user": view.user_id}]


async def missed(ask: Callable[[UserStore], Awaitable[list[Any]]], app: AgentStore) -> int:
    """Ask for all users at once, again and again; return how many got nothing or an error.

    A batch that met another user's data is run again in parts, so most get their own after all.
    """
    views, count = [app.for_user(user) for user in USERS], 0
    for _ in range(ROUNDS):
        answers = await asyncio.gather(*map(ask, views), return_exceptions=True)
        for view, answer in zip(views, answers, strict=True):
            if isinstance(answer, IsolationError) or answer == []:
                count += 1
            else:
                assert answer == [{"user": view.user_id}]
    return count


@few(2)
@pytest.mark.parametrize(
    ("plant", "ask"),
    [
        (addresses_of_a_neighbor, get),
        (addresses_of_a_neighbor, put),
        (users_shifted_in_a_batch, get),
        (searches_of_a_neighbor, search),
        (rows_of_a_neighbor, search),
    ],
)
def test_a_planted_fault_shows_nobody_anothers_data(
    app: AgentStore,
    owned: AgentStore,
    plant: Plant,
    ask: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app.batch([PutOp(("users", user, "notes"), "k", {"user": user}) for user in USERS])
    assert asyncio.run(missed(ask, app)) == 0
    noticed = [0]
    error = row_users.isolation_error

    def counted() -> IsolationError:
        noticed[0] += 1
        return error()

    monkeypatch.setattr(row_users, "isolation_error", counted)
    plant(monkeypatch, random.Random(7))
    assert asyncio.run(missed(ask, app)) + noticed[0] > 0
    stored = {item.namespace[1]: item.value["user"] for item in owned.search((), limit=100)}
    assert stored == {user: user for user in USERS}
