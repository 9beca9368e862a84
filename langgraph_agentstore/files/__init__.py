"""An agent's virtual file system: files are items, their paths the keys. Two dialects, one core.

Dialect 1 is spoon_ai's: `StoreBackend`, over any LangGraph store or one of its own kind.
Dialect 2 is deepagents': `DeepAgentsBackend`, which needs the extra `deepagents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    if name != "DeepAgentsBackend":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .deep_agents import DeepAgentsBackend

    return DeepAgentsBackend
