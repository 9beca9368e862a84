"""Imports of optional packages, with an error that names the extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import MissingExtraError


def imported(module: str, extra: str) -> Any:
    """Import a module and return it.

    Raises:
        MissingExtraError: the module, or a package it needs, is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise missing(module, extra, error) from error


def missing(module: str, extra: str, error: ImportError) -> MissingExtraError:
    """Return the error for a module of an extra that cannot be imported."""
    return MissingExtraError(
        f"{module} cannot be imported ({error}); install it with "
        f"pip install 'langgraph_agentstore[{extra}]'"
    )
