"""A web page to look around in a store; it needs the extra `ui`.

`agentstore ui` serves it on this computer. `explorer_app` returns it as an ASGI application for a
server of one's own, which tells by `authorize` who sees what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names
from .access import ExplorerAccess

if TYPE_CHECKING:
    from .app import explorer_app
else:  # It needs the extra `ui`.
    __getattr__, __dir__ = lazy_names(__name__, {".app": ("explorer_app",)})

__all__ = ["ExplorerAccess", "explorer_app"]
