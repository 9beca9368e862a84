"""The views for analysis: what they say, of whom, and that nothing stored makes them fail."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from psycopg import sql

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, new_turn
from tests.support.faults import dsn_of, execute

EVENING = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=timezone.utc)
VIEWS = ("conversation_turn", "conversation_thread", "conversation_by_day", "item_by_day")


@pytest.fixture
def memory(store: AgentStore) -> ConversationMemory:
    memory = ConversationMemory(store, "ann@example.org")
    memory.save_turns(
        [
            new_turn("t_1", "how?", "so", {"agent": "a"}, at=EVENING),
            new_turn("t_1", "and?", "then", at=EVENING + timedelta(seconds=2)),
            new_turn("t_2", "who?", "he", at=EVENING - timedelta(days=1)),
        ]
    )
    return memory


class Views:
    """Reads them, in a session whose time zone is far from UTC."""

    def __init__(self, dsn: str, schema: str) -> None:
        self._dsn, self._schema = dsn, schema

    def rows(self, view: str, columns: str, order: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._dsn) as connection:
            connection.execute("SET timezone = 'Asia/Tokyo'")
            statement = f"SELECT {columns} FROM {{}}.{view} ORDER BY {order}"
            query = sql.SQL(statement).format(sql.Identifier(self._schema))
            return connection.execute(query).fetchall()


@pytest.fixture
def views(postgres_dsn: str, schema_name: str, memory: ConversationMemory) -> Views:
    return Views(postgres_dsn, schema_name)


def test_a_turn_is_a_row(views: Views) -> None:
    columns = "user_id, thread_id, said_at, query, response, response_characters, metadata"
    rows = views.rows("conversation_turn", columns, "said_at")
    assert rows[1] == ("ann@example.org", "t_1", EVENING, "how?", "so", 2, {"agent": "a"})
    assert [row[3] for row in rows] == ["who?", "how?", "and?"]


def test_a_thread_is_a_row(views: Views) -> None:
    columns = "thread_id, turns, first_at, last_at, messages"
    assert views.rows("conversation_thread", columns, "thread_id") == [
        ("t_1", 2, EVENING, EVENING + timedelta(seconds=2), 4),
        ("t_2", 1, EVENING - timedelta(days=1), EVENING - timedelta(days=1), 2),
    ]


def test_days_are_those_of_utc(views: Views) -> None:
    assert views.rows("conversation_by_day", "day, turns, threads", "day") == [
        (date(2024, 2, 28), 1, 1),
        (date(2024, 2, 29), 1, 1),
        (date(2024, 3, 1), 1, 1),
    ]


def test_items_are_counted_by_user_namespace_and_day(views: Views, store: AgentStore) -> None:
    store.put(("docs",), "a", {"n": 1})
    rows = views.rows("item_by_day", "user_id, namespace, items", "user_id, namespace")
    assert rows == [("", "docs", 1), ("ann@example.org", "conversations", 3)]


def test_messages_are_counted(views: Views, memory: ConversationMemory) -> None:
    call = {"name": "x", "args": {}, "id": "1"}
    said = [HumanMessage("?"), AIMessage("", tool_calls=[call]), ToolMessage("", tool_call_id="1")]
    memory.save_messages(said, "t_3")
    rows = views.rows("conversation_turn", "thread_id, messages", "said_at DESC")
    assert rows[0] == ("t_3", 3)


@pytest.mark.parametrize(
    ("timestamp", "said_at"),
    [
        ("2024-02-30T00:00:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("tomorrow", None),
        ("infinity", None),
        (7, None),
        ("2024-05-01T10:00:00", datetime(2024, 5, 1, 10, tzinfo=timezone.utc)),
        ("2024-05-01T10:00:00+02:00", datetime(2024, 5, 1, 8, tzinfo=timezone.utc)),
    ],
)
def test_no_timestamp_makes_a_report_fail(
    views: Views, store: AgentStore, timestamp: Any, said_at: datetime | None
) -> None:
    value = {"query": "odd", "response": "", "thread_id": "t", "timestamp": timestamp}
    store.for_user("bob").put(("conversations",), "t_20240101_000000_00000000", value)
    store.for_user("bob").put(("conversations",), "no turn", {"n": 1})
    columns = "thread_id, said_at, saved_at"
    rows = [row for row in views.rows("conversation_turn", columns, "1") if row[0] == "t"]
    assert len(rows) == 1
    assert rows[0][1] == (said_at or rows[0][2])
    for view in VIEWS:
        assert views.rows(view, "*", "1")


def test_who_may_not_read_the_items_learns_nothing_from_the_views(
    views: Views, postgres_dsn: str, schema_name: str
) -> None:
    role = f"reader_{schema_name}"
    execute(postgres_dsn, "CREATE ROLE {} LOGIN", role)
    try:
        execute(postgres_dsn, "GRANT USAGE ON SCHEMA {} TO {}", schema_name, role)
        execute(postgres_dsn, "GRANT SELECT ON {}.conversation_turn TO {}", schema_name, role)
        reader = dsn_of(postgres_dsn, user=role)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(reader, "SELECT * FROM {}.conversation_turn", schema_name)
    finally:
        execute(postgres_dsn, "DROP OWNED BY {}", role)
        execute(postgres_dsn, "DROP ROLE {}", role)
