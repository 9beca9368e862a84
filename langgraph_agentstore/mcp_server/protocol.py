"""The names of the official SDK that the servers use; importing them needs the extra `mcp`."""

from __future__ import annotations

from .._support.optional import missing

try:
    from mcp import McpError, types
    from mcp.server.lowlevel import NotificationOptions, Server
    from mcp.server.lowlevel.helper_types import ReadResourceContents
except ImportError as error:
    raise missing("mcp", "mcp", error) from error

__all__ = ["McpError", "NotificationOptions", "ReadResourceContents", "Server", "types"]
