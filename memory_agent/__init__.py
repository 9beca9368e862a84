"""A short name for a start: `from memory_agent import agent; agent.MemoryAgent(…)`."""

from . import agent

__all__ = ["agent"]
