"""Check every request before it reaches a page, and add headers to every answer."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from .access import (
    WRITE_COOKIE,
    Authorize,
    ExplorerAccess,
    LocalDoor,
    is_of_this_computer,
    new_form_token,
)

ExplorerMessage: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[ExplorerMessage]]
Send: TypeAlias = Callable[[ExplorerMessage], Awaitable[None]]

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # With "no-referrer", browsers would not tell from which site a form was sent.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""Headers of every answer: nothing from elsewhere, no script or style within a page."""


class GuardedApp:
    """An ASGI application that only those reach whom `authorize` or the local door lets in."""

    def __init__(self, app: Any, authorize: Authorize, door: LocalDoor | None = None) -> None:
        self._app = app
        self._authorize = authorize
        self._door = door

    async def __call__(self, scope: ExplorerMessage, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        answer: Any = await self._refused(request) or self._app
        form_token = request.cookies.get(WRITE_COOKIE) or new_form_token()
        scope["explorer_form_token"] = form_token
        await answer(scope, receive, _with_headers(request, form_token, send))

    async def _refused(self, request: Request) -> Response | None:
        """Return the answer to a request that reaches no page; None lets it pass."""
        if self._door is not None:
            if not is_of_this_computer(request.headers.get("host", "")):
                return PlainTextResponse("This explorer answers this computer only.", 421)
            if "token" in request.query_params:
                return _exchanged(request, self._door)
        access = self._authorize(request)
        if inspect.isawaitable(access):
            access = await access
        if not isinstance(access, ExplorerAccess):
            return PlainTextResponse(_closed(self._door is not None), 403)
        request.scope["explorer_access"] = access
        return None


def _closed(is_local: bool) -> str:
    if not is_local:
        return "You may not see this page."
    return "Open the address that `agentstore ui` printed, with its token."


def _exchanged(request: Request, door: LocalDoor) -> Response:
    """Take the token out of the address: the browser keeps it as a cookie from now on."""
    if not door.opens(request.query_params["token"]):
        return PlainTextResponse(_closed(True), 403)
    rest = [(n, v) for n, v in request.query_params.multi_items() if n != "token"]
    answer = RedirectResponse(f"{request.url.path}?{urlencode(rest)}".rstrip("?"), 303)
    answer.set_cookie(door.cookie, door.cookie_value, httponly=True, samesite="strict")
    return answer


def _with_headers(request: Request, form_token: str, send: Send) -> Send:
    is_new = WRITE_COOKIE not in request.cookies
    is_static = "/static/" in request.url.path

    async def sending(message: ExplorerMessage) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers["cache-control"] = "max-age=3600" if is_static else "no-store"
            if is_new and not is_static:
                secure = "; Secure" if request.url.scheme == "https" else ""
                cookie = f"{WRITE_COOKIE}={form_token}; Path=/; HttpOnly; SameSite=Strict{secure}"
                headers.append("set-cookie", cookie)
        await send(message)

    return sending
