"""Conversations that continue in other threads.

`ConversationMemory` saves the turns of one user, reads them back for a new thread, searches and
exports them. `remember_conversation` and `recall_conversation` do so in a graph or an agent.
"""

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names
from .background_saver import SaverStats
from .cross_encoder import CrossEncoderRerank
from .export import aexport_items, export_items
from .indexed_text import Match
from .keys import ConversationKey
from .memory import ConversationMemory, StoreChatMessageHistory
from .recall_block import RecalledPart
from .recall_steps import RecallExplanation
from .repository import BaseStoreRepository, PostgresStoreRepository
from .turn_scores import TurnScores
from .turns import ThreadSummary, Turn, new_turn

if TYPE_CHECKING:
    from .recall_node import recall_conversation
    from .remember_node import RememberConversation, remember_conversation
    from .timed_recall import RecallConversation
else:
    # What nodes need of LangGraph takes longer to import than all the rest.
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            ".recall_node": ("recall_conversation",),
            ".timed_recall": ("RecallConversation",),
            ".remember_node": ("RememberConversation", "remember_conversation"),
        },
    )

__all__ = [
    "BaseStoreRepository",
    "ConversationKey",
    "ConversationMemory",
    "CrossEncoderRerank",
    "Match",
    "PostgresStoreRepository",
    "RecallConversation",
    "RecallExplanation",
    "RecalledPart",
    "RememberConversation",
    "SaverStats",
    "StoreChatMessageHistory",
    "ThreadSummary",
    "Turn",
    "TurnScores",
    "aexport_items",
    "export_items",
    "new_turn",
    "recall_conversation",
    "remember_conversation",
]
