"""`remember_conversation`: saves each turn after it was answered, in the background.

A turn that cannot be saved never fails a reply: it is logged, and counted in `stats`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Optional, TypeAlias, TypeVar

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
from .background_saver import (
    DEFAULT_CAPACITY,
    DEFAULT_DRAIN_TIMEOUT_S,
    BackgroundSaver,
    SaverStats,
    logger,
)
from .graph_context import (
    Memories,
    Middleware,
    Source,
    as_middleware,
    messages_of,
    thread_of,
)
from .memory import ConversationMemory
from .stored_messages import is_said
from .turns import Turn, last_turn, turn_of_messages

T = TypeVar("T")

_Thread: TypeAlias = tuple[str, str]
"""A user and one of the user's threads."""

_THREADS = 1_024
_LONGEST_TOLD = 100
_OF_THE_GRAPH = (ConfigurationError, MissingUserError, UserConflictError, InvalidOperationError)
"""Mistakes in how the graph was made or called, which every run meets."""


@dataclass(frozen=True, slots=True)
class _Saved:
    """The turn a thread saved last, by the id of the message it began with."""

    message_id: str | None
    key: str
    timestamp: datetime


class RememberConversation(AwaitedClosing, Middleware):
    """A graph's node, and middleware of an agent; made by `remember_conversation`."""

    __name__ = "remember_conversation"

    def __init__(
        self,
        store: Source,
        user_id: str | None,
        saver: BackgroundSaver,
        metadata: Mapping[str, Any] | None,
        messages_key: str,
    ) -> None:
        super().__init__()
        self._saver = saver
        self._memories = Memories(store, user_id)
        self._metadata = metadata
        self._messages_key = messages_key
        self._gate = threading.Lock()
        self._saved: Lru[_Thread, _Saved] = Lru(_THREADS)
        self._asked: Lru[_Thread, list[BaseMessage]] = Lru(_THREADS)

    def __call__(
        self, state: Any, config: RunnableConfig, runtime: Runtime[Any] | None = None
    ) -> None:
        """The node: accepts the turn that the state ends with, and changes nothing.

        Raises:
            ConfigurationError, MissingUserError, InvalidOperationError: the graph has no store,
                the run no user or no thread, or the state no such messages.
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
            logger.exception("a turn of thread %r is not saved", _thread_told(config))
        except Exception:
            # The reply matters more than its record.
            self._saver.refuse()
            logger.exception("a turn of thread %r is not saved", _thread_told(config))

    def before_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> None:
        """The middleware: notes what was asked, which a summary may replace before the end."""
        try:
            memory, thread_id = self._memories.of(config or {}, runtime), thread_of(config or {})
            asked = [m for m in last_turn(messages_of(state, self._messages_key)) if is_said(m)]
            with self._gate:
                self._asked[(memory.user_id, thread_id)] = asked
        except _OF_THE_GRAPH:
            raise
        except Exception as error:
            # Told when the turn is to be saved.
            logger.debug("what was asked is not noted: %s", error)

    async def abefore_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> None:
        """As `before_agent`; nothing here waits."""
        self.before_agent(state, runtime, config)

    def after_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> None:
        """The middleware: as the node, when the agent is done."""
        self(state, config or {}, runtime)

    async def aafter_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> None:
        """As `after_agent`; nothing here waits."""
        self(state, config or {}, runtime)

    def stats(self) -> SaverStats:
        """Counters of turns accepted, saved, lost; no I/O."""
        return self._saver.stats()

    def flush(self, timeout_s: float | None = None) -> bool:
        """Waits until every accepted turn is written; False if time ran out first."""
        return self._saver.flush(timeout_s)

    async def aflush(self, timeout_s: float | None = None) -> bool:
        """As `flush`."""
        return await asyncio.to_thread(self.flush, timeout_s)

    def close(self) -> None:
        """Writes what waits, for `drain_timeout_s` at most. Idempotent; the store stays open."""
        self._saver.drain()

    async def aclose(self) -> None:
        """As `close`."""
        await asyncio.to_thread(self.close)

    def _turn(
        self, messages: list[BaseMessage], memory: ConversationMemory, thread_id: str
    ) -> Turn:
        """A turn that goes on, after an interrupt say, is saved again under the same key."""
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
        """With what was asked, if the agent put a summary in its place meanwhile."""
        with self._gate:
            asked = self._asked.pop((memory.user_id, thread_id), [])
        return messages if any(map(is_said, messages)) else [*asked, *messages]


def _thread_told(config: RunnableConfig) -> str:
    return str((config.get("configurable") or {}).get("thread_id"))[:_LONGEST_TOLD]


@cache
def _middleware() -> type[RememberConversation]:
    return as_middleware(RememberConversation)


def remember_conversation(
    store: Source = None,
    *,
    user_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    messages_key: str = "messages",
    capacity: int = DEFAULT_CAPACITY,
    drain_timeout_s: float = DEFAULT_DRAIN_TIMEOUT_S,
) -> RememberConversation:
    """What saves each turn of a graph: a node to end with, or middleware of an agent.

    `builder.add_node("remember", remember_conversation())`, with edges from the node that
    answers to this one and from here to the end; `create_agent(…, middleware=[…])`.
    It takes no time: the turn is written in the background, by a thread of its own.

    Args:
        store: a memory, a repository or a store; None, the store of the graph.
        user_id: None, the user of the run: see `PerUserStore`.
        metadata: saved with each turn, such as the agent's name.
        messages_key: the state's field of messages.
        capacity: how many turns may wait while the database is away.
        drain_timeout_s: how long the end waits for the database, if it is away.
    """
    saver = BackgroundSaver(capacity, drain_timeout_s)
    return _middleware()(store, user_id, saver, metadata, messages_key)
