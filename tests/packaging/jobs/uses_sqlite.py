"""Memories and files in SQLite."""

from langgraph_agentstore.files import create_store_backend
from memory_agent.agent import MemoryAgent

with MemoryAgent("sqlite", "memories.db", user_id="ada") as agent:
    agent.store_memory("log/1", {"n": 1})
    agent.store_memory("log/2", {"n": 2})
    assert agent.search_memory("log/", {"n": {"$gt": 1}}) == [{"n": 2}]

create_store_backend(db_path="files.db").write("/a", "x")
