"""Memories in three lines: `MemoryAgent` over Postgres, SQLite, a file or any LangGraph store."""

from .agent import MemoryAgent
from .audit_log import AuditEntry
from .backup_schedule import BackupSchedule
from .file_store import FileStore
from .memories import Relation
from .schemas import Conversation, Message, UserProfile
from .storage_types import STORAGE_TYPES

__all__ = [
    "STORAGE_TYPES",
    "AuditEntry",
    "BackupSchedule",
    "Conversation",
    "FileStore",
    "MemoryAgent",
    "Message",
    "Relation",
    "UserProfile",
]
