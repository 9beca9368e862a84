"""Memory agents over every storage type that needs no server of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph_agentstore.memory_agent import MemoryAgent

KEY = "c2l4dGVlbiBieXRlcyBvZiBhIGtleSwgYW5kIHNvIG8="
OTHER_KEY = KEY[::-1].removeprefix("=") + "="

FILES = ("json", "csv", "yaml", "pickle")
LOCAL = ("memory", "sqlite", *FILES)


def open_agent(kind: str, folder: Path, **options: Any) -> MemoryAgent:
    """An agent whose file, if it has one, is in the folder: always the same one."""
    if kind == "memory":
        return MemoryAgent("memory", **options)
    if kind == "pickle":
        options.setdefault("encryption_key", KEY)
    return MemoryAgent(kind, folder / f"memories.{kind}", **options)
