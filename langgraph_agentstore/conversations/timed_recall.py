"""The time limits of a recall: a database that is down or slow never fails a reply.

A recall delays the reply by at most `timeout_s`. After that, the database is not asked again for
some seconds. Any other failure affects only its own run. Opening the store does not count against
`timeout_s`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore

from .._support.lifecycle import Handle
from ..store.step_driver import run
from .background_saver import is_unreachable, logger
from .keys import check_thread_id, thread_id_of_run
from .run_context import MemorySource, Middleware, UserMemories
from .turn_store import opening

ReadT = TypeVar("ReadT")

REST_S = 5.0
"""How long a database that was away is not asked."""


@dataclass(frozen=True, slots=True)
class TimedRead(Generic[ReadT]):
    """The read of one run: the store to open first, and the function that reads."""

    store: BaseStore
    read: Callable[[], ReadT]


class RecallConversation(Handle, ABC, Middleware):
    """A graph node and agent middleware that recalls; made by `recall_conversation`.

    `failures` counts the recalls that failed.
    """

    __name__ = "recall_conversation"

    def __init__(
        self,
        store: MemorySource,
        user_id: str | None,
        thread_id: str | None,
        timeout_s: float,
        messages_key: str,
    ) -> None:
        super().__init__()
        self._memories = UserMemories(store, user_id)
        self._thread_id = None if thread_id is None else check_thread_id(thread_id)
        self._timeout_s = timeout_s
        self._messages_key = messages_key
        self._opening_timeout_s: float | None = None
        self._not_before_s = 0.0
        self.failures = 0

    @abstractmethod
    def __call__(
        self, state: Any, config: RunnableConfig, runtime: Runtime[Any] | None = None
    ) -> dict[str, Any] | None:
        """Return the change of the state by which a graph's model sees what is recalled.

        Raises:
            ConfigurationError: the graph has no store, or the store no index.
            MissingUserError: the run has no user.
            InvalidOperationError: the state has no such messages.
            ValueTypeError, InvalidKeyError, InvalidValueError: `resume_thread_id` is not valid.
        """

    @property
    def _rests(self) -> bool:
        """Tell whether the database was away a moment ago."""
        return time.monotonic() < self._not_before_s

    def _read(self, timed: TimedRead[ReadT]) -> ReadT | None:
        """Return what is read; None after a failure, which is counted and logged."""
        try:
            self._opened(timed.store).result(self._opening_timeout_s)
            return _in_daemon_thread(timed.read).result(self._timeout_s)
        except Exception as error:
            self._note_failure(error)
            return None

    async def _aread(self, timed: TimedRead[ReadT]) -> ReadT | None:
        """Async form of `_read`."""
        try:
            await _result(self._opened(timed.store), self._opening_timeout_s)
            return await _result(_in_daemon_thread(timed.read), self._timeout_s)
        except Exception as error:
            self._note_failure(error)
            return None

    def _opened(self, store: BaseStore) -> Future[None]:
        """Return a future that ends when the store is open."""
        opened = _in_daemon_thread(lambda: run(opening(store)))
        opened.add_done_callback(self._note_opening)
        return opened

    def _note_opening(self, opened: Future[None]) -> None:
        # A first start takes long; a database that was away is not waited for again.
        self._opening_timeout_s = None if opened.exception() is None else self._timeout_s

    def _thread_to_resume(self, config: RunnableConfig) -> str | None:
        asked = (config.get("configurable") or {}).get("resume_thread_id", self._thread_id)
        return None if asked is None else thread_id_of_run(asked)

    def _note_failure(self, error: Exception) -> None:
        """Count and log that a run recalls nothing."""
        self.failures += 1
        if is_unreachable(error):
            self._not_before_s = time.monotonic() + REST_S
        reason = str(error) or f"no answer within {self._timeout_s:g} s"
        logger.warning("a thread begins without what was said earlier: %s", reason)


async def _result(future: Future[ReadT], timeout_s: float | None) -> ReadT:
    return await asyncio.wait_for(asyncio.wrap_future(future), timeout_s)


def _in_daemon_thread(function: Callable[[], ReadT]) -> Future[ReadT]:
    """Run a function in a thread that does not keep the process from ending."""
    future: Future[ReadT] = Future()
    context = copy_context()

    def run_it() -> None:
        try:
            future.set_result(context.run(function))
        except BaseException as error:
            future.set_exception(error)

    future.set_running_or_notify_cancel()
    threading.Thread(target=run_it, name="agentstore-recall", daemon=True).start()
    return future
