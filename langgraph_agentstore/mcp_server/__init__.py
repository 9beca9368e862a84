"""MCP servers over a store, for editors and chat clients; they need the extra `mcp`.

`memory_server` keeps one user's memories, `knowledge_graph_server` one user's graph of entities and
relations, and `inspection_server` reads everything. `serve_stdio` and `http_app` connect a server
to clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names

if TYPE_CHECKING:
    from .graph_tools import knowledge_graph_server
    from .inspection import inspection_server
    from .knowledge_graph import import_graph
    from .memories import memory_server
    from .transports import http_app, serve_stdio
else:  # They need the extra `mcp`.
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            ".graph_tools": ("knowledge_graph_server",),
            ".inspection": ("inspection_server",),
            ".knowledge_graph": ("import_graph",),
            ".memories": ("memory_server",),
            ".transports": ("http_app", "serve_stdio"),
        },
    )

__all__ = [
    "http_app",
    "import_graph",
    "inspection_server",
    "knowledge_graph_server",
    "memory_server",
    "serve_stdio",
]
