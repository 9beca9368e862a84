"""`python -m benchmarks.exporting DSN SCHEMA USER PATH FORMAT`: exports a user's conversations.

Prints as JSON how many turns there were, and by how many MB the process grew meanwhile.
"""

from __future__ import annotations

import json
import sys
import threading

import psutil

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.conversations.export_turns import ExportFormat

_LOOK_EVERY_S = 0.005


class Peak:
    """The most memory that this process has had while the block ran, beyond its beginning, MB."""

    def __enter__(self) -> Peak:
        self._process = psutil.Process()
        self._first = self._most = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def grown_mb(self) -> float:
        """So far."""
        return (self._most - self._first) / 1e6

    def _look(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            self._most = max(self._most, self._process.memory_info().rss)


def export(dsn: str, schema: str, user: str, path: str, format: ExportFormat) -> dict[str, float]:
    """A small part first, so that what is loaded once does not count."""
    with AgentStore(dsn, schema=schema) as store:
        memory = ConversationMemory(store, user)
        memory.export(path, format, thread_id="thread 1")
        with Peak() as peak:
            count = memory.export(path, format)
    return {"turns": count, "grown_mb": peak.grown_mb}


if __name__ == "__main__":
    print(json.dumps(export(*sys.argv[1:])))  # type: ignore[arg-type]
