"""What administration looks at, and what it makes of the rows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from langgraph_agentstore.data_store.sql.administration import (
    AccessedRecord,
    AgentCount,
    LargeRecord,
    NamespaceCount,
    NamespaceSize,
    Within,
    plan_accessed,
    plan_agent_counts,
    plan_delete_within,
    plan_glance,
    plan_larger_than,
    plan_namespace_counts,
    plan_namespace_sizes,
    plan_page_of_records,
)
from langgraph_agentstore.model.addresses import locate
from langgraph_agentstore.model.namespaces import Labels
from langgraph_agentstore.model.users import Address
from langgraph_agentstore.sql.items.records import StoredRecord
from langgraph_agentstore.sql.items.user_counts import UserCount, plan_user_counts
from langgraph_agentstore.sql.statement import SqlContext
from langgraph_agentstore.sql.tables import Tables
from langgraph_agentstore.store.notebook_sql import Glimpse, plan_overview

RULES = SqlContext(Tables("agentstore"))
LABELS: Labels = ("files", "a:b")
STORED, SHOWN = "files:a%3Ab", "files:a:b"
ANN = Within("ann", LABELS)
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
LATER = THEN + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("within", "condition", "arguments"),
    [
        (Within(), "true", []),
        (Within(below=True), "true", []),
        (Within(""), "true AND i.user_id = $2", [""]),
        (Within(labels=()), "true AND i.namespace = $2::text", [""]),
        (Within(labels=(), below=True), "true", []),
        (ANN, "true AND i.user_id = $2 AND i.namespace = $3::text", ["ann", STORED]),
    ],
)
def test_rows_are_within_a_user_and_exactly_one_namespace(
    within: Within, condition: str, arguments: list[Any]
) -> None:
    given: list[Any] = ["already there"]
    assert within.condition(given) == condition
    assert given[1:] == arguments


def test_below_a_namespace_is_one_range_with_it() -> None:
    given: list[Any] = []
    condition = Within("ann", LABELS, below=True).condition(given)
    assert given[0] == "ann"
    assert STORED in given
    assert all(f"${n}" in condition for n in range(1, len(given) + 1))


def test_users_and_agents_are_counted_as_their_rows_say() -> None:
    users = plan_user_counts("a", 10, RULES)
    assert users.arguments == ("a", 10)
    assert users.decode([("ann", 2, 5, THEN, LATER)]).result == [
        UserCount("ann", namespaces=2, records=5, first_created_at=THEN, last_updated_at=LATER)
    ]
    agents = plan_agent_counts(ANN, RULES)
    assert agents.arguments == ("ann", STORED)
    assert agents.decode([("writer", 1, 3, LATER), (None, 2, 1, THEN)]).result == [
        AgentCount("writer", users=1, records=3, last_created_at=LATER),
        AgentCount(None, users=2, records=1, last_created_at=THEN),
    ]


def test_namespaces_are_shown_with_the_labels_that_reach_them() -> None:
    counts = plan_namespace_counts(ANN, 10, RULES)
    assert counts.arguments == (10, "ann", STORED)
    assert counts.decode([("ann", STORED, 2, THEN, LATER), ("", "", 1, THEN, THEN)]).result == [
        NamespaceCount("ann", SHOWN, LABELS, 2, THEN, LATER),
        NamespaceCount("", "", (), 1, THEN, THEN),
    ]
    sizes = plan_namespace_sizes(ANN, 10, RULES)
    assert sizes.arguments == (10, "ann", STORED)
    assert sizes.decode([("ann", STORED, 2, 90, 80, 70)]).result == [
        NamespaceSize(
            "ann", SHOWN, LABELS, records=2, json_bytes=90, stored_bytes=80, largest_bytes=70
        )
    ]


@pytest.mark.parametrize("recent", [False, True])
def test_reads_of_a_record_are_told_with_its_address(recent: bool) -> None:
    accessed = plan_accessed(ANN, 10, RULES, recent=recent)
    assert accessed.arguments == (10, "ann", STORED)
    assert accessed.decode([("ann", STORED, "k", 3, LATER, "reader")]).result == [
        AccessedRecord("ann", SHOWN, LABELS, "k", 3, LATER, "reader")
    ]


def test_records_that_nobody_read_are_only_among_the_recently_touched() -> None:
    most, latest = (plan_accessed(ANN, 10, RULES, recent=recent).sql for recent in (False, True))
    assert "access_count > 0" in most
    assert "access_count > 0" not in latest


def test_large_records_come_with_their_size() -> None:
    large = plan_larger_than(100, ANN, 10, RULES)
    assert large.arguments == (100, 10, "ann", STORED)
    assert large.decode([("ann", STORED, "k", 101, None, THEN)]).result == [
        LargeRecord("ann", SHOWN, LABELS, "k", 101, None, THEN)
    ]


def test_a_page_goes_on_after_an_item_with_whole_records() -> None:
    page = plan_page_of_records(Within("ann"), ("ann", "a", "k"), 10, RULES)
    assert page.arguments == (10, "ann", "ann", "a", "k")
    row = ("ann", STORED, "k", None, {"m": 1}, 2, "w", THEN, THEN, None, None, 3, THEN, "r")
    assert page.decode([row]).result == [StoredRecord("ann", LABELS, *row[2:])]


def test_only_a_user_who_is_named_can_lose_shared_records() -> None:
    everyone = plan_delete_within(Within(labels=("files",)), RULES)
    assert "i.user_id > ''" in everyone.sql
    assert everyone.arguments == ("files",)
    shared = plan_delete_within(Within("", ("files",)), RULES)
    assert "i.user_id > ''" not in shared.sql
    assert shared.arguments == ("", "files")


def test_a_removal_is_run_once_and_counts_what_had_not_expired() -> None:
    removal = plan_delete_within(ANN, RULES)
    assert not removal.idempotent
    assert removal.decode([(3, 4)]).result == 3


def test_a_glance_has_the_count_and_the_first_records() -> None:
    glance = plan_glance(locate(Address("ann", LABELS), LABELS), 2, 20, RULES)
    assert glance.arguments == ("ann", STORED, 2, 20)
    assert glance.decode([(5, "a", "1"), (5, "b", "[2")]).result == (5, [("a", "1"), ("b", "[2")])
    assert glance.decode([(0, None, None)]).result == (0, [])


def test_an_overview_names_users_and_labels() -> None:
    rows = [("", "", 1), ("ann", "files\x01a:b", 2)]
    assert plan_overview(RULES).decode(rows).result == [
        Glimpse("", (), 1),
        Glimpse("ann", LABELS, 2),
    ]
