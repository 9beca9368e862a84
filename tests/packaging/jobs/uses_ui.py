"""The explorer of a store refuses a visitor without rights; no database is asked for that."""

import asyncio

import uvicorn

from langgraph_agentstore import AgentStore
from langgraph_agentstore.explorer import explorer_app

app = explorer_app(AgentStore("postgresql://localhost/none"), authorize=lambda _: None)
assert uvicorn.Config(app).app is app


async def status_of(path: str) -> int:
    sent: list[dict[str, int]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, int]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(b"host", b"localhost")],
        "server": ("localhost", 80),
    }
    await app(scope, receive, send)
    return sent[0]["status"]


assert asyncio.run(status_of("/")) == 403
