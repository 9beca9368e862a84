"""The history for a model: messages that models accept, as many as fit a budget.

A run that was stopped, refused or timed out leaves tool calls without an answer. A limit on
messages, or a summary, can cut between a call and its answer. Models reject such a history as a
whole. Therefore, calls without an answer and answers without a call are left out, in every form in
which a message may hold a call. Each answer directly follows its call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import dropwhile, takewhile
from math import inf
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    FunctionMessage,
    SystemMessage,
    ToolMessage,
    trim_messages,
)
from langchain_core.messages.utils import count_tokens_approximately

from ..model.checks import check_whole
from ..store.step_driver import Steps
from .stored_messages import CALL_BLOCKS
from .turn_store import NextPage
from .turns import Turn

_SERVER_CALLS = frozenset({"server_tool_use", "server_tool_call", "mcp_tool_use"})
"""Types of blocks of calls that the model's own server answers in another block."""

_THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking", "reasoning_content"})
"""Types of blocks that models refuse if nothing follows them."""


def history_of(turns: Iterable[Turn]) -> list[BaseMessage]:
    """Return the messages of turns as a history that models accept.

    Two turns of a thread can hold the same message, if a run continued in another process. It is
    returned once. If different messages have the same id, only the latest keeps it. System messages
    are kept only at the beginning, because some models reject them between other messages.
    """
    kept: list[BaseMessage] = []
    known: dict[str, tuple[str, BaseMessage]] = {}
    for turn in reversed(list(turns)):
        for message in reversed(turn.messages):
            thread_id, same = known.setdefault(message.id or "", (turn.thread_id, message))
            if message.id is None or same is message:
                kept.append(message)
            elif thread_id != turn.thread_id or not is_same(message, same):
                kept.append(message.model_copy(update={"id": None}))
    instructions = list(takewhile(_instructs, reversed(kept)))
    spoken = [message for message in reversed(kept) if not _instructs(message)]
    return [*instructions, *with_answered_calls(spoken)]


def _instructs(message: BaseMessage) -> bool:
    return isinstance(message, SystemMessage)


def is_same(message: BaseMessage, other: BaseMessage) -> bool:
    """Tell whether two messages of one id have the same content."""
    return (message.type, message.content) == (other.type, other.content)


def with_answered_calls(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return the messages with each tool call directly followed by its answer.

    Calls without an answer and answers without a call are left out, and so is an AI message of
    which nothing is left. Messages are never changed, but replaced by copies.
    """
    backwards: list[BaseMessage] = []
    answers: dict[tuple[str, str], BaseMessage] = {}  # the first behind, by what it answers
    server_answers = {block_id for message in messages for block_id in _server_answers(message)}
    for message in reversed(messages):
        if isinstance(message, ToolMessage):
            answers["call", message.tool_call_id] = message
        elif isinstance(message, FunctionMessage):
            answers["function", message.name] = message
        elif isinstance(message, AIMessage):
            found = {call: answers.pop(call) for call in _calls(message) if call in answers}
            left = _only(message, set(found), server_answers)
            backwards += [*reversed(found.values()), *([] if left is None else [left])]
        else:
            backwards.append(message)
    return backwards[::-1]


def _calls(message: AIMessage) -> list[tuple[str, str]]:
    """Return what needs an answer, in order: ids of calls, or a function's name in the old form."""
    calls = [*message.tool_calls, *message.invalid_tool_calls]
    ids = [call["id"] or "" for call in calls]
    ids += [_call_id(block) for block in _blocks(message) if block.get("type") in CALL_BLOCKS]
    ids += [_call_id(call) for call in message.additional_kwargs.get("tool_calls") or ()]
    found = [("call", call_id) for call_id in dict.fromkeys(ids)]
    name = _function_name(message)
    return found if name is None else [*found, ("function", name)]


def _only(
    message: AIMessage, answered: set[tuple[str, str]], server_answers: set[str]
) -> AIMessage | None:
    """Return the message with these calls only; None if nothing of it is left."""

    def is_kept(call: Any) -> bool:
        return ("call", _call_id(call)) in answered

    def is_block_kept(block: Any) -> bool:
        kind = block.get("type") if isinstance(block, Mapping) else None
        if kind in _SERVER_CALLS:
            return block.get("id") in server_answers
        return kind not in CALL_BLOCKS or is_kept(block)

    content = message.content
    changed = {
        "tool_calls": [call for call in message.tool_calls if is_kept(call)],
        "invalid_tool_calls": [call for call in message.invalid_tool_calls if is_kept(call)],
        "content": content if isinstance(content, str) else list(filter(is_block_kept, content)),
        "additional_kwargs": _kwargs(message, is_kept, answered),
    }
    if all(getattr(message, name) == value for name, value in changed.items()):
        return message
    left = message.model_copy(update=changed)
    return left if _says_something(left) else None


def _kwargs(message: AIMessage, is_kept: Any, answered: set[tuple[str, str]]) -> dict[str, Any]:
    """Return the provider's own form of the calls, which LangChain and models read too."""
    kwargs = dict(message.additional_kwargs)
    if raw := kwargs.get("tool_calls"):
        kwargs["tool_calls"] = list(filter(is_kept, raw))
        if not kwargs["tool_calls"]:
            del kwargs["tool_calls"]
    name = _function_name(message)
    of_a_call = {call["name"] for call in message.tool_calls if is_kept(call)}
    if name is not None and name not in of_a_call and ("function", name) not in answered:
        kwargs.pop("function_call")
    return kwargs


def _says_something(message: AIMessage) -> bool:
    if message.tool_calls or message.invalid_tool_calls or _function_name(message):
        return True
    if isinstance(message.content, str):
        return bool(message.content.strip())
    blocks = [{"text": b} if isinstance(b, str) else b for b in message.content]
    spoken = [block for block in blocks if block.get("type") not in _THOUGHTS]
    return any(str(block.get("text", "a picture, say")).strip() for block in spoken)


def _function_name(message: AIMessage) -> str | None:
    function = message.additional_kwargs.get("function_call")
    return str(function.get("name")) if isinstance(function, Mapping) else None


def _call_id(call: Any) -> str:
    """Return the id of a call; an OpenAI block has an id of its own beside it."""
    if not isinstance(call, Mapping):
        return ""
    return str(call.get("call_id") or call.get("id") or "")


def _blocks(message: BaseMessage) -> list[Mapping[str, Any]]:
    content = message.content
    return [block for block in content if isinstance(block, Mapping)] if content else []


def _server_answers(message: BaseMessage) -> list[str]:
    return [
        str(block.get("tool_use_id") or block.get("tool_call_id"))
        for block in _blocks(message)
        if block.get("tool_use_id") or block.get("tool_call_id")
    ]


TokenCounter = Any
"""As `trim_messages` takes it: a chat model, or a function that counts one or more messages."""


class Budget:
    """The largest numbers of messages and of tokens of a history; None for no limit.

    Args:
        max_messages: at least as many as one turn has, or nothing is left.
        max_tokens: as `token_counter` counts them.
        token_counter: a chat model or a function; by default, four characters count as a token.
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
        self.token_counter = token_counter or count_tokens_approximately

    def latest_of(self, next_page: NextPage[Turn]) -> Steps[list[Turn]]:
        """Read turns, newest first, until the budget is exceeded; return them oldest first.

        The last turn read may not fit: trimming decides which of its messages stay.
        """
        taken: list[Turn] = []
        messages = tokens = 0
        while page := (yield from next_page()):
            for turn in page:
                taken.append(turn)
                fitting = with_answered_calls(turn.messages)
                messages += len(fitting)
                tokens += 0 if self.max_tokens is None else self.count(fitting)
                if messages > (self.max_messages or inf) or tokens > (self.max_tokens or inf):
                    return sorted(taken, key=lambda turn: turn.order)
        return sorted(taken, key=lambda turn: turn.order)

    def trimmed(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """Return the latest messages that fit.

        The first one is a person's, so that no tool's answer comes without its call. If all
        messages fit, system messages stay in front.
        """
        if self.max_messages is None and self.max_tokens is None:
            return _from_the_first_question(messages)
        if self.max_messages is not None:
            messages = _latest(messages, self.max_messages, len)
        if self.max_tokens is not None:
            messages = _latest(messages, self.max_tokens, self.token_counter)
        return messages

    def fits(self, messages: list[BaseMessage]) -> bool:
        """Tell whether the messages have at most `max_tokens` tokens."""
        return self.max_tokens is None or self.count(messages) <= self.max_tokens

    def count(self, messages: list[BaseMessage]) -> int:
        """Return the number of tokens, by a chat model or a function."""
        counter = self.token_counter
        if hasattr(counter, "get_num_tokens_from_messages"):
            return int(counter.get_num_tokens_from_messages(messages))
        return int(counter(messages))


def _from_the_first_question(messages: list[BaseMessage]) -> list[BaseMessage]:
    """Drop AI messages before the first human message: models refuse them there."""
    instructions = list(takewhile(lambda message: message.type == "system", messages))
    return [*instructions, *dropwhile(lambda message: message.type != "human", messages)]


def _latest(
    messages: list[BaseMessage], most: int, counter: Callable[..., int] | Any
) -> list[BaseMessage]:
    trimmed: list[BaseMessage] = trim_messages(
        messages, strategy="last", max_tokens=most, token_counter=counter, start_on="human"
    )
    return trimmed
