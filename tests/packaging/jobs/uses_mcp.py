"""A client of the official SDK sees the tools of a server; nothing is stored without a database."""

import asyncio

from mcp.shared.memory import create_connected_server_and_client_session

from langgraph_agentstore import AgentStore
from langgraph_agentstore.mcp_server import knowledge_graph_server, memory_server


async def main() -> None:
    store = AgentStore("postgresql://localhost/none")
    for make, tools in ((memory_server, 7), (knowledge_graph_server, 9)):
        async with create_connected_server_and_client_session(make(store, "ada")) as session:
            assert len((await session.list_tools()).tools) == tools


asyncio.run(main())
