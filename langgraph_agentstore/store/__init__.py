"""The LangGraph store and its views, one per user."""

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names

if TYPE_CHECKING:
    from .agent_store import AgentStore
    from .user_views import PerUserStore, UserStore

__all__ = ["AgentStore", "PerUserStore", "UserStore"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__, {".agent_store": ("AgentStore",), ".user_views": ("PerUserStore", "UserStore")}
    )
