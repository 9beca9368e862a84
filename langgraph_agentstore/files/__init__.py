"""An agent's virtual file system: files are items, and their paths are the keys.

Two dialects share one core. `StoreBackend` is for spoon_ai's agents, over any LangGraph store or
a store of spoon_ai's kind. `DeepAgentsBackend` is for deepagents and needs the extra `deepagents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names
from .spoon_ai.backend import StoreBackend, create_store_backend
from .spoon_ai.results import (
    EditResult,
    FileDownloadResponse,
    FileInfo,
    FileUploadResponse,
    GrepMatch,
    WriteResult,
)
from .spoon_ai.stores import BaseStore, FromLangGraph, InMemoryStore, SQLiteStore, ToLangGraph

if TYPE_CHECKING:
    from .deep_agents.backend import DeepAgentsBackend
else:  # It needs the extra `deepagents`.
    __getattr__, __dir__ = lazy_names(__name__, {".deep_agents.backend": ("DeepAgentsBackend",)})

__all__ = [
    "BaseStore",
    "DeepAgentsBackend",
    "EditResult",
    "FileDownloadResponse",
    "FileInfo",
    "FileUploadResponse",
    "FromLangGraph",
    "GrepMatch",
    "InMemoryStore",
    "SQLiteStore",
    "StoreBackend",
    "ToLangGraph",
    "WriteResult",
    "create_store_backend",
]
