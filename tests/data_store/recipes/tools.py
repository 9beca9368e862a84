"""Tools for agents that are tried."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any


class Tools:
    """Tools that answer from a dict, and remember what they were asked."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        answer = self._answers[name]

        async def call(*arguments: Any) -> Any:
            self.calls.append((name, *arguments))
            return answer(*arguments) if callable(answer) else answer

        return call
