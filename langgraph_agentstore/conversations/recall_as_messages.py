"""`mode="latest"`: begins a thread with the messages of earlier threads, as messages of its own.

`_recall_of` decides when messages are recalled and which; `_update` decides where they go in the
state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from langchain_core.messages import BaseMessage, RemoveMessage, convert_to_openai_messages
from langchain_core.runnables import RunnableConfig
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.runtime import Runtime

from .history import Budget, is_same, with_answered_calls
from .run_context import given_messages, messages_of
from .stored_messages import as_messages
from .timed_recall import RecallConversation, TimedRead
from .turns import last_turn


class RecallLatest(RecallConversation):
    """A recall that puts the latest earlier messages before those of a new thread."""

    def __init__(self, budget: Budget, **of_run: Any) -> None:
        super().__init__(**of_run)
        self._budget = budget

    def __call__(
        self, state: Any, config: RunnableConfig, runtime: Runtime[Any] | None = None
    ) -> dict[str, Any] | None:
        """Put earlier messages before those of the state if the state has only one turn."""
        recall = self._recall_of(state, config, runtime)
        return None if recall is None else self._update(state, self._read(recall))

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
        earlier = await self._aread(recall)
        return self._update(state, earlier)

    def _recall_of(
        self, state: Any, config: RunnableConfig, runtime: Runtime[Any] | None
    ) -> TimedRead[list[BaseMessage]] | None:
        """Return the recall that a run needs; None if it is not its first turn."""
        messages = messages_of(state, self._messages_key)
        said = [message for message in messages if message.type != "system"]
        if len(said) > len(last_turn(said)) or self._rests:
            return None
        memory, thread_id = self._memories.of(config, runtime), self._thread_to_resume(config)
        budget = self._budget
        limits = budget.max_messages, budget.max_tokens, budget.token_counter
        return TimedRead(memory.store, lambda: memory.resume(thread_id, *limits))

    def _update(self, state: Any, earlier: Sequence[BaseMessage] | None) -> dict[str, Any] | None:
        current = messages_of(state, self._messages_key)
        new = _before(earlier or (), current)
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
