"""Commands that serve a store to other programs."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .._support.optional import imported
from ..errors import ConfigurationError
from ..store.agent_store import AgentStore
from .commands import WORDS_INDEX, CommandRun
from .output import note

if TYPE_CHECKING:
    from ..mcp_server.server import StoreServer

TOKEN_VARIABLE = "AGENTSTORE_MCP_TOKEN"


def mcp(
    run: CommandRun,
    *,
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="The user whose memories are served.")
    ] = None,
    knowledge_graph: Annotated[
        bool,
        typer.Option(
            "--knowledge-graph", help="Serve a graph of entities and relations instead of memories."
        ),
    ] = False,
    inspect: Annotated[
        bool, typer.Option("--inspect", help="Serve read access to all users, for operators.")
    ] = False,
    import_file: Annotated[
        Path | None, typer.Option(help="Add a memory.jsonl to the knowledge graph first.")
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help=f"Serve over HTTP, with the token of {TOKEN_VARIABLE}."
        ),
    ] = None,
) -> None:
    """Serve memories to editors and chat clients, by standard input and output or over HTTP."""
    if (user is None) == (not inspect):
        raise ConfigurationError("give --user with whose memories to serve, or --inspect")
    if import_file is not None and not knowledge_graph:
        raise ConfigurationError("--import-file goes with --knowledge-graph")
    imported("mcp", "mcp")
    index = run.server.index or WORDS_INDEX
    store = run.reading(index) if inspect else run.store(index)
    asyncio.run(_serve(store, user, knowledge_graph, import_file, http))


async def _serve(
    store: AgentStore,
    user: str | None,
    knowledge_graph: bool,
    import_file: Path | None,
    http: str | None,
) -> None:
    from ..mcp_server import (
        http_app,
        import_graph,
        inspection_server,
        knowledge_graph_server,
        memory_server,
        serve_stdio,
    )
    from ..mcp_server.transports import quiet_the_sdk

    quiet_the_sdk()
    server: StoreServer
    if user is None:
        server = inspection_server(store)
    elif knowledge_graph:
        server = knowledge_graph_server(store, user)
        if import_file is not None:
            added = await import_graph(store.for_user(user), import_file)
            note(f"added {len(added.entities)} entities and {len(added.relations)} relations")
    else:
        server = memory_server(store, user)
    if http is None:
        await serve_stdio(server)
        return
    host, port = _http_address(http)
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise ConfigurationError(f"--http needs a token: set {TOKEN_VARIABLE} to a long secret")
    app = http_app(server, token)
    uvicorn = imported("uvicorn", "mcp")
    note(f"serving http://{host}:{port}/mcp")
    await uvicorn.Server(uvicorn.Config(app, host, port, log_level="warning")).serve()


def _http_address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal()):
        raise ConfigurationError(f"--http is HOST:PORT, such as 127.0.0.1:8321, got {text!r}")
    return host.strip("[]"), int(port)


def ui(
    run: CommandRun,
    *,
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="The only user who is shown.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Let items be changed.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address only.")
    ] = False,
) -> None:
    """Serve a web page on this computer to look around in the store, until Ctrl-C."""
    for package in ("starlette", "jinja2", "uvicorn"):
        imported(package, "ui")
    from ..explorer.app import local_explorer_app

    index = run.server.index or WORDS_INDEX
    store = run.store(index) if write else run.reading(index)
    token = secrets.token_urlsafe(24)
    # A watch is registered in the database, so that one needs a session that writes.
    app = local_explorer_app(
        store,
        token,
        user_id=user,
        write=write,
        watching=store if write else run.store(),
        is_ending=lambda: server.should_exit,
    )
    listening = _loopback_socket(port)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}/?token={token}"
    note(f"serving {address}")
    if not no_browser:
        webbrowser.open(address)
    uvicorn = imported("uvicorn", "ui")
    config = uvicorn.Config(app, log_level="warning", server_header=False, lifespan="off")
    server = uvicorn.Server(config)
    server.run(sockets=[listening])


def _loopback_socket(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.bind(("127.0.0.1", port))
        # A browser that opens before the server serves waits then, and is not refused.
        listening.listen()
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"port {port} of 127.0.0.1 cannot be used ({error.strerror}): give another --port"
        ) from None
    return listening
