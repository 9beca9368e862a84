"""`recall_conversation`: begins a thread with what was said in earlier ones.

It asks once, at the first turn of a thread. A database that is away or slow never fails the reply
and delays it for `timeout_s` at most; for some seconds after that it is not asked again. Any other
failure concerns its own run alone. Opening the store is waited for first, and comes on top.
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
from ..store.steps import run
from .background_saver import is_unreachable, logger
from .graph_context import (
    Memories,
    Middleware,
    Source,
    as_middleware,
    given_messages,
    messages_of,
)
from .history import Budget, TokenCounter, is_same, with_answered_calls
from .keys import check_thread_id, thread_id_of_run
from .stored_messages import as_messages
from .turn_store import opening
from .turns import last_turn

T = TypeVar("T")

DEFAULT_MAX_MESSAGES = 40
DEFAULT_TIMEOUT_S = 2.0
PAUSE_S = 5.0
"""For how long a database that was away is not asked."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What earlier threads said: where it is, and how to ask for it."""

    store: BaseStore
    ask: Callable[[], list[BaseMessage]]


class RecallConversation(Handle, Middleware):
    """A graph's node, and middleware of an agent; made by `recall_conversation`."""

    __name__ = "recall_conversation"

    def __init__(
        self,
        store: Source,
        user_id: str | None,
        thread_id: str | None,
        budget: tuple[int | None, int | None, TokenCounter | None],
        timeout_s: float,
        messages_key: str,
    ) -> None:
        super().__init__()
        Budget(*budget)  # a wrong one raises here
        self._memories = Memories(store, user_id)
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
        """The node: puts earlier messages before those of the state, if these are the first.

        Raises:
            ConfigurationError, MissingUserError, InvalidOperationError: the graph has no store,
                the run no user, or the state no such messages.
            ValueTypeError, InvalidKeyError, InvalidValueError: `resume_thread_id` names no thread.
        """
        question = self._asked(state, config, runtime)
        if question is None:
            return None
        try:
            self._opened(question.store).result(self._opening_timeout_s)
            earlier = in_thread(question.ask).result(self._timeout_s)
        except Exception as error:
            self._failed(error)
            return None
        return self._update(state, earlier)

    def before_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> dict[str, Any] | None:
        """The middleware: as the node, before the agent begins."""
        return self(state, config or {}, runtime)

    async def abefore_agent(
        self,
        state: Any,
        runtime: Runtime[Any],
        config: Optional[RunnableConfig] = None,  # noqa: UP045 - LangGraph looks for these words
    ) -> dict[str, Any] | None:
        """As `before_agent`; the loop goes on meanwhile."""
        config = config or {}
        question = self._asked(state, config, runtime)
        if question is None:
            return None
        try:
            await _awaited(self._opened(question.store), self._opening_timeout_s)
            earlier = await _awaited(in_thread(question.ask), self._timeout_s)
        except Exception as error:
            self._failed(error)
            return None
        return self._update(state, earlier)

    def _asked(
        self, state: Any, config: RunnableConfig, runtime: Runtime[Any] | None
    ) -> _Question | None:
        """What to ask, and where; None where there is no need to ask."""
        messages = messages_of(state, self._messages_key)
        said = [message for message in messages if message.type != "system"]
        if len(said) > len(last_turn(said)) or time.monotonic() < self._not_before_s:
            return None
        memory, thread_id = self._memories.of(config, runtime), self._thread_to_resume(config)
        return _Question(memory.store, lambda: memory.resume(thread_id, *self._budget))

    def _opened(self, store: BaseStore) -> Future[None]:
        """Ends when the store is open."""
        opened = in_thread(lambda: run(opening(store)))
        opened.add_done_callback(self._note_opening)
        return opened

    def _note_opening(self, opening: Future[None]) -> None:
        # A first start takes long; a database that was away is not waited for again.
        self._opening_timeout_s = None if opening.exception() is None else self._timeout_s

    def _thread_to_resume(self, config: RunnableConfig) -> str | None:
        asked = (config.get("configurable") or {}).get("resume_thread_id", self._thread_id)
        return None if asked is None else thread_id_of_run(asked)

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if is_unreachable(error):
            self._not_before_s = time.monotonic() + PAUSE_S
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
        # The reducer appends; to put something before, all is put anew.
        cleared = RemoveMessage(id=REMOVE_ALL_MESSAGES)
        return {self._messages_key: [cleared, *system, *new, *said]}


def _before(earlier: Sequence[BaseMessage], current: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Earlier messages as they may stand before the current ones: none twice, no id twice."""
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
    """A state that keeps messages in another form has no reducer of LangGraph's: replaced whole."""
    are_dicts = all(isinstance(message, Mapping) for message in given)
    earlier = convert_to_openai_messages(new) if are_dicts else new
    system = [each for each in given if as_messages(each)[0].type == "system"]
    return [*system, *earlier, *(each for each in given if each not in system)]


@cache
def _middleware() -> type[RecallConversation]:
    return as_middleware(RecallConversation)


def recall_conversation(
    store: Source = None,
    *,
    user_id: str | None = None,
    thread_id: str | None = None,
    max_messages: int | None = DEFAULT_MAX_MESSAGES,
    max_tokens: int | None = None,
    token_counter: TokenCounter | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    messages_key: str = "messages",
) -> RecallConversation:
    """What begins a thread with earlier messages: a node to begin with, or an agent's middleware.

    Args:
        store: a memory, a repository or a store; None, the store of the graph.
        user_id: None, the user of the run: see `PerUserStore`.
        thread_id: the thread to go on from; None for all, the latest messages of any. The run
            may name another: `configurable={"resume_thread_id": …}`, a string, a UUID or a whole
            number; anything else is an error of that run.
        max_messages: how many at most; None for any number.
        max_tokens: likewise; see `ConversationMemory.resume`.
        token_counter: what counts them.
        timeout_s: how long the reply may wait for it, once the store is open.
        messages_key: the state's field of messages.
    """
    budget = max_messages, max_tokens, token_counter
    return _middleware()(store, user_id, thread_id, budget, timeout_s, messages_key)


async def _awaited(future: Future[T], timeout_s: float | None) -> T:
    return await asyncio.wait_for(asyncio.wrap_future(future), timeout_s)


def in_thread(function: Callable[[], T]) -> Future[T]:
    """Runs it in a thread that keeps no process from ending."""
    future: Future[T] = Future()
    context = copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(function))
        except BaseException as error:
            future.set_exception(error)

    future.set_running_or_notify_cancel()
    threading.Thread(target=run, name="agentstore-recall", daemon=True).start()
    return future
