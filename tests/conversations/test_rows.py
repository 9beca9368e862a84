"""Turns and threads, as the rows of their statements give them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from langgraph.store.base import Item

from langgraph_agentstore.conversations.sql import (
    plan_newest_turns,
    plan_threads,
    plan_threads_of_part,
)
from langgraph_agentstore.model.users import Address
from langgraph_agentstore.sql.statement import SqlContext
from langgraph_agentstore.sql.tables import Tables

RULES = SqlContext(Tables("agentstore"))
TURNS = Address("ann", ("conversations", "a:b"))
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
LATER = THEN + timedelta(minutes=5)


def test_turns_are_items_below_the_user_in_the_order_of_the_rows() -> None:
    rows = [("t_2", {"query": "q"}, THEN, LATER), ("t_1", ["no turn"], THEN, THEN)]
    turns = plan_newest_turns(TURNS, None, 10, RULES).decode(rows).result
    labels = ("conversations", "a:b")
    assert turns == [
        Item(namespace=labels, key="t_2", value={"query": "q"}, created_at=THEN, updated_at=LATER),
        Item(
            namespace=labels,
            key="t_1",
            value={"value": ["no turn"]},
            created_at=THEN,
            updated_at=THEN,
        ),
    ]


def test_the_next_turns_are_those_before_a_time_and_a_key() -> None:
    first = plan_newest_turns(TURNS, None, 10, RULES)
    following = plan_newest_turns(TURNS, ("2026-01-01", "t_1"), 10, RULES)
    assert first.sql == following.sql
    assert following.arguments == ("ann", "conversations:a%3Ab", "2026-01-01", "t_1", 10)
    assert first.arguments[2] > "9999-12-31T23:59:59Z"


def test_threads_come_with_their_times_and_their_number_of_turns() -> None:
    threads = plan_threads(TURNS, RULES)
    row = ("t", "2026-01-01", "2026-01-02", 3)
    assert threads.decode([row, row]).result == [row, row]
    assert threads.decode([]).result == []


def test_threads_of_a_part_come_with_the_key_to_continue_after() -> None:
    part = plan_threads_of_part(TURNS, "k", 2, RULES)
    assert part.arguments == ("ann", "conversations:a%3Ab", "k", 2)
    row = ("t", "2026-01-01", "2026-01-02", 3)
    assert part.decode([(*row, "t_2")]).result == ([row], "t_2")
    assert part.decode([]).result == ([], None)
