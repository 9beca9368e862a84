"""The statements of the explorer, written and decoded without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.explorer.found_by_sql import FoundBy, found_by_query
from langgraph_agentstore.explorer.growth_sql import GrowthSample, plan_growth
from langgraph_agentstore.explorer.history_sql import (
    MOST_LOOKED_BACK,
    AuditState,
    NotedEntry,
    plan_audit_state,
    plan_changes_back,
    plan_reads_back,
    plan_seal_sizes,
)
from langgraph_agentstore.explorer.map_sql import plan_points, plan_vector_of
from langgraph_agentstore.explorer.overview_page import growth_curve
from langgraph_agentstore.explorer.users_sql import UserGlimpse, plan_number_of_users, plan_users
from langgraph_agentstore.explorer.words_sql import (
    ScopeSize,
    plan_some_with_words,
    scope_size_query,
)
from langgraph_agentstore.files.sql import Space, plan_children_page
from langgraph_agentstore.model.users import Region, UserScope
from langgraph_agentstore.sql.filters import parse_filter
from langgraph_agentstore.sql.search.text import parse_words
from langgraph_agentstore.sql.statement import SqlContext
from langgraph_agentstore.sql.tables import Tables
from langgraph_agentstore.store.notebook_sql import MappedItem

CONTEXT = SqlContext(Tables("agentstore"))
WITH_VECTORS = replace(CONTEXT, vector_set=1)
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_users_are_walked_within_their_beginning() -> None:
    everyone = plan_users(CONTEXT, limit=5)
    assert everyone.arguments == (5, 501, 21)
    some = plan_users(CONTEXT, prefix="a", after="ab", limit=5)
    assert some.arguments == (5, 501, 21, "a", "ab", "b")
    assert some.decode([("abc", 1, 2)]).result == [UserGlimpse("abc", 1, 2)]
    assert plan_number_of_users(CONTEXT, 9).decode([(3,)]).result == 3


def test_a_sample_is_scaled_up_to_all_items() -> None:
    plan = plan_growth(CONTEXT, 1_000_000)
    assert plan.arguments[0] == 1.0
    days = [NOW + timedelta(days=n) for n in range(4)]
    sample = plan.decode([(day,) for day in days]).result
    assert sample == GrowthSample(tuple(days), 0.01)
    curve = growth_curve(sample)
    assert (curve.items[0], curve.items[-1]) == (100, 400)
    assert curve.items == sorted(curve.items)
    assert len(curve.seconds) <= 62
    assert growth_curve(plan_growth(CONTEXT, 0).decode([]).result).seconds == []


def test_points_are_chosen_below_a_namespace() -> None:
    whole, part = (plan_points(WITH_VECTORS, "ada", labels, 9) for labels in ((), ("a", "b")))
    assert whole.arguments == ("ada", 9, 50)
    assert part.arguments == ("ada", 9, 50, "a\x01b", "a\x01b\x02")
    assert "i.place >= $4" in part.sql
    assert whole.users == part.users == ("ada",)
    assert whole.decode([("a:b", "k", None, [1.0])]).result == [
        MappedItem(("a", "b"), "k", "", [1.0])
    ]


def test_the_text_of_encrypted_values_is_not_on_the_map() -> None:
    sealed = replace(WITH_VECTORS, sealing=cast(Any, object()))
    assert "i.value" in plan_points(WITH_VECTORS, "ada", (), 9).sql
    assert "i.value" not in plan_points(sealed, "ada", (), 9).sql


def test_an_item_may_have_no_vector() -> None:
    plan = plan_vector_of(("ada", "notes", "k"), WITH_VECTORS)
    assert plan.decode([]).result is None
    assert plan.decode([([1.0, 2.0],)]).result == [1.0, 2.0]


def test_history_goes_back_by_transaction_and_number() -> None:
    row = ("7", 3, "ada", "a:b", "k", NOW, "put", 2, {"tool": "web"}, "app", "6", 1, 2)
    of_all = plan_changes_back(CONTEXT, None, None, 1)
    assert of_all.arguments == (2, None)
    assert of_all.users is None
    whole = of_all.decode([row]).result
    assert whole.entries == [NotedEntry("ada", ("a", "b"), "k", NOW, "put", 2, "web")]
    assert whole.next is None
    assert of_all.decode([row, ("6", *row[1:])]).result.next == (7, 3)
    own = plan_reads_back(CONTEXT, "ada", (7, 3), 1)
    assert own.arguments == (2, "ada", "7", 3)
    assert own.users == ("ada",)
    read: Any = ("7", 3, "ada", None, None, NOW, "search", 2, {}, "app", "6", 1, MOST_LOOKED_BACK)
    short = own.decode([read]).result
    assert short.entries == [NotedEntry("ada", None, None, NOW, "search", 2, "app")]
    assert (short.next, short.is_short) == ((6, 1), True)
    none = own.decode([(*[None] * 12, 0)]).result
    assert (none.entries, none.next) == ([], None)


def test_a_store_without_history_has_no_audit() -> None:
    assert plan_seal_sizes(3, 5, CONTEXT).decode([(1000,), (7,)]).result == [1000, 7]
    plan = plan_audit_state(CONTEXT)
    assert plan.decode([]).result is None
    row = (NOW, None, None, 0, None, None, 5)
    state = plan.decode([row]).result
    assert state == AuditState(NOW, None, None, 0, None, None, 5)


def test_a_large_scope_with_an_index_of_vectors_is_measured_in_time() -> None:
    asked = scope_size_query([Region("ada", ())])
    plain = asked.statement(WITH_VECTORS, None)
    assert plain.arguments == ("ada",)
    assert plain.decode([(True,)]).result == ScopeSize(True, False)
    assert not ScopeSize(True, False).is_measured_in_time
    approximate = replace(WITH_VECTORS, approximate=True)
    assert asked.statement(approximate, None).decode([(True,)]).result.is_measured_in_time
    assert ScopeSize(False, False).is_measured_in_time


def test_some_items_with_words_are_ranked() -> None:
    context = replace(CONTEXT, index=search_index({"mode": "text"}))
    plan = plan_some_with_words(
        parse_words("green tea"),
        parse_filter({}),
        [Region("ada", ())],
        5,
        UserScope("ada"),
        context,
    )
    assert plan.arguments[:2] == (5, "ada")
    row = ("ada", "notes", "k", {"n": 1}, NOW, NOW, None, None, 0.5)
    [found] = plan.decode([row]).result
    assert (found.namespace, found.score, found.scored_by) == (("notes",), 0.5, "ts_rank")
    assert found.matched_words == ("green", "tea")


def test_a_page_of_a_folder_begins_behind_the_one_before() -> None:
    space = Space("ada", "filesystem")
    starts = {"": "/b/", "/b/c/": "/b/c0", "/b/d": "/b/d\x01"}
    for after, start in starts.items():
        plan = plan_children_page(space, "/b/", after, 9, "characters", CONTEXT)
        assert plan.arguments == ("ada", "filesystem", "/b/", "/b0", start, 9)


def test_an_item_is_found_by_words_and_by_vectors_where_there_are_any() -> None:
    asked = found_by_query(("ada", "notes", "k"))
    words_only = asked.statement(CONTEXT, None)
    assert "item_vector" not in words_only.sql
    assert "item_vector_1" in asked.statement(WITH_VECTORS, None).sql
    assert words_only.decode([(3, ["tea"], [])]).result == FoundBy(3, ["tea"], [])
    assert words_only.decode([]).result is None
