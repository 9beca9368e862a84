"""`remember_conversation`: saves each turn after its answer, in the background.

A turn that cannot be saved never fails a reply: it is logged, and counted in `stats`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Optional, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from .._support.lifecycle import AwaitedClosing
from .._support.lru import Lru
from ..errors import (
    ConfigurationError,
    InvalidOperationError,
    MissingUserError,
    TurnRefusedError,
    UserConflictError,
)
from ..model.json_values import shown
from .background_saver import (
    DEFAULT_CAPACITY,
    DEFAULT_DRAIN_TIMEOUT_S,
    BackgroundSaver,
    SaverStats,
    logger,
)
from .memory import ConversationMemory
from .run_context import (
    MemorySource,
    Middleware,
    UserMemories,
    as_middleware,
    messages_of,
    thread_of,
)
from .stored_messages import is_said
from .turns import Turn, last_turn, turn_of_messages

_ThreadOfUser: TypeAlias = tuple[str, str]
"""A user id and a thread id."""

_THREADS = 1_024
_OF_THE_GRAPH = (ConfigurationError, MissingUserError, UserConflictError, InvalidOperationError)
"""Mistakes in how the graph is built or called, which every run meets."""


@dataclass(frozen=True, slots=True)
class _Saved:
    """The last saved turn of a thread, and the id of its first message."""

    message_id: str | None
    key: str
    timestamp: datetime


class RememberConversation(AwaitedClosing, Middleware):
    """A graph node and agent middleware that saves turns; made by `remember_conversation`."""

    __name__ = "remember_conversation"

    def __init__(
        self,
        store: MemorySource,
        user_id: str | None,
        saver: BackgroundSaver,
        metadata: Mapping[str, Any] | None,
        messages_key: str,
    ) -> None:
        super().__init__()
        self._saver = saver
        self._memories = UserMemories(store, user_id)
        self._metadata = metadata
        self._messages_key = messages_key
        self._gate = threading.Lock()
        self._saved: Lru[_ThreadOfUser, _Saved] = Lru(_THREADS)
        self._asked: Lru[_ThreadOfUser, list[BaseMessage]] = Lru(_THREADS)

    def __call__(
        self, state: Any, config: RunnableConfig, runtime: Runtime[Any] | None = None
    ) -> None:
        """Accept the last turn of the state; leave the state unchanged.

        Raises:
            ConfigurationError: the graph has no store.
            MissingUserError: the run has no user.
            InvalidOperationError: the run has no thread, or the state no such messages.
        """
        try:
            memory, thread_id = self._memories.of(config, runtime), thread_of(config)
            messages = last_turn(messages_of(state, self._messages_key))
            messages = self._with_question(memory, thread_id, messages)
            if messages:
                self._saver.save(memory._turn_store, self._turn(messages, memory, thread_id))
        except _OF_THE_GRAPH:
            raise
        except TurnRefusedError:
            logger.exception("a turn of thread %s is not saved", _thread_shown(config))
        except Exception:
            # The reply matters more than its record.
            self._saver.refuse()
            logger.exception("a turn of thread %s is not saved", _thread_shown(config))

    def before_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> None:
        """Note the question, because a summary may replace it before the agent ends."""
        try:
            memory, thread_id = self._memories.of(config or {}, runtime), thread_of(config or {})
            asked = [m for m in last_turn(messages_of(state, self._messages_key)) if is_said(m)]
            with self._gate:
                self._asked[(memory.user_id, thread_id)] = asked
        except _OF_THE_GRAPH:
            raise
        except Exception as error:
            # The same error is logged when the turn is saved.
            logger.debug("a question is not noted: %s", error)

    async def abefore_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> None:
        """Async form of `before_agent`; it never waits."""
        self.before_agent(state, runtime, config)

    def after_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> None:
        """Accept the turn as the node does, when the agent is done."""
        self(state, config or {}, runtime)

    async def aafter_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> None:
        """Async form of `after_agent`; it never waits."""
        self(state, config or {}, runtime)

    def stats(self) -> SaverStats:
        """Return the counters of turns accepted, saved and lost, without I/O."""
        return self._saver.stats()

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until every accepted turn is written; return False after a timeout."""
        return self._saver.flush(timeout_s)

    async def aflush(self, timeout_s: float | None = None) -> bool:
        """Async form of `flush`."""
        return await asyncio.to_thread(self.flush, timeout_s)

    def close(self) -> None:
        """Write the waiting turns, within `drain_timeout_s`. Idempotent; the store stays open."""
        self._saver.drain()

    async def aclose(self) -> None:
        """Async form of `close`."""
        await asyncio.to_thread(self.close)

    def _turn(
        self, messages: list[BaseMessage], memory: ConversationMemory, thread_id: str
    ) -> Turn:
        """Return the turn; one that continues, after an interrupt, keeps its key."""
        thread = memory.user_id, thread_id
        with self._gate:
            saved = self._saved.pop(thread, None)
            goes_on = saved is not None and saved.message_id == messages[0].id is not None
            turn = turn_of_messages(
                messages,
                thread_id,
                self._metadata,
                key=saved.key if saved and goes_on else None,
                at=saved.timestamp if saved and goes_on else None,
            )
            self._saved[thread] = _Saved(messages[0].id, turn.key, turn.timestamp)
        return turn

    def _with_question(
        self, memory: ConversationMemory, thread_id: str, messages: list[BaseMessage]
    ) -> list[BaseMessage]:
        """Put the noted question in front, if the agent replaced it by a summary."""
        with self._gate:
            asked = self._asked.pop((memory.user_id, thread_id), [])
        return messages if any(map(is_said, messages)) else [*asked, *messages]


def _thread_shown(config: RunnableConfig) -> str:
    return shown((config.get("configurable") or {}).get("thread_id"))


@cache
def _remember_middleware() -> type[RememberConversation]:
    return as_middleware(RememberConversation)


def remember_conversation(
    store: MemorySource = None,
    *,
    user_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    messages_key: str = "messages",
    capacity: int = DEFAULT_CAPACITY,
    drain_timeout_s: float = DEFAULT_DRAIN_TIMEOUT_S,
) -> RememberConversation:
    """Return a last node of a graph, or agent middleware, that saves each turn.

    Use `builder.add_node("remember", remember_conversation())` and add an edge from the answering
    node to it; or use `create_agent(…, middleware=[…])`. The graph does not wait: another thread
    writes the turn in the background.

    Args:
        store: a memory, a repository or a store; None for the store of the graph.
        user_id: None for the user of the run: see `PerUserStore`.
        metadata: saved with each turn, such as the agent's name.
        messages_key: the field of the state that holds the messages.
        capacity: the maximum number of turns that wait while the database is down.
        drain_timeout_s: how long closing waits, in seconds, while the database is down.
    """
    saver = BackgroundSaver(capacity, drain_timeout_s)
    return _remember_middleware()(store, user_id, saver, metadata, messages_key)
