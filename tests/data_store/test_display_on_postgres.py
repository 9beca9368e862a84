"""What notebooks show of a store and its records: little, escaped, and counting nothing."""

from __future__ import annotations

import re

import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conformance.facts.hostile import TEXTS
from langgraph_agentstore.data_store.display import FIRST_RECORDS
from langgraph_agentstore.data_store.ops_log import PREVIEW_LENGTH
from langgraph_agentstore.store.notebook_sql import MOST_NAMESPACES, MOST_RECORDS
from tests.support.faults import execute
from tests.support.html import html_of
from tests.support.servers import TestServer


def cells(shown: str) -> list[list[str]]:
    """The rows of the last table, without their tags."""
    rows = re.findall(r"<tr>(.*?)</tr>", shown[shown.rindex("<tbody>") :], re.DOTALL)
    return [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in rows]


def test_a_data_store_shows_its_number_of_records_and_the_first_ten(store: AgentStore) -> None:
    records = DataStore(store, "ann", "scout", "files:repo")
    records.set_many({f"k{n:02}": {"n": n} for n in range(25)})
    shown = html_of(records)
    assert "<th>records</th><td>25</td>" in shown
    assert "<td>files:repo</td>" in shown
    assert cells(shown)[0] == ["k00", "{&quot;n&quot;: 0}"]
    assert len(cells(shown)) == FIRST_RECORDS
    assert "… and 15 more." in shown


def test_an_empty_namespace_is_shown_as_such(store: AgentStore) -> None:
    assert "<th>records</th><td>0</td>" in html_of(DataStore(store, "ann", None))


def test_a_long_value_is_cut_before_it_leaves_the_server(store: AgentStore) -> None:
    records = DataStore(store, "ann", None)
    records.set("k", "x" * 100_000)
    [[_, preview]] = cells(html_of(records))
    assert len(preview) < PREVIEW_LENGTH + len("&quot;") + 1
    assert preview.endswith("…")


def test_to_be_shown_counts_no_access(store: AgentStore) -> None:
    records = DataStore(store, "ann", "scout")
    records.set("k", 1)
    html_of(records)
    record = records.record("k")
    assert record is not None
    assert record.access_count == 0


def test_a_proxy_for_writing_shows_no_records(store: AgentStore) -> None:
    DataStore(store, "ann", None).set("k", "a secret")
    shown = html_of(DataStore(store, "ann", None, access="write"))
    assert "secret" not in shown
    assert "For writing only" in shown


def test_an_expired_record_is_not_shown(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    records = DataStore(store, "ann", None)
    records.set("k", "a secret", ttl=5)
    execute(postgres_dsn, "UPDATE {}.item SET expires_at = now()", schema_name)
    assert "secret" not in html_of(records)
    assert "No records." in html_of(store)


@pytest.mark.parametrize("text", [*TEXTS.values(), "<b>&amp;</b>"])
def test_names_and_values_are_escaped(store: AgentStore, text: str) -> None:
    records = DataStore(store, f"<i>{text}", f"<i>{text}", f"<i>{text}")
    records.set(f"<i>{text}", f"<i>{text}")
    record = records.record(f"<i>{text}")
    assert record is not None
    for shown in (html_of(records), html_of(store), html_of(record)):
        assert "<i>" not in shown
        assert "&lt;i&gt;" in shown
        assert "<b>" not in shown


def test_a_store_shows_whose_records_are_where(store: AgentStore, schema_name: str) -> None:
    DataStore(store, "bob", None, "files:repo").set_many({"a": 1, "b": 2})
    DataStore(store, "ann", None).set("a", 1)
    store.put(("docs",), "a", {})
    shown = html_of(store)
    assert f"<td>{schema_name}</td>" in shown
    assert cells(shown) == [
        ["(shared)", "docs", "1"],
        ["ann", "default", "1"],
        ["bob", "files:repo", "2"],
    ]


def test_a_store_with_many_namespaces_shows_the_first(store: AgentStore) -> None:
    for n in range(MOST_NAMESPACES):
        DataStore(store, f"u{n:02}", None).set("a", 1)
    assert "more namespaces" not in html_of(store)
    DataStore(store, "u99", None).set("a", 1)
    shown = html_of(store)
    assert "… and more namespaces." in shown
    assert len(cells(shown)) == MOST_NAMESPACES


def test_a_store_counts_no_further_than_it_must(store: AgentStore) -> None:
    DataStore(store, "ann", None).set_many({str(n): n for n in range(MOST_RECORDS + 1)})
    assert cells(html_of(store)) == [["ann", "default", f"{MOST_RECORDS} or more"]]


def test_a_store_whose_server_is_gone_shows_its_plain_repr(disposable_server: TestServer) -> None:
    pool = {"connect_timeout_s": 1}
    with AgentStore(disposable_server.dsn, pool=pool) as store:
        assert "No records." in html_of(store)
        disposable_server.kill()
        shown = html_of(store)
    assert shown.startswith("<pre>AgentStore(")
