"""`recall_conversation`: begins a thread with messages of earlier threads.

It recalls once, at the first turn of a thread. A database that is down or slow never fails the
reply, and delays it by at most `timeout_s`. After that, it is not asked again for some seconds. Any
other failure affects only its own run. Opening the store does not count against `timeout_s`.

`_recall_of` decides when messages are recalled and which; `_update` decides where they go in the
state.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache
from typing import Any, Optional, TypeVar

from langchain_core.messages import BaseMessage, RemoveMessage, convert_to_openai_messages
from langchain_core.runnables import RunnableConfig
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore

from .._support.lifecycle import Handle
from ..store.step_driver import run
from .background_saver import is_unreachable, logger
from .history import Budget, TokenCounter, is_same, with_answered_calls
from .keys import check_thread_id, thread_id_of_run
from .run_context import (
    MemorySource,
    Middleware,
    UserMemories,
    as_middleware,
    given_messages,
    messages_of,
)
from .stored_messages import as_messages
from .turn_store import opening
from .turns import last_turn

ReadT = TypeVar("ReadT")

DEFAULT_MAX_MESSAGES = 40
DEFAULT_TIMEOUT_S = 2.0
REST_S = 5.0
"""How long a database that was away is not asked."""


@dataclass(frozen=True, slots=True)
class _Recall:
    """The recall of one run: the store to open first, and the function that reads messages."""

    store: BaseStore
    read: Callable[[], list[BaseMessage]]


class RecallConversation(Handle, Middleware):
    """A graph node and agent middleware that recalls messages; made by `recall_conversation`."""

    __name__ = "recall_conversation"

    def __init__(
        self,
        store: MemorySource,
        user_id: str | None,
        thread_id: str | None,
        budget: Budget,
        timeout_s: float,
        messages_key: str,
    ) -> None:
        super().__init__()
        self._memories = UserMemories(store, user_id)
        self._thread_id = None if thread_id is None else check_thread_id(thread_id)
        self._budget = budget
        self._timeout_s = timeout_s
        self._messages_key = messages_key
        self._opening_timeout_s: float | None = None
        self._not_before_s = 0.0
        self.failures = 0

    def __call__(
        self, state: Any, config: RunnableConfig, runtime: Runtime[Any] | None = None
    ) -> dict[str, Any] | None:
        """Put earlier messages before those of the state if the state has only one turn.

        Raises:
            ConfigurationError: the graph has no store.
            MissingUserError: the run has no user.
            InvalidOperationError: the state has no such messages.
            ValueTypeError, InvalidKeyError, InvalidValueError: `resume_thread_id` is not valid.
        """
        recall = self._recall_of(state, config, runtime)
        if recall is None:
            return None
        try:
            self._opened(recall.store).result(self._opening_timeout_s)
            earlier = _in_daemon_thread(recall.read).result(self._timeout_s)
        except Exception as error:
            self._note_failure(error)
            return None
        return self._update(state, earlier)

    def before_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> dict[str, Any] | None:
        """Recall as the node does, before the agent begins."""
        return self(state, config or {}, runtime)

    async def abefore_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> dict[str, Any] | None:
        """Async form of `before_agent`."""
        recall = self._recall_of(state, config or {}, runtime)
        if recall is None:
            return None
        try:
            await _result(self._opened(recall.store), self._opening_timeout_s)
            earlier = await _result(_in_daemon_thread(recall.read), self._timeout_s)
        except Exception as error:
            self._note_failure(error)
            return None
        return self._update(state, earlier)

    def _recall_of(
        self, state: Any, config: RunnableConfig, runtime: Runtime[Any] | None
    ) -> _Recall | None:
        """Return the recall that a run needs; None if it is not its first turn."""
        messages = messages_of(state, self._messages_key)
        said = [message for message in messages if message.type != "system"]
        if len(said) > len(last_turn(said)) or time.monotonic() < self._not_before_s:
            return None
        memory, thread_id = self._memories.of(config, runtime), self._thread_to_resume(config)
        budget = self._budget
        limits = budget.max_messages, budget.max_tokens, budget.token_counter
        return _Recall(memory.store, lambda: memory.resume(thread_id, *limits))

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

    def _update(self, state: Any, earlier: Sequence[BaseMessage]) -> dict[str, Any] | None:
        current = messages_of(state, self._messages_key)
        new = _before(earlier, current)
        if not new:
            return None
        given = given_messages(state, self._messages_key)
        if not all(isinstance(message, BaseMessage) for message in given):
            return {self._messages_key: _of_form(given, new)}
        system = [message for message in current if message.type == "system"]
        said = [message for message in current if message.type != "system"]
        # The reducer appends. To put messages first, all messages are replaced.
        cleared = RemoveMessage(id=REMOVE_ALL_MESSAGES)
        return {self._messages_key: [cleared, *system, *new, *said]}


def _before(earlier: Sequence[BaseMessage], current: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return the earlier messages that may precede the current ones: none twice, no id twice."""
    here = {message.id: message for message in current if message.id is not None}
    new: list[BaseMessage] = []
    for message in earlier:
        same = here.get(message.id or "")
        if same is None:
            new.append(message)
        elif not is_same(message, same):
            new.append(message.model_copy(update={"id": None}))
    return with_answered_calls(new)


def _of_form(given: Sequence[Any], new: Sequence[BaseMessage]) -> list[Any]:
    """Return all messages in the form of the given ones: the state has no reducer of LangGraph."""
    are_dicts = all(isinstance(message, Mapping) for message in given)
    earlier = convert_to_openai_messages(new) if are_dicts else new
    system = [each for each in given if as_messages(each)[0].type == "system"]
    return [*system, *earlier, *(each for each in given if each not in system)]


@cache
def _recall_middleware() -> type[RecallConversation]:
    return as_middleware(RecallConversation)


def recall_conversation(
    store: MemorySource = None,
    *,
    user_id: str | None = None,
    thread_id: str | None = None,
    max_messages: int | None = DEFAULT_MAX_MESSAGES,
    max_tokens: int | None = None,
    token_counter: TokenCounter | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    messages_key: str = "messages",
) -> RecallConversation:
    """Return a first node of a graph, or agent middleware, that recalls earlier messages.

    By default, the latest 40 messages are recalled.

    Args:
        store: a memory, a repository or a store; None for the store of the graph.
        user_id: None for the user of the run: see `PerUserStore`.
        thread_id: the thread to continue; None for the latest messages of all threads. A run can
            override it by `configurable={"resume_thread_id": …}`, a string, a UUID or a whole
            number; any other value is an error of that run.
        max_messages: the maximum number of messages; None for no limit.
        max_tokens: the maximum number of tokens; see `ConversationMemory.resume`.
        token_counter: a function or a chat model that counts tokens; see
            `ConversationMemory.resume`.
        timeout_s: the longest delay of the reply, in seconds, once the store is open.
        messages_key: the field of the state that holds the messages.
    """
    budget = Budget(max_messages, max_tokens, token_counter)
    return _recall_middleware()(store, user_id, thread_id, budget, timeout_s, messages_key)


async def _result(future: Future[ReadT], timeout_s: float | None) -> ReadT:
    return await asyncio.wait_for(asyncio.wrap_future(future), timeout_s)


def _in_daemon_thread(function: Callable[[], ReadT]) -> Future[ReadT]:
    """Run a function in a thread that does not keep the process from ending."""
    future: Future[ReadT] = Future()
    context = copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(function))
        except BaseException as error:
            future.set_exception(error)

    future.set_running_or_notify_cancel()
    threading.Thread(target=run, name="agentstore-recall", daemon=True).start()
    return future
