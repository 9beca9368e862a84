"""Hints: warnings about legal but probably unintended input, once for each store."""

from __future__ import annotations

import logging

_logger = logging.getLogger("langgraph_agentstore")

MOST = 1_000
"""Different hints that a store remembers and gives: filters may name any number of fields."""


class Hints:
    """The hints that the users of one store were given."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, hint: str) -> None:
        """Log a warning, unless it was logged before."""
        if hint not in self._given and len(self._given) < MOST:
            self._given.add(hint)
            _logger.warning(hint)
