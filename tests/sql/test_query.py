"""A search by a query becomes one statement, and its rows items that say how they were ranked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from langgraph.store.base import SearchOp

from langgraph_agentstore import ScoredItem
from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.errors import InvalidOperationError
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, template_scope
from langgraph_agentstore.sql.filters import parse_filter
from langgraph_agentstore.sql.indexed_content import plan_known_vectors
from langgraph_agentstore.sql.search.hybrid import plan_explanation, plan_query, plan_query_anywhere
from langgraph_agentstore.sql.search.options import QueryOptions, default_options, query_options
from langgraph_agentstore.sql.statement import Refresh, SqlContext, Statement
from langgraph_agentstore.sql.tables import Tables

SCOPE = template_scope(DEFAULT_TEMPLATE)
NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
LATER = NOW + timedelta(hours=1)
ANN = ("users", "ann", "notes")


def rules_of(*, approximate: bool = True, **options: Any) -> SqlContext:
    given = {"dims": 2, "embed": lambda _: [], "mode": "hybrid", **options}
    return SqlContext(Tables("s"), index=search_index(given), vector_set=1, approximate=approximate)


def planned(
    context: SqlContext | None = None,
    options: QueryOptions | None = None,
    *,
    prefix: tuple[str, ...] = ANN,
    refresh_ttl: bool = True,
    filter: Any = None,
    query: str = 'one "two three" -four',
) -> Statement[list[ScoredItem]]:
    context = context or rules_of()
    options = options or default_options(context.searched)
    op = SearchOp(prefix, filter, 10, 0, query, refresh_ttl)
    vector = None if options.mode == "text" else b"vector"
    return plan_query_anywhere(op, parse_filter(filter or {}), options, vector, SCOPE, context)


EVERY_OPTION = [
    QueryOptions(mode, min_score, min_similarity, half_life, unindexed)
    for mode in ("vector", "text", "hybrid")
    for min_score in (None, 0.5)
    for min_similarity in ((None,) if mode == "text" else (None, 0.25))
    for half_life in (None, 7.0)
    for unindexed in (False, True)
]
EVERY_INDEX = [
    {},
    {"ann_index_config": {"exact_up_to": 9}},
    {"ann_index_config": {"kind": "ivfflat"}},
    {"ann_index_config": {"vector_type": "bit"}},
    {"dims": 3_000},
    {"distance_type": "l2", "ann_index_config": {"kind": "flat"}},
]


@pytest.mark.parametrize("options", EVERY_OPTION, ids=str)
@pytest.mark.parametrize("index", EVERY_INDEX, ids=str)
def test_a_statement_uses_just_the_arguments_it_has(
    options: QueryOptions, index: dict[str, Any]
) -> None:
    flat = index.get("ann_index_config", {}).get("kind") == "flat"
    context = rules_of(approximate=not flat, **index)
    for prefix in ((), ("users",), ANN):
        statement = planned(context, options, prefix=prefix, filter={"n": {"$gt": 1}})
        used = {int(number) for number in re.findall(r"\$(\d+)", statement.sql)}
        assert used == set(range(1, len(statement.arguments) + 1))


def test_nothing_that_a_caller_says_is_part_of_the_sql() -> None:
    needles = QueryOptions("hybrid", 0.123456, 0.234567, 98.7654)
    statement = planned(
        options=needles, query='needle "needle needle" -needle', filter={"needle": "needle"}
    )
    assert not re.search(r"needle|0\.123456|0\.234567|98\.7654", statement.sql)


def test_a_text_search_looks_at_no_vectors() -> None:
    assert "item_vector" not in planned(options=QueryOptions("text")).sql
    assert planned(options=QueryOptions("text")).arguments[0] == 10


def test_a_vector_search_looks_at_no_words() -> None:
    assert "words @@" not in planned(options=QueryOptions("vector")).sql


def a_row(**changes: Any) -> Sequence[Any]:
    row = {
        "user_id": "ann",
        "namespace": "notes",
        "key": "k",
        "value": {"n": 1},
        "created_at": NOW,
        "updated_at": NOW,
        "expires_at": None,
        "refreshed": None,
        "score": 0.5,
        "vector_rank": 3,
        "text_rank": None,
        "similarity": 0.25,
        "text_score": None,
        "matched": None,
        "way": "exact",
    }
    return tuple({**row, **changes}.values())


NO_ROW = (None,) * 14 + ("exact",)


@pytest.mark.parametrize(
    ("mode", "scored_by"), [("vector", "cosine"), ("text", "bm25"), ("hybrid", "fused")]
)
def test_a_row_becomes_an_item_that_says_how_it_was_ranked(mode: Any, scored_by: str) -> None:
    decoded = planned(options=QueryOptions(mode)).decode([a_row()])
    (item,) = decoded.result
    assert (item.namespace, item.key, item.value) == (ANN, "k", {"n": 1})
    assert (item.score, item.scored_by) == (0.5, scored_by)
    assert (item.vector_rank, item.text_rank) == (3, None)
    assert decoded.refreshes == []


def test_an_item_without_a_score_was_ranked_by_nothing() -> None:
    (item,) = planned().decode([a_row(score=None, vector_rank=None)]).result
    assert (item.score, item.scored_by) == (None, None)


def test_the_row_that_only_tells_the_way_is_no_item() -> None:
    assert planned().decode([NO_ROW]).result == []


def test_what_expires_is_refreshed_where_that_is_asked_for() -> None:
    rows = [a_row(expires_at=NOW, refreshed=LATER), a_row(key="b", expires_at=NOW)]
    assert planned().decode(rows).refreshes == [Refresh(("ann", "notes", "k"), NOW, LATER)]
    assert planned(refresh_ttl=False).decode(rows).refreshes == []


@pytest.mark.parametrize(
    ("mode", "told"), [("vector", "few parts"), ("hybrid", "few parts"), ("text", "words are")]
)
def test_an_explanation_tells_the_way_and_why(mode: Any, told: str) -> None:
    context = rules_of()
    statement = planned(context, QueryOptions(mode))
    explaining = plan_explanation(statement, QueryOptions(mode), context)
    assert (explaining.sql, explaining.arguments) == (statement.sql, statement.arguments)
    explanation = explaining.decode([NO_ROW]).result
    assert explanation.way == "exact"
    assert told in (explanation.reason or "")
    assert str(explanation).startswith("-- exact: ")


# A small scope, searched by vector alone


def in_small_scope(min_score: float | None = None, **options: Any) -> Statement[list[ScoredItem]]:
    op = SearchOp(ANN, None, 10, 20, "one", True)
    given = QueryOptions("vector", min_score)
    return plan_query(op, parse_filter({}), given, b"vector", SCOPE, rules_of(**options))


def a_near_row(distance: float, *, large: bool = False, **expiry: Any) -> Sequence[Any]:
    times = (NOW, NOW, expiry.get("expires_at"), expiry.get("refreshed"))
    return ("ann", "notes", "k", {"n": 1}, *times, distance, large)


@pytest.mark.parametrize(
    ("distance", "score"), [("cosine", 0.75), ("l2", -0.25), ("inner_product", -0.25)]
)
def test_a_row_of_a_small_scope_becomes_an_item_with_its_rank(distance: str, score: float) -> None:
    rows = [a_near_row(0.25), a_near_row(0.25)]
    first, second = in_small_scope(distance_type=distance).decode(rows).result
    assert (first.namespace, first.key, first.value) == (ANN, "k", {"n": 1})
    assert (first.score, first.scored_by) == (score, distance)
    assert (first.vector_rank, second.vector_rank) == (21, 22)


def test_a_row_of_a_small_scope_that_scores_less_is_left_out() -> None:
    rows = [a_near_row(0.25), a_near_row(0.75)]
    assert [item.score for item in in_small_scope(0.5).decode(rows).result] == [0.75]


def test_what_expires_in_a_small_scope_is_refreshed() -> None:
    row = a_near_row(0.25, expires_at=NOW, refreshed=LATER)
    refreshes = in_small_scope().decode([row]).refreshes
    assert refreshes == [Refresh(("ann", "notes", "k"), NOW, LATER)]


def test_a_small_scope_without_a_match_has_no_items() -> None:
    assert in_small_scope().decode([(None,) * 9 + (False,)]).result == []


def test_a_scope_that_is_not_small_is_searched_by_the_statement_for_any() -> None:
    decoded = in_small_scope().decode([(None,) * 9 + (True,)])
    assert decoded.instead is not None
    assert "gate AS MATERIALIZED" in decoded.instead.sql


def test_known_vectors_are_by_the_digests_of_their_texts() -> None:
    statement = plan_known_vectors(("u", "n", "k"), rules_of())
    assert statement.arguments == ("u", "n", "k")
    assert statement.decode([(7, b"x"), (9, b"y")]).result == {7: b"x", 9: b"y"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"mode": "text"}, "'text' is not one .*: vector"),
        ({"min_score": "high"}, "min_score"),
        ({"min_score": True}, "min_score"),
        ({"min_score": float("nan")}, "min_score"),
        ({"recency_half_life_days": 0}, "recency_half_life_days"),
        ({"recency_half_life_days": "7"}, "recency_half_life_days"),
        ({"recency_half_life_days": float("inf")}, "recency_half_life_days"),
    ],
    ids=str,
)
def test_a_wrong_option_of_a_search_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidOperationError, match=told):
        query_options(rules_of(mode="vector").searched, **options)


def test_options_of_a_search_go_before_those_of_the_index() -> None:
    index = rules_of(recency_half_life_days=9).searched
    assert default_options(index) == QueryOptions("hybrid", recency_half_life_days=9.0)
    chosen = query_options(
        index, mode="text", min_score=1, recency_half_life_days=2, include_unindexed=True
    )
    assert chosen == QueryOptions("text", 1.0, None, 2.0, True)


def test_a_similarity_is_decided_with_the_other_options() -> None:
    assert query_options(rules_of().searched, min_similarity=1) == QueryOptions("hybrid", None, 1.0)
    wide = rules_of(distance_type="l2").searched
    assert query_options(wide, min_similarity=-70).min_similarity == -70.0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"mode": "text", "min_similarity": 0.5}, "by words alone"),
        ({"min_similarity": "0.5"}, "is a number"),
        ({"min_similarity": True}, "is a number"),
        ({"min_similarity": 70}, "from -1 to 1"),
    ],
)
def test_a_similarity_that_makes_no_sense_is_refused(asked: Any, message: str) -> None:
    with pytest.raises(InvalidOperationError, match=message):
        query_options(rules_of().searched, **asked)
