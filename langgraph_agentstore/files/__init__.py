"""An agent's virtual file system: files are items, their paths the keys. Two dialects, one core.

Dialect 1 is spoon_ai's: `StoreBackend`, over any LangGraph store or one of its own kind.
Dialect 2 is deepagents': `DeepAgentsBackend`, which needs the extra `deepagents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names
from .adapters import FromLangGraph, SQLiteStore, ToLangGraph
from .spoon import StoreBackend, create_store_backend
from .spoon_results import (
    EditResult,
    FileDownloadResponse,
    FileInfo,
    FileUploadResponse,
    GrepMatch,
    WriteResult,
)
from .spoon_stores import BaseStore, InMemoryStore

if TYPE_CHECKING:
    from .deep_agents import DeepAgentsBackend
else:  # It needs the extra `deepagents`.
    __getattr__, __dir__ = lazy_names(__name__, {".deep_agents": ("DeepAgentsBackend",)})

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
