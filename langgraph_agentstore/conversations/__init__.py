"""Conversations: what was said in one thread is known in the next.

`ConversationMemory` is one user's: it saves turns, reads them back for a new thread, searches and
exports them. `remember_conversation` and `recall_conversation` do so in a graph or an agent.
"""

from .audit import aexport_items, export_items
from .history import StoreChatMessageHistory
from .keys import ConversationKey
from .memory import ConversationMemory
from .recall import RecallConversation, recall_conversation
from .remember import RememberConversation, remember_conversation
from .repository import BaseStoreRepository, PostgresStoreRepository
from .saver import SaverStats
from .summaries import ThreadSummary
from .turns import Turn, new_turn

__all__ = [
    "BaseStoreRepository",
    "ConversationKey",
    "ConversationMemory",
    "PostgresStoreRepository",
    "RecallConversation",
    "RememberConversation",
    "SaverStats",
    "StoreChatMessageHistory",
    "ThreadSummary",
    "Turn",
    "aexport_items",
    "export_items",
    "new_turn",
    "recall_conversation",
    "remember_conversation",
]
