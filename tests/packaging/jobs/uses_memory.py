"""Memories in one file."""

from memory_agent.agent import MemoryAgent

for kind in ("json", "csv"):
    with MemoryAgent(kind, f"memories.{kind}", user_id="ada") as agent:
        agent.store_memory("talk", {"text": "My cat is called Turing."})
    with MemoryAgent(kind, f"memories.{kind}", user_id="ada") as agent:
        assert agent.retrieve_memory("talk") == {"text": "My cat is called Turing."}
