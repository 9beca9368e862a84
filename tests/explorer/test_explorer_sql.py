"""The statements of the explorer, written and decoded without a server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from langgraph_agentstore.explorer.growth_sql import GrowthSample, plan_growth
from langgraph_agentstore.explorer.overview_page import growth_curve
from langgraph_agentstore.explorer.users_sql import UserGlimpse, plan_number_of_users, plan_users
from langgraph_agentstore.sql.statement import SqlContext
from langgraph_agentstore.sql.tables import Tables

CONTEXT = SqlContext(Tables("agentstore"))
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
