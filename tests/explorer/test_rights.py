"""Who gets in, and that nobody gets further: tokens, hosts, one user, headers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError, MissingUserError
from langgraph_agentstore.explorer import ExplorerAccess, explorer_app
from langgraph_agentstore.explorer.access import WRITE_COOKIE
from langgraph_agentstore.explorer.app import FORM_PAGES, PAGES, explorer_pages, local_explorer_app
from langgraph_agentstore.explorer.live_page import LiveStreams
from tests.explorer.conftest import INDEX, TOKEN, signed_in
from tests.support.faults import dsn_of

Visitor = Callable[..., TestClient]
OTHERS = ["u=bob", "u=", "u=bob&n=notes&k=secret", "at=u%3Dbob%26n%3Dnotes%26k%3Dsecret"]


def routes_of(store: AgentStore) -> list[tuple[str, str]]:
    """Every method and path that the explorer answers, as its own router has them."""
    found = []
    for route in explorer_pages(store, LiveStreams(store)).routes:
        if isinstance(route, Mount):
            found.append(("GET", f"{route.path}/explorer.css"))
        else:
            assert isinstance(route, Route)
            found += [(method, route.path) for method in sorted(route.methods or ())]
    return found


def test_the_walk_over_the_routes_knows_every_page(explored: AgentStore) -> None:
    paths = {path for _, path in routes_of(explored)}
    assert paths == {*PAGES, *FORM_PAGES, "/live/events", "/static/explorer.css"}


def answered(client: TestClient, method: str, path: str, **options: Any) -> Any:
    """The answer to a request that names a user; forms carry it in their body, too."""
    query = options.pop("query", "u=ada&n=notes&k=n007")
    body = {"content": query} if method == "POST" else {}
    return client.request(method, f"{path}?{query}", follow_redirects=False, **body, **options)


def test_a_user_sees_every_own_page_where_the_database_keeps_users_apart(
    fresh_database: str, role: str
) -> None:
    with AgentStore(fresh_database, index=INDEX, history=True) as owner:
        owner.setup(row_security=True, application_role=role)
    theirs = dsn_of(fresh_database, user=role)
    with AgentStore(theirs, index=INDEX, history=True) as app:
        for user in ("ada", "bob"):
            app.for_user(user).put(("notes",), "n", {"text": f"a note of {user}"})
        client = signed_in(app, user_id="ada")
        for path in {*PAGES} - {"/users", "/item/edit", "/item/remove"}:
            page = client.get(path, params={"u": "ada", "n": "notes", "k": "n", "q": "note"})
            assert page.status_code == 200, (path, page.text)
            assert "bob" not in page.text
        assert "put" in client.get("/history").text


BY_WRONG_MEANS: list[dict[str, Any]] = [
    {},
    {"headers": {"referer": f"http://127.0.0.1/?token={TOKEN}"}},
    {"headers": {"authorization": f"Bearer {TOKEN}"}},
    {"headers": {"x-token": TOKEN}},
    {"headers": {"cookie": f"token={TOKEN}; agentstore={TOKEN}"}},
    {"query": f"u=ada&token={TOKEN[:-1]}"},
    {"query": "u=ada&token="},
    {"query": f"u=ada&Token={TOKEN}"},
]


@pytest.mark.parametrize("means", BY_WRONG_MEANS)
def test_without_the_token_nothing_is_shown(explored: AgentStore, means: dict[str, Any]) -> None:
    client = TestClient(local_explorer_app(explored, TOKEN), base_url="http://127.0.0.1")
    for method, path in [*routes_of(explored), ("GET", "/none")]:
        answer = answered(client, method, path, **means)
        assert answer.status_code == 403, (method, path)
        assert "note 7" not in answer.text


def test_the_cookie_of_another_explorer_opens_nothing(explored: AgentStore) -> None:
    other = TestClient(local_explorer_app(explored, TOKEN[::-1]), base_url="http://127.0.0.1")
    other.get("/", params={"token": TOKEN[::-1]})
    client = TestClient(
        local_explorer_app(explored, TOKEN), base_url="http://127.0.0.1", cookies=other.cookies
    )
    for method, path in routes_of(explored):
        assert answered(client, method, path).status_code == 403, (method, path)


def test_the_token_becomes_a_cookie_and_leaves_the_address(explored: AgentStore) -> None:
    client = TestClient(local_explorer_app(explored, TOKEN), base_url="http://127.0.0.1")
    answer = client.get(f"/users?q=a&token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/users?q=a")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/users").status_code == 200


@pytest.mark.parametrize("host", ["evil.example:8000", "127.0.0.1.evil.example", "[", ""])
def test_names_that_resolve_to_this_computer_are_refused(
    explored: AgentStore, visitor: Visitor, host: str
) -> None:
    client = visitor(write=True)
    for method, path in [*routes_of(explored), ("GET", f"/?token={TOKEN}")]:
        answer = answered(client, method, path, headers={"host": host})
        assert answer.status_code == 421, (method, path)
        assert "set-cookie" not in answer.headers or TOKEN not in answer.headers["set-cookie"]
    assert client.get("/users", headers={"host": "localhost:8000"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/vendor/../../app.py",
        "/static/",
        "//evil.example/users",
        "/static/explorer.css%00.py",
    ],
)
def test_no_path_leads_out_of_the_static_files(visitor: Visitor, path: str) -> None:
    answer = visitor().get(f"http://127.0.0.1:8000{path}", follow_redirects=False)
    assert answer.status_code in (400, 404, 405)
    assert "explorer_app" not in answer.text
    assert "root:" not in answer.text


def test_a_reader_changes_nothing_by_any_route(explored: AgentStore, visitor: Visitor) -> None:
    client = visitor()
    client.get("/users")
    form_token = client.cookies[WRITE_COOKIE]
    before = explored.for_user("ada").get_record(("notes",), "n007")
    for method, path in routes_of(explored):
        query = f"u=ada&n=notes&k=n007&version=1&value=%7B%7D&form_token={form_token}"
        if path == "/live/events":
            continue  # an endless answer; what it registers is no item
        answer = answered(client, method, path, query=query)
        assert answer.status_code == 403 or method != "POST", path
        for other in ("PUT", "PATCH", "DELETE"):
            assert answered(client, other, path, query=query).status_code == 405
    assert explored.for_user("ada").get_record(("notes",), "n007") == before


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
def test_no_route_shows_a_visitor_of_one_user_another(
    explored: AgentStore, visitor: Visitor, query: str
) -> None:
    client = visitor(user_id="ada", write=True)
    client.get("/user")
    form = f"&form_token={client.cookies[WRITE_COOKIE]}&version=1&value=%7B%7D"
    bobs = explored.for_user("bob").get(("notes",), "secret")
    for method, path in routes_of(explored):
        answer = answered(client, method, path, query=f"{query}&q=secret{form}")
        to_own = path == "/" and answer.headers.get("location") == "/user?u=ada"
        assert answer.status_code == 403 or to_own or path.startswith("/static/"), (method, path)
        assert "bobs" not in answer.text
    assert explored.for_user("bob").get(("notes",), "secret") == bobs


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
        assert headers["referrer-policy"] == "same-origin"


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
