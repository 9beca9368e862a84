"""The statements of the explorer, written and decoded without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from langgraph_agentstore.explorer.growth_sql import GrowthSample, plan_growth
from langgraph_agentstore.explorer.map_sql import plan_points, plan_vector_of
from langgraph_agentstore.explorer.overview_page import growth_curve
from langgraph_agentstore.explorer.users_sql import UserGlimpse, plan_number_of_users, plan_users
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
