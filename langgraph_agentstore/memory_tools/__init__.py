"""Facts that an agent keeps about its user, written and found by the model itself.

`memory_tools` makes the LangChain tools. Each fact tells from which thread it came.
"""

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names

if TYPE_CHECKING:
    from .tools import memory_tools
else:
    # Tools need LangGraph's runtime, which takes longer to import than all the rest.
    __getattr__, __dir__ = lazy_names(__name__, {".tools": ("memory_tools",)})

__all__ = ["memory_tools"]
