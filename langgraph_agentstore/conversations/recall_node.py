"""`recall_conversation`: shows a graph's or an agent's model what earlier threads said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from ..errors import ConfigurationError
from .history import Budget, TokenCounter
from .recall_as_block import RecallRelevant
from .recall_as_messages import RecallLatest
from .recall_steps import DEFAULT_MAX_MESSAGES, DEFAULT_MAX_TURNS, RecallMode, RecallOptions
from .relevance_sql import MIN_RELEVANCE
from .run_context import MemorySource, as_middleware
from .timed_recall import RecallConversation
from .turn_reranking import TurnRerank

DEFAULT_TIMEOUT_S = 2.0
_MODES = ("relevant", "latest", "both")


@cache
def _latest_middleware() -> type[RecallLatest]:
    return as_middleware(RecallLatest)


@cache
def _relevant_middleware() -> type[RecallRelevant]:
    return as_middleware(RecallRelevant)


def recall_conversation(
    store: MemorySource = None,
    *,
    mode: RecallMode = "both",
    user_id: str | None = None,
    thread_id: str | None = None,
    max_messages: int | None = DEFAULT_MAX_MESSAGES,
    max_tokens: int | None = None,
    min_relevance: float = MIN_RELEVANCE,
    max_turns: int = DEFAULT_MAX_TURNS,
    memories: Iterable[str | Sequence[str]] = (),
    token_counter: TokenCounter | None = None,
    rerank: TurnRerank | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    messages_key: str = "messages",
    recalled_key: str | None = None,
) -> RecallConversation:
    """Return a node before the model, or agent middleware, that recalls earlier conversations.

    With each message, the user's turns in other threads that are relevant to it are shown to the
    model, in one block of quotes.

    Args:
        store: a memory, a repository or a store; None for the store of the graph.
        mode: "relevant" for the turns that match the message; "both" for these and, at the first
            turn of a thread, the latest turns; "latest" to begin a thread with the latest messages,
            as messages of its own.
        user_id: None for the user of the run: see `PerUserStore`.
        thread_id: the only thread to recall from; None for all others. A run can override it by
            `configurable={"resume_thread_id": …}`, a string, a UUID or a whole number; any other
            value is an error of that run.
        max_messages: the maximum number of latest messages; None for no limit.
        max_tokens: the maximum number of tokens; None for 1,500, and for no limit in mode "latest".
        min_relevance: from 0 to 1; nothing is shown unless a turn is as relevant to the message.
            Then turns that are half as relevant are shown too.
        max_turns: the maximum number of turns that match; their neighbors come on top.
        memories: namespaces below the user, such as `("facts",)`, whose items are recalled too. A
            namespace of several labels is a tuple. Not in mode "latest".
        token_counter: a function or a chat model that counts tokens; see
            `ConversationMemory.resume`.
        rerank: a blocking function that puts the best 50 matches into a new order; see
            `ConversationMemory.search`. Its time counts toward `timeout_s`. Not in mode "latest".
        timeout_s: the longest delay of the reply, in seconds, once the store is open.
        messages_key: the field of the state that holds the messages.
        recalled_key: as a node, the field of the state that gets the block's text, or "" if nothing
            is recalled; None to put the block among the messages. Not in mode "latest".

    Raises:
        ConfigurationError: the mode is unknown, or does not have one of these options.
        InvalidOperationError: a limit makes no sense.
    """
    of_run: dict[str, Any] = {"store": store, "user_id": user_id, "thread_id": thread_id}
    of_run |= {"timeout_s": timeout_s, "messages_key": messages_key}
    if mode not in _MODES:
        raise ConfigurationError(f"mode is one of {', '.join(_MODES)}, got {mode!r}")
    if mode == "latest":
        if memories != () or recalled_key is not None or rerank is not None:
            raise ConfigurationError(
                "memories=, recalled_key= and rerank= need mode='relevant' or 'both': "
                "mode='latest' puts the latest messages into the state"
            )
        return _latest_middleware()(Budget(max_messages, max_tokens, token_counter), **of_run)
    limits = max_messages, max_tokens, token_counter
    options = RecallOptions.checked(mode, limits, min_relevance, max_turns, memories, rerank)
    return _relevant_middleware()(options, recalled_key, **of_run)
