"""`StoreChatMessageHistory`: a thread as LangChain's chat message history.

So `RunnableWithMessageHistory` reads and extends a thread that graphs know as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage
from langgraph.store.base import BaseStore
from typing_extensions import override

from .async_memory import ConversationMemory
from .keys import check_thread_id
from .repository import BaseStoreRepository


class StoreChatMessageHistory(BaseChatMessageHistory):
    """The messages of one thread of one user, in any store.

    Args:
        store: a memory, a store or a repository.
        thread_id: LangChain's session id.
        user_id: whose thread; not needed beside a memory.
        max_messages: how many of the latest `messages` gives; None for all.
    """

    def __init__(
        self,
        store: ConversationMemory | BaseStore | BaseStoreRepository,
        thread_id: str,
        user_id: str | None = None,
        *,
        max_messages: int | None = None,
    ) -> None:
        super().__init__()
        if isinstance(store, ConversationMemory):
            self.memory = store
        else:
            self.memory = ConversationMemory(store, user_id)  # type: ignore[arg-type]
        self.thread_id = check_thread_id(thread_id)
        self._max_messages = max_messages

    @property
    @override
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """Oldest first; read anew at each call."""
        return self.memory.resume(self.thread_id, self._max_messages)

    @override
    async def aget_messages(self) -> list[BaseMessage]:
        return await self.memory.aresume(self.thread_id, self._max_messages)

    @override
    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Saves them as turns: one call of a chain is one turn."""
        self.memory.save_messages(messages, self.thread_id)

    @override
    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        await self.memory.asave_messages(messages, self.thread_id)

    @override
    def clear(self) -> None:
        """Removes the thread."""
        self.memory.forget(self.thread_id)

    @override
    async def aclear(self) -> None:
        await self.memory.aforget(self.thread_id)
