"""The operations log: an entry for each successful operation of an agent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Protocol, TypeAlias

import orjson

logger = logging.getLogger("langgraph_agentstore")

PREVIEW_LENGTH = 200

LogEntry: TypeAlias = dict[str, Any]


class Appendable(Protocol):
    """Anything that takes entries, such as a list."""

    def append(self, entry: LogEntry, /) -> object:
        """Take an entry."""


OpsLog: TypeAlias = "Appendable | Callable[[LogEntry], object]"


def log_entry(
    ops_log: OpsLog | None, op: str, namespace: str, agent: str | None, details: LogEntry
) -> None:
    """Add an entry; an error of the log is logged, since the operation itself succeeded."""
    if ops_log is None:
        return
    ts = datetime.now(timezone.utc).isoformat()
    entry = {"op": op, "namespace": namespace, "agent": agent, "ts": ts, **details}
    try:
        if callable(ops_log):
            ops_log(entry)
        else:
            ops_log.append(entry)
    except Exception:
        logger.exception("the operations log did not take %s of %r", op, namespace)


def preview(value: object) -> str:
    """Return the JSON text, cut to 200 characters and an ellipsis."""
    text = orjson.dumps(value).decode()
    return text if len(text) <= PREVIEW_LENGTH else f"{text[:PREVIEW_LENGTH]}…"
