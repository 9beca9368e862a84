"""History of a store and of a user, recorded reads, and the state of the audit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from starlette.testclient import TestClient

from langgraph_agentstore import AgentStore
from langgraph_agentstore.explorer import history_page, history_sql
from langgraph_agentstore.security import History
from tests.explorer.conftest import HOSTILE, HOSTILE_KEY, signed_in
from tests.support.faults import execute

WRITES = 120


@pytest.fixture(scope="module")
def audited(postgres_dsn: str) -> Iterator[AgentStore]:
    """A store that records reads, with the history of two users."""
    history = History(audit_reads=True)
    with AgentStore(postgres_dsn, schema="explored_audit", history=history) as store:
        ada, evil = store.for_user("ada"), store.for_user(HOSTILE)
        for n in range(WRITES):
            ada.put(("notes",), f"n{n:03}", {"n": n})
        ada.delete(("notes",), "n000")
        evil.put(("<b>",), HOSTILE_KEY, {"text": HOSTILE})
        ada.get(("notes",), "n001")
        evil.get(("<b>",), HOSTILE_KEY)
        yield store


def keys_back(client: TestClient, address: str) -> list[str]:
    """The keys of all pages, newest first; each page is opened once."""
    keys: list[str] = []
    while True:
        page = client.get(address)
        assert page.status_code == 200, page.text
        keys += re.findall(r'<td class="name"><a href="/item\?[^"]*">([^<]*)</a>', page.text)
        following = re.search(r'rel="next" href="([^"]*)"', page.text)
        if following is None:
            return keys
        address = unescape(following[1])


EXPECTED = ["n000", *[f"n{n:03}" for n in reversed(range(WRITES))]]


def test_pages_of_history_skip_no_change(audited: AgentStore) -> None:
    everyones = keys_back(signed_in(audited), "/history")
    assert everyones[1:] == EXPECTED
    assert everyones[0].startswith("k/&lt;b&gt;\\x01")
    assert keys_back(signed_in(audited), "/history?u=ada") == EXPECTED
    assert keys_back(signed_in(audited, user_id="ada"), "/history") == EXPECTED


def test_a_long_history_of_all_is_looked_at_in_steps(
    audited: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_sql, "MOST_LOOKED_BACK", 30)
    client = signed_in(audited)
    assert keys_back(client, "/history?u=ada") == EXPECTED
    assert "Nothing has changed" in client.get("/history", params={"u": "nobody"}).text


def test_reads_are_shown_where_they_are_recorded(audited: AgentStore, explored: AgentStore) -> None:
    client = signed_in(audited)
    audited.find_reads()  # writes what was noted so far
    for _ in range(100):
        page = client.get("/history", params={"show": "reads"}).text
        if "n001" in page:
            break
    assert ">get<" in page
    assert "n001" in page
    assert "<b>" not in page.partition("<table")[2]
    own = client.get("/history", params={"u": "ada", "show": "reads"}).text
    assert "gnp" not in own
    assert "No read is recorded" in signed_in(explored).get("/history?show=reads").text


def test_the_audit_is_verified_a_few_seals_at_a_time(
    audited: AgentStore, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(audited)
    assert "Verify" not in client.get("/history").text
    audited.audit_seal()
    page = client.get("/history").text
    address = re.search(r'href="(/history\?verify=\d+)"', page)
    assert address is not None
    head = audited.audit_verify().head
    assert head is not None
    assert head in page
    assert ": intact." in client.get(address[1]).text
    schema = "explored_audit"
    forge = "UPDATE {}.item_history SET role = 'forged' WHERE key = 'n005'"
    execute(postgres_dsn, "ALTER TABLE {}.item_history DISABLE TRIGGER ALL", schema)
    execute(postgres_dsn, forge, schema)
    assert "Not intact: seal 1" in client.get(address[1]).text
    monkeypatch.setattr(history_page, "MOST_VERIFIED", 9)
    assert "too many for a page" in client.get(address[1]).text
    # A visitor of one user does not see the audit of all.
    assert "Seals" not in signed_in(audited, user_id="ada").get(address[1]).text


@pytest.mark.parametrize("asked", ["before=x", "before=1-", "before=-1-2", "verify=", "verify=9e9"])
def test_an_address_that_names_no_place_is_refused(audited: AgentStore, asked: str) -> None:
    assert signed_in(audited).get(f"/history?{asked}").status_code == 400


def test_without_history_the_page_says_so(postgres_dsn: str) -> None:
    with AgentStore(postgres_dsn, schema="explored_words", index={"mode": "text"}) as store:
        assert "No history is kept" in signed_in(store).get("/history").text
