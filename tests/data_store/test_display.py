"""What notebooks show without asking a server: escaped, cut, and never an exception."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore
from langgraph_agentstore.data_store import DataStoreRecord
from langgraph_agentstore.data_store.models import VALUE_LENGTH
from tests.support.html import html_of

HOSTILE = "<script>alert('1') & \"2\"</script>"
NOWHERE = "postgresql://ada:s3cret@127.0.0.1:1/nowhere"
MOMENT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def record(**fields: Any) -> DataStoreRecord:
    said = {
        "user_id": "ann",
        "namespace": "files:repo",
        "key": "a",
        "value": {"n": 1},
        "metadata": {},
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    return DataStoreRecord(**{**said, **fields})


@pytest.fixture
def unreachable() -> AgentStore:
    return AgentStore(NOWHERE, pool={"connect_timeout_s": 5})


def test_a_record_is_a_table_of_all_its_fields() -> None:
    shown = html_of(record(created_by_agent="scout", access_count=3))
    for name in DataStoreRecord.model_fields:
        assert f"<th>{name}</th>" in shown
    assert "<td>scout</td>" in shown
    assert "<td>2024-01-02T03:04:05+00:00</td>" in shown


@pytest.mark.parametrize(
    "field", ["user_id", "namespace", "key", "value", "metadata", "created_by_agent"]
)
def test_whatever_a_record_holds_is_escaped(field: str) -> None:
    value = {HOSTILE: HOSTILE} if field == "metadata" else HOSTILE
    shown = html_of(record(**{field: value}))
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_a_long_value_is_cut() -> None:
    shown = html_of(record(value="x" * 100_000))
    assert "…" in shown
    assert len(shown) < VALUE_LENGTH + 2000


def test_a_value_that_is_no_json_is_shown_all_the_same() -> None:
    assert "{1}" in html_of(record(value={1}))


def test_an_awaited_data_store_shows_who_and_where(unreachable: AgentStore) -> None:
    shown = html_of(AsyncDataStore(unreachable, "ann", HOSTILE, "files:<b>"))
    assert "<td>ann</td>" in shown
    assert "files:&lt;b&gt;" in shown
    assert "<script>" not in shown
    assert unreachable.stats().operations == 0


def test_a_data_store_without_a_server_shows_its_plain_repr(unreachable: AgentStore) -> None:
    records = DataStore(unreachable, "ann", "<b>")
    shown = html_of(records)
    assert shown.startswith("<pre>DataStore(user_id=")
    assert "<b>" not in shown


def test_a_data_store_of_a_closed_store_shows_its_plain_repr(unreachable: AgentStore) -> None:
    unreachable.close()
    assert html_of(DataStore(unreachable, "ann", None)).startswith("<pre>DataStore(")


def test_a_store_that_was_not_opened_shows_where_it_is_and_opens_nothing(
    unreachable: AgentStore,
) -> None:
    shown = html_of(unreachable)
    assert "postgresql://ada@127.0.0.1:1/nowhere" in shown
    assert "<td>agentstore</td>" in shown
    assert "Not opened yet" in shown
    assert "s3cret" not in shown
    assert unreachable.stats().operations == 0
