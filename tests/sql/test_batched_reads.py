"""Statements of one text travel together, and each gets its own rows back."""

from __future__ import annotations

from langgraph.store.base import GetOp, SearchOp

from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, template_scope
from langgraph_agentstore.sql.batched_reads import decode_lateral_batch, lateral_batch_statement
from langgraph_agentstore.sql.items.newest import LARGEST_SHARED_PAGE
from langgraph_agentstore.sql.items.pages import plan_record
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.sql.statement import CurrentRules, Decoded, Queue, SqlContext, Statement
from langgraph_agentstore.sql.tables import Tables

PLANNER = Planner(template_scope(DEFAULT_TEMPLATE), CurrentRules(SqlContext(Tables("agentstore"))))


def statement(limit: int, name: str) -> Statement[list[int]]:
    return Statement(
        "SELECT n FROM t WHERE name = $2 LIMIT $1",
        (limit, name),
        lambda rows: Decoded([row[0] for row in rows]),
        queue=Queue.SHARED,
    )


def test_arguments_become_the_columns_of_a_lateral_join() -> None:
    sql, arguments = lateral_batch_statement([statement(1, "a"), statement(2, "b")])
    assert arguments == ([1, 2], ["a", "b"])
    assert "unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS q (a1, a2, position)" in sql
    assert "SELECT n FROM t WHERE name = q.a2 LIMIT q.a1" in sql


def test_one_alone_stays_as_it_is() -> None:
    one = statement(1, "a")
    assert lateral_batch_statement([one]) == (one.sql, one.arguments)
    assert decode_lateral_batch([one], [0], [(7,)])[0].result == [7]


def test_rows_go_back_to_their_statements_in_order() -> None:
    rows = [(2, 20), (2, 21), (1, 10)]
    three = [statement(1, "a"), statement(2, "b"), statement(3, "c")]
    decoded = decode_lateral_batch(three, [0, 1, 2], rows)
    assert [one.result for one in decoded] == [[10], [20, 21], []]


def is_bounded(op: SearchOp) -> bool:
    planned = PLANNER.plan(op)
    assert isinstance(planned, Statement)
    return planned.queue is Queue.SHARED


def test_only_statements_of_bounded_cost_share() -> None:
    mine = ("users", "alice", "notes")
    assert is_bounded(SearchOp(mine))
    assert is_bounded(SearchOp(mine, limit=LARGEST_SHARED_PAGE))
    assert not is_bounded(SearchOp(mine, limit=LARGEST_SHARED_PAGE, offset=1))
    assert not is_bounded(SearchOp(mine, {"a": 1}))
    assert not is_bounded(SearchOp(("users", "alice")))  # as many namespaces as she has
    assert not is_bounded(SearchOp(("users",)))
    item_id, labels = PLANNER.item_id(mine, "k")
    assert plan_record(item_id, labels, PLANNER.context).queue is Queue.SHARED
    assert not isinstance(PLANNER.plan(GetOp(mine, "k")), Statement)
