"""Observation of operations: figures by kind, and a log of those that took long.

Each task that works for callers names their operations by `working_for`. Who then waits for the
server, for a locked item or for a model adds the wait to the requests of these operations.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextvars import ContextVar, Token
from time import perf_counter
from typing import Any

from ..results import KindStats
from ..telemetry.recorder import Recorder
from .caller_requests import WAITS, PendingOperation, Request

logger = logging.getLogger("langgraph_agentstore")


class working_for:  # a context manager, used like a function
    """Name the operations that the current task works for, until the block ends."""

    __slots__ = ("_token", "entries")

    def __init__(self, entries: Sequence[PendingOperation]) -> None:
        self.entries = entries
        self._token: Token[working_for | None] | None = None

    def __enter__(self) -> None:
        self._token = _WORK.set(self)

    def __exit__(self, *_: object) -> None:
        # Timers set meanwhile keep this context for long: they must not keep the results, too.
        self.entries = ()
        assert self._token is not None
        _WORK.reset(self._token)


_WORK: ContextVar[working_for | None] = ContextVar("agentstore_work", default=None)


def requests_at_work() -> set[Request]:
    """Return the requests for which the current task works."""
    work = _WORK.get()
    return set() if work is None else {entry.request for entry in work.entries}


def note_wait(wait: str, seconds: float) -> None:
    """Add a wait, of `WAITS`, to the requests for which the current task works."""
    for request in requests_at_work():
        request.waits[wait] = request.waits.get(wait, 0.0) + seconds


def note_part(part: Request) -> None:
    """Add the waits of a request that was a part of those for which the current task works."""
    for wait, seconds in part.waits.items():
        note_wait(wait, seconds)


class Observer:
    """The figures of one store by kind of operation, its log of slow operations, its telemetry."""

    def __init__(self, slow_operation_s: float | None, recorder: Recorder | None) -> None:
        self._slow_s = slow_operation_s
        self.recorder = recorder
        self._kinds: dict[str, list[float]] = {}
        # Reads near their callers are finished on another thread.
        self._gate = threading.Lock()

    def after_fork(self) -> None:
        """Forget a thread of the parent that may have been counting."""
        self._gate = threading.Lock()

    def connected(self, server: Any) -> None:
        """Note the server of a connection, for telemetry."""
        if self.recorder is not None:
            self.recorder.connected(server)

    def finished(self, requests: Sequence[Request]) -> None:
        """Count the operations of requests that are done, before their callers hear of it."""
        now = perf_counter()
        for request in requests:
            if not request.is_observed:
                continue
            took_s = now - request.began_s
            with self._gate:
                for operation in request.operations:
                    self._count(operation.kind, took_s)
                for position in request.errors or ():
                    self._kinds[request.operations[position].kind][1] += 1
            if self._slow_s is not None and took_s >= self._slow_s:
                logger.warning("%s", _slow_line(request, took_s))
        if self.recorder is not None:
            self.recorder.record([each for each in requests if each.is_observed], now)

    def _count(self, kind: str, took_s: float) -> None:
        figures = self._kinds.get(kind)
        if figures is None:
            figures = self._kinds[kind] = [0, 0, 0.0, 0.0]
        figures[0] += 1
        figures[2] += took_s
        if took_s > figures[3]:
            figures[3] = took_s

    def kinds(self) -> dict[str, KindStats]:
        """Return the figures of each kind, in the order of the alphabet."""
        return {
            kind: KindStats(int(count), int(failed), seconds, slowest_s)
            for kind, (count, failed, seconds, slowest_s) in sorted(self._kinds.items())
        }


def _slow_line(request: Request, took_s: float) -> str:
    """Describe a slow request in one line; it names no user, key, value or text."""
    operation, count = request.operations[0], len(request.operations)
    others = f" and {count - 1} more" if count > 1 else ""
    depth = namespace_depth(operation)
    where = "" if depth is None else f", namespace of {depth} labels"
    named = ", ".join(f"{wait} {request.waits.get(wait, 0.0):.3f} s" for wait in WAITS)
    queue_s = max(0.0, took_s - sum(request.waits.values()))
    error = next(iter((request.errors or {}).values()), None)
    failed = "" if error is None else f"; {type(error).__name__}"
    return (
        f"slow operation: {operation.kind}{others} took {took_s:.3f} s{where} "
        f"(queue {queue_s:.3f} s, {named}){failed}"
    )


def namespace_depth(operation: Any) -> int | None:
    """Return how many labels the namespace of an operation has, below its user; None: unknown."""
    item_id = getattr(operation, "item_id", None)
    if item_id is not None:
        return item_id[1].count(":") + 1 if item_id[1] else 0
    depth: int | None = getattr(operation, "depth", None)
    return depth
