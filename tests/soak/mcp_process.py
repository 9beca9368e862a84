"""An MCP server over standard streams, of one user: `python -m tests.soak.mcp_process`.

`AGENTSTORE_SOAK_MCP` has the opening and the user, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os

from langgraph_agentstore.mcp_server import memory_server, serve_stdio
from tests.soak.opening import INDEXED, Opening, index

VARIABLE = "AGENTSTORE_SOAK_MCP"


async def main() -> None:
    task = json.loads(os.environ[VARIABLE])
    opening = Opening(**task["opening"])
    async with opening.store(INDEXED, index=index(), pool={"max_size": 4}) as store:
        await serve_stdio(memory_server(store, task["user"]))


if __name__ == "__main__":
    asyncio.run(main())
