"""`ConversationMemory`: one user's conversations, blocking and awaited.

The awaitable forms run the blocking ones in a thread of the loop's own pool, so no loop waits for
a database, and there is one implementation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from os import PathLike
from typing import Any

from langchain_core.messages import BaseMessage, MessageLikeRepresentation

from .._support.progress import Progress
from .export import ExportFormat
from .history import TokenCounter
from .keys import ConversationKey
from .memory import BlockingConversations
from .turn_store import PAGE_SIZE
from .turns import ThreadSummary, Turn


class ConversationMemory(BlockingConversations):
    """What one user said and was told, in all threads: saved by turn, known to every thread.

    Each method has an awaitable form, `asave_turn`, `aturns` and so on.

    Args:
        store: an `AgentStore` or a view of one, any other LangGraph store, or a repository.
        user_id: any non-empty string, an e-mail address too.

    Raises:
        MissingUserError: the user id is empty.
    """

    async def asave_turn(
        self,
        query: str,
        response: str,
        thread_id: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> ConversationKey:
        """As `save_turn`."""
        return await asyncio.to_thread(self.save_turn, query, response, thread_id, metadata)

    async def asave_messages(
        self,
        messages: Sequence[MessageLikeRepresentation] | MessageLikeRepresentation,
        thread_id: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> list[ConversationKey]:
        """As `save_messages`."""
        return await asyncio.to_thread(self.save_messages, messages, thread_id, metadata)

    async def asave_turns(
        self, turns: Iterable[Turn], *, progress: Progress | bool | None = None
    ) -> int:
        """As `save_turns`; the iterable and `progress` are used in another thread."""
        return await asyncio.to_thread(self.save_turns, turns, progress=progress)

    async def aturns(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[Turn]:
        """As `turns`, for `async for`."""
        turns = self.turns(thread_id, since, until)
        while page := await asyncio.to_thread(lambda: list(islice(turns, PAGE_SIZE))):
            for turn in page:
                yield turn

    async def amessages(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[BaseMessage]:
        """As `messages`."""
        return await asyncio.to_thread(self.messages, thread_id, since, until)

    async def aresume(
        self,
        thread_id: str | None = None,
        max_messages: int | None = None,
        max_tokens: int | None = None,
        token_counter: TokenCounter | None = None,
    ) -> list[BaseMessage]:
        """As `resume`."""
        return await asyncio.to_thread(
            self.resume, thread_id, max_messages, max_tokens, token_counter
        )

    async def athreads(self) -> list[ThreadSummary]:
        """As `threads`."""
        return await asyncio.to_thread(self.threads)

    async def asearch(
        self,
        query: str,
        *,
        thread_id: str | None = None,
        limit: int = 10,
        min_similarity: float | None = None,
    ) -> list[Turn]:
        """As `search`."""
        return await asyncio.to_thread(
            self.search, query, thread_id=thread_id, limit=limit, min_similarity=min_similarity
        )

    async def aforget(self, thread_id: str) -> int:
        """As `forget`."""
        return await asyncio.to_thread(self.forget, thread_id)

    async def aexport(
        self,
        path: str | PathLike[str],
        format: ExportFormat | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        thread_id: str | None = None,
        progress: Progress | bool | None = None,
        escape_formulas: bool = True,
    ) -> int:
        """As `export`."""
        options: dict[str, Any] = {"progress": progress, "escape_formulas": escape_formulas}
        return await asyncio.to_thread(
            self.export, path, format, since, until, thread_id=thread_id, **options
        )
