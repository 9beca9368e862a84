"""The operations log: what an agent did, one entry for each success."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Protocol, TypeAlias

import orjson

logger = logging.getLogger("langgraph_agentstore")

PREVIEW_LENGTH = 200

Entry: TypeAlias = dict[str, Any]


class Appendable(Protocol):
    """What takes entries, such as a list."""

    def append(self, entry: Entry, /) -> object:
        """Takes one."""


OpsLog: TypeAlias = "Appendable | Callable[[Entry], object]"


def log_entry(
    ops_log: OpsLog | None, op: str, namespace: str, agent: str | None, details: Entry
) -> None:
    """Adds an entry; whatever goes wrong with that, the operation itself has succeeded."""
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
    """The JSON text, cut to 200 characters and an ellipsis."""
    text = orjson.dumps(value).decode()
    return text if len(text) <= PREVIEW_LENGTH else f"{text[:PREVIEW_LENGTH]}…"
