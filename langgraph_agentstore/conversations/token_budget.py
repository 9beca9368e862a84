"""As much of a conversation as a model may be given: the latest whole turns that fit a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import dropwhile, takewhile
from typing import Any

from langchain_core.messages import BaseMessage, trim_messages
from langchain_core.messages.utils import count_tokens_approximately

from ..model.checks import check_whole
from .history import with_answered_calls
from .turns import Turn

TokenCounter = Any
"""What `trim_messages` takes: a chat model, or a function from messages (or one) to a number."""


class Budget:
    """At most so many messages, and at most so many tokens; None for any number.

    Args:
        max_messages: at least one turn's, or nothing is left.
        max_tokens: as `token_counter` counts them.
        token_counter: a chat model or a function; left out, four characters to a token.
    """

    def __init__(
        self,
        max_messages: int | None = None,
        max_tokens: int | None = None,
        token_counter: TokenCounter | None = None,
    ) -> None:
        self.max_messages = (
            None if max_messages is None else check_whole("max_messages", max_messages, 1)
        )
        self.max_tokens = None if max_tokens is None else check_whole("max_tokens", max_tokens, 1)
        self._counter = token_counter or count_tokens_approximately

    def latest_of(self, turns: Iterable[Turn]) -> list[Turn]:
        """Turns, given newest first, until the budget is surely reached; oldest first.

        One turn more than fits: trimming decides what of it stays.
        """
        taken: list[Turn] = []
        messages, tokens = 0, 0
        for turn in turns:
            taken.append(turn)
            fitting = with_answered_calls(turn.messages)
            messages += len(fitting)
            if self.max_messages is not None and messages > self.max_messages:
                break
            if self.max_tokens is not None:
                tokens += self._count(fitting)
                if tokens > self.max_tokens:
                    break
        return sorted(taken, key=lambda turn: turn.order)

    def trimmed(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """The latest that fit, beginning with what a person said, so that no answer of a tool
        stands there without its call. Where all fit, instructions to the model stay in front.
        """
        if self.max_messages is None and self.max_tokens is None:
            return _from_the_first_question(messages)
        if self.max_messages is not None:
            messages = _latest(messages, self.max_messages, len)
        if self.max_tokens is not None:
            messages = _latest(messages, self.max_tokens, self._counter)
        return messages

    def _count(self, messages: list[BaseMessage]) -> int:
        """One model's or function's count; functions of single messages are asked for each."""
        counter = self._counter
        if hasattr(counter, "get_num_tokens_from_messages"):
            return int(counter.get_num_tokens_from_messages(messages))
        return int(counter(messages))


def _from_the_first_question(messages: list[BaseMessage]) -> list[BaseMessage]:
    """Models refuse a history that begins with their own words."""
    instructions = list(takewhile(lambda message: message.type == "system", messages))
    return [*instructions, *dropwhile(lambda message: message.type != "human", messages)]


def _latest(
    messages: list[BaseMessage], most: int, counter: Callable[..., int] | Any
) -> list[BaseMessage]:
    trimmed: list[BaseMessage] = trim_messages(
        messages, strategy="last", max_tokens=most, token_counter=counter, start_on="human"
    )
    return trimmed
