"""`mode="relevant"` and `"both"`: shows the model a block of what a message recalls.

As middleware, the model sees the block at its calls, and nothing is written into the state. As a
node, the block is one message of a fixed id, which is replaced at each turn, or a field of the
state. In both, it stands before the user's message: a message of the user's role is taken by every
provider there, and leaves the messages before it as they were, for caches of prompts.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from langchain_core.callbacks import dispatch_custom_event
from langchain_core.messages import BaseMessage, HumanMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.config import get_config
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.runtime import Runtime

from .._support.lru import Lru
from ..errors import ConfigurationError
from ..store.step_driver import run
from .background_saver import logger
from .memory import ConversationMemory
from .recall_question import Question
from .recall_steps import NOTHING, RecallExplanation, RecallOptions, is_indexed
from .run_context import given_messages, messages_of
from .stored_messages import RECALLED_ID, as_messages, is_recalled, is_said
from .timed_recall import RecallConversation, TimedRead
from .turns import last_turn

_RUNS = 1_024

_MessageOfRun: TypeAlias = tuple[str, str | None, str | None, str]
"""A user, a thread, the id of a message, and its text."""


@dataclass(frozen=True, slots=True)
class _Recalled:
    """The recall of a message of a run; `control` is the run's own object."""

    control: object
    explanation: RecallExplanation


class RecallRelevant(RecallConversation):
    """A recall that shows, with each message of the user, what that message recalls."""

    def __init__(self, options: RecallOptions, recalled_key: str | None, **of_run: Any) -> None:
        super().__init__(**of_run)
        self._options = options
        self._recalled_key = recalled_key
        self._gate = threading.Lock()
        self._known: Lru[_MessageOfRun, _Recalled] = Lru(_RUNS)
        self._has_warned = False

    def __call__(
        self, state: Any, config: RunnableConfig, runtime: Runtime[Any] | None = None
    ) -> dict[str, Any] | None:
        """Put the block of the user's last message into the state, in place of the block before."""
        messages = messages_of(state, self._messages_key)
        recall = self._recall_of(messages, config, runtime)
        found = NOTHING if recall is None else self._read(recall) or NOTHING
        if found.text is not None:
            dispatch_custom_event("recalled", found.entry, config=config)
        if self._recalled_key is not None:
            return {self._recalled_key: found.text or ""}
        return self._update(state, messages, found.message)

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Show the model the block at this call."""
        known, recall = self._recall_of_call(request)
        if recall is not None:
            known = self._noted(request, self._read(recall) or NOTHING)
        with _with_metadata(known):
            return handler(_with_block(request, known))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Async form of `wrap_model_call`."""
        known, recall = self._recall_of_call(request)
        if recall is not None:
            known = self._noted(request, await self._aread(recall) or NOTHING)
        with _with_metadata(known):
            return await handler(_with_block(request, known))

    def _recall_of(
        self, messages: Sequence[BaseMessage], config: RunnableConfig, runtime: Any
    ) -> TimedRead[RecallExplanation] | None:
        """Return the recall that a run needs; None if nobody asks, or the database is away."""
        memory, only = self._memories.of(config, runtime), self._thread_to_resume(config)
        self._check_index(memory)
        question = Question.of(messages, _thread_of(config), only)
        if self._rests or not question.text:
            return None

        def read() -> RecallExplanation:
            return run(memory._recalling(question, self._options), memory._executor)

        return TimedRead(memory.store, read)

    def _check_index(self, memory: ConversationMemory) -> None:
        if is_indexed(memory.store):
            return
        if self._options.mode == "relevant":
            raise ConfigurationError(
                "recall_conversation(mode='relevant') searches, and the store has no index: "
                "AgentStore(index={'mode': 'text'}) finds by words and needs no model"
            )
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "the store has no index, so only the latest turns are recalled; "
                "AgentStore(index={'mode': 'text'}) finds by words and needs no model"
            )

    def _recall_of_call(
        self, request: Any
    ) -> tuple[RecallExplanation, TimedRead[RecallExplanation] | None]:
        """Return what the run has recalled for its message already, or the recall that it needs."""
        config = _running_config()
        known = self._known_of(request, config)
        if known is not None:
            return known, None
        return NOTHING, self._recall_of(request.messages, config, request.runtime)

    def _known_of(self, request: Any, config: RunnableConfig) -> RecallExplanation | None:
        with self._gate:
            known = self._known.recall(self._place(request, config))
        if known is None or known.control is not _control_of(request):
            return None
        return known.explanation

    def _noted(self, request: Any, found: RecallExplanation) -> RecallExplanation:
        """Note what was recalled: each call of the model in a turn shows the same."""
        place = self._place(request, _running_config())
        with self._gate:
            self._known[place] = _Recalled(_control_of(request), found)
        return found

    def _place(self, request: Any, config: RunnableConfig) -> _MessageOfRun:
        user_id = self._memories.of(config, request.runtime).user_id
        said = [message for message in last_turn(request.messages) if is_said(message)]
        text = "\n".join(message.text for message in said)
        return user_id, _thread_of(config), said[-1].id if said else None, text

    def _update(
        self, state: Any, messages: Sequence[BaseMessage], block: HumanMessage | None
    ) -> dict[str, Any] | None:
        if block is None and not any(map(is_recalled, messages)):
            return None
        given = given_messages(state, self._messages_key)
        if not all(isinstance(message, BaseMessage) for message in given):
            return {self._messages_key: _placed(given, block and _block_of_form(given, block))}
        if block is None:
            return {self._messages_key: [RemoveMessage(id=RECALLED_ID)]}
        # The reducer appends. To put a message between others, all messages are replaced.
        cleared = RemoveMessage(id=REMOVE_ALL_MESSAGES)
        return {self._messages_key: [cleared, *_placed(messages, block)]}


def _placed(messages: Sequence[Any], block: Any) -> list[Any]:
    """Return the messages with the block before the user's last ones, and without an old one."""
    own = [each for each in messages if not is_recalled(as_messages(each)[0])]
    if block is None:
        return own
    plain = as_messages(own)
    asked = [message for message in last_turn(plain) if is_said(message)]
    position = next(n for n, message in enumerate(plain) if message is asked[0])
    return [*own[:position], block, *own[position:]]


def _block_of_form(given: Sequence[Any], block: HumanMessage) -> Any:
    """Return the block in the form of the given messages."""
    if any(isinstance(message, BaseMessage) for message in given):
        return block
    return {"role": "user", "content": block.content, "id": RECALLED_ID}


def _with_block(request: Any, found: RecallExplanation) -> Any:
    block = found.message
    return request if block is None else request.override(messages=_placed(request.messages, block))


@contextmanager
def _with_metadata(found: RecallExplanation) -> Iterator[None]:
    """Let the runs within have the keys and scores in their metadata, for tracers."""
    config = _running_config()
    if not config or found.text is None:
        yield
        return
    metadata = {**(config.get("metadata") or {}), "recalled": found.entry}
    token = var_child_runnable_config.set({**config, "metadata": metadata})
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def _running_config() -> RunnableConfig:
    try:
        return get_config()
    except RuntimeError:  # in asynchronous code before Python 3.11
        return {}


def _thread_of(config: RunnableConfig) -> str | None:
    thread_id = (config.get("configurable") or {}).get("thread_id")
    return None if thread_id is None else str(thread_id)


def _control_of(request: Any) -> object:
    return getattr(request.runtime, "control", None)
