"""A LangGraph store on Postgres for agents that must remember: user, namespace, key."""

from .store import AgentStore

__all__ = ["AgentStore"]
