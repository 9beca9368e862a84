"""Changes by the explorer: only for those who may, from its own pages, over what was seen."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from langgraph_agentstore import AgentStore
from langgraph_agentstore.explorer.access import WRITE_COOKIE
from langgraph_agentstore.explorer.app import FORM_PAGES
from tests.explorer.conftest import signed_in

LABELS = ("edited\n", "a/b")
AT = {"u": "ada", "n": list(LABELS), "k": "k\r\n1"}
AT_TEXT = "u=ada&n=edited%0A&n=a%2Fb&k=k%0D%0A1"


@pytest.fixture
def filled(explored: AgentStore) -> AgentStore:
    explored.for_user("ada").put(LABELS, "k\r\n1", {"text": "before"})
    return explored


def sent(client: TestClient, path: str, **fields: Any) -> Any:
    given = {"form_token": client.cookies[WRITE_COOKIE], "at": AT_TEXT, **fields}
    return client.post(path, data=given, follow_redirects=False)


def value_of(store: AgentStore) -> Any:
    found = store.for_user("ada").get(LABELS, "k\r\n1")
    return None if found is None else found.value


def test_an_item_is_edited_over_the_version_that_was_seen(filled: AgentStore) -> None:
    client = signed_in(filled, write=True)
    version = filled.for_user("ada").get_record(LABELS, "k\r\n1").version  # type: ignore[union-attr]
    form = client.get("/item/edit", params=AT)
    assert "before" in form.text
    assert f'name="version" value="{version}"' in form.text
    done = sent(client, "/item/save", version=version, value='{"text": "after"}')
    assert done.status_code == 303
    assert "after" in client.get(done.headers["location"]).text
    late = sent(client, "/item/save", version=version, value='{"text": "late"}')
    assert late.status_code in (400, 409)
    assert value_of(filled) == {"text": "after"}
    wrong = sent(client, "/item/save", version=version + 1, value="{<b>")
    assert wrong.status_code == 400
    assert "not JSON" in wrong.text
    assert "{&lt;b&gt;" in wrong.text


def test_an_item_is_removed_once_confirmed(filled: AgentStore) -> None:
    client = signed_in(filled, write=True)
    asked = client.get("/item/remove", params=AT)
    assert "Remove it" in asked.text
    assert value_of(filled) is not None
    assert sent(client, "/item/remove").status_code == 303
    assert value_of(filled) is None
    assert sent(client, "/item/remove").status_code == 404


@pytest.mark.parametrize("path", FORM_PAGES)
def test_a_change_is_refused_to_readers_and_to_other_sites(filled: AgentStore, path: str) -> None:
    fields = {"version": "1", "value": '{"text": "forged"}'}
    reader = signed_in(filled)
    reader.get("/users")
    assert sent(reader, path, **fields).status_code == 403
    writer = signed_in(filled, write=True)
    writer.get("/users")
    assert sent(writer, path, **fields, form_token="x").status_code == 403
    assert sent(writer, path, **fields, form_token="").status_code == 403
    for header in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        writer.headers.update(header)
        assert sent(writer, path, **fields).status_code == 403
        for name in header:
            del writer.headers[name]
    bob = signed_in(filled, write=True, user_id="bob")
    bob.get("/user")
    assert sent(bob, path, **fields).status_code == 403
    assert value_of(filled) == {"text": "before"}
    assert reader.get("/item/edit", params=AT).status_code == 403
