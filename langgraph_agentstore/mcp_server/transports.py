"""Serve clients by the process's own streams, or over HTTP with a token."""

from __future__ import annotations

import hmac
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, Literal, TextIO, TypeAlias

from ..errors import ConfigurationError
from .server import StoreServer

AsgiMessage: TypeAlias = MutableMapping[str, Any]
Asgi: TypeAlias = Callable[
    [AsgiMessage, Callable[[], Awaitable[AsgiMessage]], Callable[[AsgiMessage], Awaitable[None]]],
    Awaitable[None],
]

SHORTEST_TOKEN = 16


def quiet_the_sdk() -> None:
    """Keep out of the logs what the SDK warns of for each client; for a process of one's own.

    Newer clients first ask for what it does not know, and its warning shows parts of the request.
    """
    for name in (None, "mcp.server.streamable_http"):
        logging.getLogger(name).addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    import anyio

    has_left = record.exc_info is not None and isinstance(
        record.exc_info[1], anyio.ClosedResourceError
    )
    return not has_left and not str(record.msg).startswith("Failed to validate ")


async def serve_stdio(server: StoreServer) -> None:
    """Serve one client by standard input and output until it closes them."""
    import anyio
    from mcp.server.stdio import stdio_server

    # By itself, the SDK closes the process's own streams, which others still flush at the end.
    with _copy_of(0, "r") as stdin, _copy_of(1, "w") as stdout:
        streams = stdio_server(anyio.wrap_file(stdin), anyio.wrap_file(stdout))
        async with streams as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())


def _copy_of(descriptor: int, mode: Literal["r", "w"]) -> TextIO:
    copy = os.dup(descriptor)
    return os.fdopen(copy, mode, encoding="utf-8", errors="replace" if mode == "r" else "strict")


def http_app(server: StoreServer, token: str, *, path: str = "/mcp") -> Any:
    """Return an ASGI application that serves any number of clients by streamable HTTP.

    Args:
        server: the server.
        token: what clients send as `Authorization: Bearer …`, at least 16 characters.
        path: the path of the server.

    Raises:
        ConfigurationError: the token is too short to be a secret.
    """
    if len(token) < SHORTEST_TOKEN:
        raise ConfigurationError(
            f"the token has {len(token)} characters, fewer than {SHORTEST_TOKEN}: take "
            "secrets.token_urlsafe()"
        )
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from starlette.applications import Starlette
    from starlette.routing import Route

    sessions = StreamableHTTPSessionManager(server)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with sessions.run():
            yield

    guarded = _Guarded(sessions.handle_request, token)
    return Starlette(routes=[Route(path, endpoint=guarded)], lifespan=lifespan)


class _Guarded:
    """An ASGI application that only requests with the token reach."""

    def __init__(self, app: Asgi, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(
        self,
        scope: AsgiMessage,
        receive: Callable[[], Awaitable[AsgiMessage]],
        send: Callable[[AsgiMessage], Awaitable[None]],
    ) -> None:
        given = dict(scope["headers"]).get(b"authorization", b"")
        if hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b"Bearer")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        body = b"send the token as Authorization: Bearer ..."
        await send({"type": "http.response.body", "body": body})
