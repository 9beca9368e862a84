"""Saving in the background: a turn is accepted at once and written by another thread.

Accepted turns wait in a buffer of bounded length. A thread runs while turns wait and writes them
together. While the database is down, it retries at growing intervals without end. A turn that
fails while others succeed is retried alone, and no other turn waits for it. A full buffer rejects
further turns with an error.

`kill -9` loses the waiting turns. If the process or the store ends while the database is down,
turns that cannot be written within `drain_timeout_s` are lost.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import logging
import os
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

from langgraph.store.base import BaseStore

from .._support.lifecycle import Handle
from ..errors import (
    AgentStoreError,
    DatabaseError,
    EmbeddingError,
    InvalidKeyError,
    InvalidNamespaceError,
    InvalidOperationError,
    InvalidValueError,
    ItemLockedError,
    QuotaExceededError,
    StoreClosedError,
    TurnRefusedError,
    UserErasedError,
    ValueTypeError,
)
from ..model.checks import check_whole
from ..model.json_values import shown
from ..model.provenance import NOTHING_SAID, Provenance, current_provenance, provenance
from ..store.step_driver import InThread, Steps, run
from .turn_store import TurnStore, opening
from .turns import Turn

logger = logging.getLogger("langgraph_agentstore.conversations")

DEFAULT_CAPACITY = 10_000
TURNS_AT_ONCE = 500
RETRIED_AT_ONCE = 10
"""The most failed turns retried in a row: each is a statement, and new turns may come meanwhile."""

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0
LONGEST_PAUSE_OF_A_TURN_S = 60.0
DEFAULT_DRAIN_TIMEOUT_S = 30.0
READERS_WAIT_S = 2.0

_OF_THE_TURN = (
    InvalidKeyError,
    InvalidNamespaceError,
    InvalidOperationError,
    InvalidValueError,
    UserErasedError,
    ValueTypeError,
)
_REFUSED_CLASSES = ("22", "23")
"""SQLSTATE classes of data exceptions and violated constraints: a retry fails again."""

_OF_THE_DATABASE = (
    *(ConnectionError, TimeoutError, OSError, StoreClosedError),
    # Before Python 3.11 these are not a TimeoutError.
    *(asyncio.TimeoutError, concurrent.futures.TimeoutError),
)
_OF_ONE_ITEM = (EmbeddingError, ItemLockedError)
"""Errors of one item: even a timeout among them says nothing about other items."""


@dataclass(frozen=True, slots=True)
class SaverStats:
    """Counters since the saver was created, and the number of turns that wait now.

    `accepted` is `saved` + `lost` + `waiting`. `refused`: turns that were not accepted, because the
    buffer was full or the messages did not make a turn. `lost`: accepted turns that the server
    rejected, or that still waited at the end. `retries`: failed attempts that were, or will be,
    repeated.
    """

    accepted: int = 0
    saved: int = 0
    refused: int = 0
    lost: int = 0
    retries: int = 0
    waiting: int = 0


@dataclass(slots=True)
class _Attempts:
    """The pause after a failed attempt, which doubles with each failure."""

    longest_pause_s: float
    pause_s: float = 0.0
    failed_s: float = 0.0

    def fail(self) -> None:
        self.failed_s = time.monotonic()
        self.pause_s = min(max(FIRST_PAUSE_S, 2 * self.pause_s), self.longest_pause_s)

    def left_s(self, hurried: bool) -> float:
        """Return the seconds until the next attempt."""
        pause_s = min(self.pause_s, FIRST_PAUSE_S) if hurried else self.pause_s
        return self.failed_s + pause_s - time.monotonic() if pause_s else 0.0


@dataclass(slots=True)
class _Waiting:
    turn_store: TurnStore
    turn: Turn
    said: Provenance = NOTHING_SAID
    attempts: _Attempts = field(default_factory=lambda: _Attempts(LONGEST_PAUSE_OF_A_TURN_S))


class BackgroundSaver(Handle):
    """A buffer of turns that a thread writes in the order in which they were accepted.

    Args:
        capacity: the largest number of waiting turns.
        drain_timeout_s: how long `drain()`, closing the store and ending the process wait for the
            remaining turns while the database is away.
    """

    _all: ClassVar[weakref.WeakSet[BackgroundSaver]] = weakref.WeakSet()

    def __init__(
        self,
        capacity: int = DEFAULT_CAPACITY,
        drain_timeout_s: float = DEFAULT_DRAIN_TIMEOUT_S,
    ) -> None:
        self.capacity = check_whole("capacity", capacity, 1)
        self.drain_timeout_s = drain_timeout_s
        self._stats = SaverStats()
        self._reset()
        self._all.add(self)

    def _reset(self) -> None:
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._flushing = 0
        self._outage = _Attempts(LONGEST_PAUSE_S)

    @property
    def is_failing(self) -> bool:
        """Tell whether the database was away at the last attempt."""
        return self._outage.pause_s > 0

    def stats(self) -> SaverStats:
        """Return the counters, without I/O."""
        with self._changed:
            return replace(self._stats, waiting=len(self._waiting))

    def save(self, turn_store: TurnStore, turn: Turn) -> None:
        """Accept a turn; never wait for a database.

        Raises:
            TurnRefusedError: the buffer is full.
        """
        with self._changed:
            if len(self._waiting) >= self.capacity:
                self._add(refused=1)
                raise TurnRefusedError(
                    f"{self.capacity} turns wait to be saved, and no more are taken; the turn of "
                    f"thread {shown(turn.thread_id)} is not saved"
                )
            self._add(accepted=1)
            self._waiting.append(_Waiting(turn_store, turn, _said_to(turn_store)))
            if turn_store.executor is not None:
                turn_store.executor.drained_first.add(self)
            self._changed.notify_all()
            if self._thread is None:
                self._start()

    def refuse(self) -> None:
        """Count a turn that could not be created."""
        with self._changed:
            self._add(refused=1)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until every accepted turn is written; return False after a timeout."""
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: not self._waiting, timeout_s)
            finally:
                self._flushing -= 1

    def await_first_attempts(self, timeout_s: float) -> bool:
        """Flush, but do not wait for turns that failed for a reason of their own."""
        with self._changed:
            return self._changed.wait_for(
                lambda: all(one.attempts.pause_s for one in self._waiting), timeout_s
            )

    def drain(self) -> None:
        """Flush for `drain_timeout_s`; the turns left then are lost, counted and logged.

        Opening a store does not count against that time.
        """
        self._await_open()
        if self.flush(self.drain_timeout_s):
            return
        with self._changed:
            self._add(lost=len(self._waiting))
            logger.error(
                "%d accepted turns are lost: the database could not be reached for %g s",
                len(self._waiting),
                self.drain_timeout_s,
            )
            self._waiting.clear()
            self._changed.notify_all()

    def _await_open(self) -> None:
        with self._changed:
            stores = {id(one.turn_store.store): one.turn_store.store for one in self._waiting}
        for store in stores.values():
            with suppress(AgentStoreError):  # the thread meets the same error and logs it
                run(opening(store))

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="agentstore-saver", daemon=True)
        atexit.register(self.drain)
        self._thread.start()

    def _run(self) -> None:
        while batch := self._next_batch():
            self._write(batch)

    def _next_batch(self) -> list[_Waiting]:
        """Wait for turns that may be tried now and return them; none if no turns are left."""
        with self._changed:
            while self._waiting:
                pauses_s = [self._left_s(one) for one in self._waiting]
                due = [one for one, s in zip(self._waiting, pauses_s, strict=True) if s <= 0]
                if untried := [one for one in due if not one.attempts.pause_s]:
                    return untried[:TURNS_AT_ONCE]
                if due:
                    return due[:RETRIED_AT_ONCE]
                self._changed.wait(min(pauses_s))
            self._thread = None
            atexit.unregister(self.drain)
            return []

    def _left_s(self, one: _Waiting) -> float:
        """Return the seconds until a turn is tried; few while a caller of `flush` waits."""
        hurried = self._flushing > 0
        return max(self._outage.left_s(hurried), one.attempts.left_s(hurried))

    def _write(self, batch: list[_Waiting]) -> None:
        """Write the turns of each user together, but those of two writers apart."""
        groups: dict[tuple[int, Provenance], list[_Waiting]] = {}
        for waiting in batch:
            groups.setdefault((id(waiting.turn_store), waiting.said), []).append(waiting)
        reached = [self._write_together(group) for group in groups.values()]
        with self._changed:
            if any(reached):
                self._outage = _Attempts(LONGEST_PAUSE_S)
            else:
                self._outage.fail()

    def _write_together(self, group: list[_Waiting]) -> bool:
        """Write turns together, or singly if refused; return whether the database was there."""
        turn_store = group[0].turn_store
        try:
            context = turn_store.context_writer()
            steps = context.all_with_context([one.turn for one in group])
            turns = run(steps, turn_store.executor)
            for one, turn in zip(group, turns, strict=True):
                # A retry writes the same turn, whatever was written meanwhile.
                one.turn = turn
            with provenance(**group[0].said.said):
                run(turn_store.put(turns), turn_store.executor)
        except Exception as error:
            if len(group) > 1 and not is_unreachable(error):
                reached = [self._write_together([one]) for one in group]
                return any(reached)
            return self._failed(group, error)
        self._settle(group, saved=len(group))
        return True

    def _failed(self, group: list[_Waiting], error: Exception) -> bool:
        if is_hopeless(error):
            logger.error("%d accepted turns are lost: %s", len(group), error, exc_info=error)
            self._settle(group, lost=len(group))
            return True
        logger.warning("%d turns are not saved yet, to be tried again: %s", len(group), error)
        with self._changed:
            self._add(retries=1)
            if not is_unreachable(error):
                group[0].attempts.fail()
            self._changed.notify_all()
        return not is_unreachable(error)

    def _settle(self, group: list[_Waiting], **counts: int) -> None:
        done = set(map(id, group))
        with self._changed:
            left = [one for one in self._waiting if id(one) not in done]
            if len(left) < len(self._waiting):  # unless they were given up meanwhile
                self._add(**counts)
            self._waiting = left
            self._changed.notify_all()

    def _add(self, **counts: int) -> None:
        stats: dict[str, Any] = {name: getattr(self._stats, name) + n for name, n in counts.items()}
        self._stats = replace(self._stats, **stats)

    @classmethod
    def _in_child(cls) -> None:
        """Empty the buffers of the child: the parent's thread saves the parent's turns."""
        for saver in list(cls._all):
            atexit.unregister(saver.drain)
            saver._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=BackgroundSaver._in_child)


def _said_to(turn_store: TurnStore) -> Provenance:
    """Return who saves a turn, if the store wants to know; the saver's thread could not tell."""
    executor = turn_store.executor
    if executor is None or not executor.context.asks_who:
        return NOTHING_SAID
    return current_provenance()


def awaiting_savers(store: BaseStore, timeout_s: float = READERS_WAIT_S) -> Steps[None]:
    """Wait for the turns that the savers of this process hold, unless their database is down.

    A reader of `store` therefore finds the turns that this process has just accepted. Opening the
    store first does not count against `timeout_s`.
    """
    yield from opening(store)
    if any(saver._waiting for saver in list(BackgroundSaver._all)):
        yield InThread(partial(_await_first_attempts, timeout_s))


def _await_first_attempts(timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    for saver in list(BackgroundSaver._all):
        if not saver.is_failing:
            saver.await_first_attempts(max(0.0, deadline - time.monotonic()))


def is_unreachable(error: Exception) -> bool:
    """Tell whether the database, not the turn, is the reason, so that all other turns fail too."""
    return isinstance(error, _OF_THE_DATABASE) and not isinstance(error, _OF_ONE_ITEM)


def is_hopeless(error: Exception) -> bool:
    """Tell whether every retry of the same write fails again.

    After an unknown error, a retry is worth a try: the turn is kept, not lost.
    """
    if isinstance(error, (*_OF_THE_TURN, StoreClosedError)):
        return True
    if isinstance(error, QuotaExceededError):
        return error.kind != "writes_per_minute"
    if isinstance(error, DatabaseError):
        return (error.sqlstate or "").startswith(_REFUSED_CLASSES)
    foreign = not isinstance(error, (AgentStoreError, OSError))
    return foreign and isinstance(error, (TypeError, ValueError))
