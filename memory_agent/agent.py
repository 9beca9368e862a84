"""The public names of `langgraph_agentstore.memory_agent`."""

from langgraph_agentstore.memory_agent import (
    STORAGE_TYPES,
    AuditEntry,
    BackupSchedule,
    Conversation,
    FileStore,
    MemoryAgent,
    Message,
    Relation,
    UserProfile,
)

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
