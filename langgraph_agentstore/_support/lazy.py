"""Public names that are imported when they are first used (PEP 562).

A package says which of its modules have which names:

    if TYPE_CHECKING:
        from .store import AgentStore
    else:
        __getattr__, __dir__ = lazy_names(__name__, {"..store.agent_store": ("AgentStore",)})

Type checkers read the import, and so know what is a name and what is none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def lazy_names(
    package: str, names: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose modules have these names.

    A module of the package is found under its own name too, as if it had been imported.
    """
    here = sys.modules[package]
    module_of = {name: module for module, listed in names.items() for name in listed}

    def get(name: str) -> Any:
        if name in module_of:
            value = getattr(import_module(module_of[name], package), name)
        elif not name.startswith("_") and find_spec(f"{package}.{name}") is not None:
            return import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(here, name, value)  # from now on it is found without asking
        return value

    def all_names() -> list[str]:
        return sorted({*vars(here), *module_of})

    return get, all_names
