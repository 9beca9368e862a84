"""Who gets in, and that nobody gets further: tokens, hosts, one user, headers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.testclient import TestClient

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError, MissingUserError
from langgraph_agentstore.explorer import ExplorerAccess, explorer_app
from langgraph_agentstore.explorer.app import FORM_PAGES, PAGES, local_explorer_app
from tests.explorer.conftest import TOKEN

Visitor = Callable[..., TestClient]
OTHERS = ["u=bob", "u=", "u=bob&n=notes&k=secret", "at=u%3Dbob%26n%3Dnotes%26k%3Dsecret"]


def test_without_the_token_nothing_is_shown(explored: AgentStore) -> None:
    client = TestClient(local_explorer_app(explored, TOKEN), base_url="http://127.0.0.1")
    for path in (*PAGES, "/static/explorer.css", "/none"):
        assert client.get(path, params={"u": "ada"}).status_code == 403
        assert client.get(path, params={"token": TOKEN[:-1]}).status_code == 403
    for path in FORM_PAGES:
        assert client.post(path, content="u=ada").status_code == 403


def test_the_token_becomes_a_cookie_and_leaves_the_address(explored: AgentStore) -> None:
    client = TestClient(local_explorer_app(explored, TOKEN), base_url="http://127.0.0.1")
    answer = client.get(f"/users?q=a&token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/users?q=a")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/users").status_code == 200


@pytest.mark.parametrize("host", ["evil.example:8000", "127.0.0.1.evil.example", "[", ""])
def test_names_that_resolve_to_this_computer_are_refused(visitor: Visitor, host: str) -> None:
    client = visitor()
    assert client.get("/users", headers={"host": host}).status_code == 421
    assert client.get("/users", headers={"host": "localhost:8000"}).status_code == 200


def test_a_short_token_and_wrong_arguments_are_refused(explored: AgentStore) -> None:
    with pytest.raises(ConfigurationError, match="fewer than 16"):
        local_explorer_app(explored, "short")
    with pytest.raises(ConfigurationError, match="AgentStore itself"):
        explorer_app(explored.for_user("ada"), authorize=lambda _: None)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="authorize"):
        explorer_app(explored, authorize=None)  # type: ignore[arg-type]
    with pytest.raises(MissingUserError):
        ExplorerAccess("")


@pytest.mark.parametrize("query", OTHERS)
@pytest.mark.parametrize("path", PAGES)
def test_no_page_shows_a_visitor_of_one_user_another(
    visitor: Visitor, path: str, query: str
) -> None:
    client = visitor(user_id="ada")
    page = client.get(f"{path}?{query}&q=secret")
    assert page.status_code == 403 or (path == "/" and page.status_code == 200)
    assert "bobs" not in page.text


def test_a_visitor_of_one_user_sees_that_user_without_naming_them(visitor: Visitor) -> None:
    client = visitor(user_id="ada")
    assert "note 3 on" in client.get("/user").text
    found = client.get("/search", params={"q": "secret tea", "mode": "side"}).text
    assert "bobs" not in found
    assert "green" in found
    assert client.get("/users").status_code == 403
    crossing = '["bob", "notes", "a"]'
    assert client.get("/user", params={"after": crossing}).status_code == 403


def test_every_answer_forbids_scripts_of_others(visitor: Visitor) -> None:
    client = visitor()
    for path in ("/", "/users", "/none", "/static/explorer.js", "/user?u=ada"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def mounted(store: AgentStore, authorize: Any) -> TestClient:
    app = Starlette(routes=[Mount("/memory", explorer_app(store, authorize=authorize))])
    return TestClient(app, base_url="https://app.example")


def test_a_mounted_explorer_asks_the_server_who_it_is(explored: AgentStore) -> None:
    async def authorize(request: Request) -> ExplorerAccess | None:
        await asyncio.sleep(0)
        name = request.headers.get("x-session")
        return None if name is None else ExplorerAccess(name)

    client = mounted(explored, authorize)
    assert client.get("/memory/users").status_code == 403
    page = client.get("/memory/user", headers={"x-session": "ada"})
    assert 'href="/memory/item?u=ada' in page.text
    other = client.get("/memory/user?u=bob", headers={"x-session": "ada"})
    assert other.status_code == 403
    assert client.get("/memory/static/explorer.css", headers={"x-session": "a"}).status_code == 200


def test_what_is_no_access_refuses(explored: AgentStore) -> None:
    client = mounted(explored, lambda _: True)
    assert client.get("/memory/users").status_code == 403
