"""What a failed write means for the turns it was to save: try again, or give up."""

from __future__ import annotations

import asyncio
import concurrent.futures

from ..errors import (
    AgentStoreError,
    DatabaseError,
    EmbeddingError,
    InvalidKeyError,
    InvalidNamespaceError,
    InvalidOperationError,
    InvalidValueError,
    ItemLockedError,
    StoreClosedError,
    ValueTypeError,
)

_OF_THE_TURN = (
    InvalidKeyError,
    InvalidNamespaceError,
    InvalidOperationError,
    InvalidValueError,
    ValueTypeError,
)
_REFUSED_CLASSES = ("22", "23")
"""SQLSTATE: data exceptions and violated constraints, which another attempt meets again."""

_OF_THE_DATABASE = (
    *(ConnectionError, TimeoutError, OSError, StoreClosedError),
    # Before Python 3.11 these are no TimeoutError.
    *(asyncio.TimeoutError, concurrent.futures.TimeoutError),
)
_OF_ONE_ITEM = (EmbeddingError, ItemLockedError)
"""Some of them time out, and others need not."""


def is_unreachable(error: Exception) -> bool:
    """Whether the database, not the turn, is the reason: all others would fail as well."""
    return isinstance(error, _OF_THE_DATABASE) and not isinstance(error, _OF_ONE_ITEM)


def is_hopeless(error: Exception) -> bool:
    """Whether the same write would fail again, for ever.

    Of what is not known it is assumed that it passes: a turn is kept rather than lost.
    """
    if isinstance(error, (*_OF_THE_TURN, StoreClosedError)):
        return True
    if isinstance(error, DatabaseError):
        return (error.sqlstate or "").startswith(_REFUSED_CLASSES)
    foreign = not isinstance(error, (AgentStoreError, OSError))
    return foreign and isinstance(error, (TypeError, ValueError))
