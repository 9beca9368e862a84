"""`explorer_app`: the routes of the explorer, behind its guard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from .._support.optional import imported, missing
from ..errors import AgentStoreError, ConfigurationError
from ..store.agent_store import AgentStore
from .access import Authorize, ExplorerAccess, LocalDoor, comes_from_own_page

try:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, Response
    from starlette.routing import BaseRoute, Mount, Route
    from starlette.staticfiles import StaticFiles

    from . import (
        change_page,
        chats_page,
        files_page,
        history_page,
        item_page,
        live_page,
        map_page,
        near_page,
        overview_page,
        search_page,
        user_page,
        users_page,
    )
    from .guard import GuardedApp
    from .live_page import LiveStreams
    from .rendering import STATIC, rendered
    from .visit import PageRefusedError, Visit, reason_of
except ModuleNotFoundError as error:
    raise missing(error.name or "starlette", "ui", error) from error
imported("jinja2", "ui")

ShowPage: TypeAlias = "Callable[[Visit], Response]"

LARGEST_FORM = 32 * 1024 * 1024
"""Bytes of a form: a value of the largest size, with every character escaped."""

PAGES: dict[str, ShowPage] = {
    "/": overview_page.show_overview,
    "/users": users_page.show_users,
    "/user": user_page.show_user,
    "/tree": user_page.show_branches,
    "/item": item_page.show_item,
    "/item/near": near_page.show_neighbors,
    "/item/value": item_page.show_whole_value,
    "/item/edit": change_page.show_editor,
    "/item/remove": change_page.show_removal,
    "/search": search_page.show_search,
    "/map": map_page.show_map,
    "/history": history_page.show_history,
    "/live": live_page.show_live,
    "/chats": chats_page.show_chats,
    "/files": files_page.show_files,
}
"""The pages that are read, by path."""

FORM_PAGES: dict[str, ShowPage] = {
    "/item/save": change_page.save_item,
    "/item/remove": change_page.remove_item,
}
"""The forms that change items, by path."""


def explorer_app(store: AgentStore, *, authorize: Authorize) -> Any:
    """Return the explorer of a store as an ASGI application, to be mounted in a server of yours.

    Args:
        store: the store; it stays yours to close.
        authorize: a function, or a coroutine function, that gets each request and returns the
            visitor's `ExplorerAccess`, or None to refuse the visitor. Take the user from the
            session of your server, never from the address.

    Raises:
        ConfigurationError: `store` is no `AgentStore`, or `authorize` cannot be called.
        MissingExtraError: the extra `ui` is not installed.
    """
    if not callable(authorize):
        raise ConfigurationError(
            "authorize is a function from a request to an ExplorerAccess or None"
        )
    return GuardedApp(explorer_pages(store, LiveStreams(_plain_store(store))), authorize)


def local_explorer_app(
    store: AgentStore,
    token: str,
    *,
    user_id: str | None = None,
    write: bool = False,
    watching: AgentStore | None = None,
    is_ending: Callable[[], bool] = lambda: False,
) -> Any:
    """Return the explorer for one person at this computer, as `agentstore ui` serves it.

    Only requests with the token, or the cookie that it is exchanged for, are answered, and only
    if they name this computer as their host.

    Args:
        store: the store; it stays yours to close.
        token: the secret in the address, `/?token=…`, at least 16 characters.
        user_id: the only user who is shown; None for all.
        write: whether items can be changed.
        watching: the store that live changes are watched with, where `store` may not write: a
            watch is registered in the database. None: `store`.
        is_ending: whether the server is about to end; streams of changes then do.

    Raises:
        ConfigurationError: the token is too short, or `store` is no `AgentStore`.
        MissingExtraError: the extra `ui` is not installed.
    """
    door = LocalDoor(token, ExplorerAccess(user_id, write))
    streams = LiveStreams(_plain_store(watching or store), is_ending)
    return GuardedApp(explorer_pages(_plain_store(store), streams), door.access_of, door)


def _plain_store(store: AgentStore) -> AgentStore:
    if not isinstance(store, AgentStore):
        raise ConfigurationError(
            f"the explorer needs the AgentStore itself, got {type(store).__name__}; "
            "ExplorerAccess(user_id) confines a visitor to one user"
        )
    return store


def explorer_pages(store: AgentStore, streams: LiveStreams) -> Starlette:
    """Return the pages of an explorer, without the guard that each request passes first."""
    routes: list[BaseRoute] = [
        Route(path, _page_endpoint(store, page), methods=["GET"]) for path, page in PAGES.items()
    ]
    routes += [
        Route(path, _form_endpoint(store, page), methods=["POST"])
        for path, page in FORM_PAGES.items()
    ]
    events = _page_endpoint(store, streams.answer)
    routes.append(Route("/live/events", events, methods=["GET"]))
    routes.append(Mount("/static", StaticFiles(directory=STATIC)))
    return Starlette(routes=routes, exception_handlers={404: _no_such_page})


Endpoint: TypeAlias = "Callable[[Request], Any]"


def _page_endpoint(store: AgentStore, page: ShowPage) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await _page_answer(_visit_of(request, store), page)

    return endpoint


def _form_endpoint(store: AgentStore, page: ShowPage) -> Endpoint:
    def checked(visit: Visit) -> Response:
        visit.check_may_write()
        if not comes_from_own_page(visit.request, visit.asked("form_token")):
            raise PageRefusedError(403, "This form is not from a page of this explorer. Reload it.")
        return page(visit)

    async def endpoint(request: Request) -> Response:
        form = await _form_of(request)
        return await _page_answer(_visit_of(request, store, form), checked)

    return endpoint


def _visit_of(request: Request, store: AgentStore, form: tuple[tuple[str, str], ...] = ()) -> Visit:
    return Visit(request, request.scope["explorer_access"], form, store)


async def _form_of(request: Request) -> tuple[tuple[str, str], ...]:
    """Return the fields of a form; none if it is too large or not a form of ours."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            return ()
    return tuple(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


async def _page_answer(visit: Visit, page: ShowPage) -> Response:
    try:
        # Pages block while the server answers, so each has a thread.
        return await asyncio.to_thread(page, visit)
    except (PageRefusedError, AgentStoreError) as error:
        status, reason = reason_of(error)
        return HTMLResponse(rendered(visit, "refused.html", reason=reason), status)


async def _no_such_page(request: Request, _error: Exception) -> Response:
    visit = Visit(request, request.scope["explorer_access"])
    return HTMLResponse(rendered(visit, "refused.html", reason="There is no such page."), 404)
