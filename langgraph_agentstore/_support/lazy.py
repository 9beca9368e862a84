"""Public names that are imported when they are first used (PEP 562).

A package says which of its modules have which names:

    if TYPE_CHECKING:
        from .agent_store import AgentStore
    else:
        __getattr__, __dir__ = lazy_names(__name__, {".agent_store": ("AgentStore",)})

Type checkers read the import.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def lazy_names(
    package: str, names: Mapping[str, tuple[str, ...]], moved_to: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a package whose modules have these names.

    A module of the package is found under its own name too, as if it had been imported.

    Args:
        package: its `__name__`.
        names: the names of each module, which is given relative to the package.
        moved_to: a module whose classes were names of the package in an earlier release. They
            are still found, with a DeprecationWarning.
    """
    here = sys.modules[package]
    module_of = {name: module for module, listed in names.items() for name in listed}

    def get(name: str) -> Any:
        if name in module_of:
            value = getattr(import_module(module_of[name], package), name)
        elif not name.startswith("_") and find_spec(f"{package}.{name}") is not None:
            return import_module(f"{package}.{name}")
        elif moved_to is not None and (moved := _class_of(moved_to, package, name)) is not None:
            place = moved.__module__
            warnings.warn(
                f"import {name} from {place}; {package} has it until 0.3",
                DeprecationWarning,
                stacklevel=2,
            )
            return moved
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(here, name, value)  # from now on it is found without asking
        return value

    def all_names() -> list[str]:
        return sorted({*vars(here), *module_of})

    return get, all_names


def _class_of(module: str, package: str, name: str) -> type | None:
    found = import_module(module, package)
    value = getattr(found, name, None)
    return value if isinstance(value, type) and value.__module__ == found.__name__ else None
