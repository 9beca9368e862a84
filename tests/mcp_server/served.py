"""Serves a store in a process of its own, for the tests: DSN, schema, user and kind of server."""

from __future__ import annotations

import asyncio
import sys

from langgraph_agentstore import AgentStore
from langgraph_agentstore.mcp_server import (
    http_app,
    knowledge_graph_server,
    memory_server,
    serve_stdio,
)

KINDS = {"memory": memory_server, "graph": knowledge_graph_server}


async def main(dsn: str, schema: str, user_id: str, kind: str, *token_and_port: str) -> None:
    async with AgentStore(dsn, schema=schema, index={"mode": "text"}) as store:
        server = KINDS[kind](store, user_id)
        if not token_and_port:
            await serve_stdio(server)
            return
        import uvicorn

        token, port = token_and_port
        app = http_app(server, token)
        await uvicorn.Server(uvicorn.Config(app, port=int(port), log_level="error")).serve()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
