"""The documented `data_store` object: a user's records by namespace and key, any JSON."""

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names

if TYPE_CHECKING:
    from ..plan.administration import (
        AccessedRecord,
        AgentCount,
        LargeRecord,
        NamespaceCount,
        NamespaceSize,
        UserCount,
    )
    from .administration import DataStoreAdministration
    from .awaited import AsyncDataStore
    from .blocking import AgentDataStoreProxy, DataStore
    from .locking import AsyncRecordLock, RecordLock
    from .query_plans import QueryPlan
    from .records import Change, DataStoreRecord, FoundRecord
    from .running import data_store
    from .service import DataStoreService
    from .tools import data_store_tools
    from .watching import AsyncWatch, Watch
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "..plan.administration": (
                "AccessedRecord",
                "AgentCount",
                "LargeRecord",
                "NamespaceCount",
                "NamespaceSize",
                "UserCount",
            ),
            ".administration": ("DataStoreAdministration",),
            ".awaited": ("AsyncDataStore",),
            ".blocking": ("AgentDataStoreProxy", "DataStore"),
            ".locking": ("AsyncRecordLock", "RecordLock"),
            ".query_plans": ("QueryPlan",),
            ".records": ("Change", "DataStoreRecord", "FoundRecord"),
            ".running": ("data_store",),
            ".service": ("DataStoreService",),
            ".tools": ("data_store_tools",),
            ".watching": ("AsyncWatch", "Watch"),
        },
    )

__all__ = [
    "AccessedRecord",
    "AgentCount",
    "AgentDataStoreProxy",
    "AsyncDataStore",
    "AsyncRecordLock",
    "AsyncWatch",
    "Change",
    "DataStore",
    "DataStoreAdministration",
    "DataStoreRecord",
    "DataStoreService",
    "FoundRecord",
    "LargeRecord",
    "NamespaceCount",
    "NamespaceSize",
    "QueryPlan",
    "RecordLock",
    "UserCount",
    "Watch",
    "data_store",
    "data_store_tools",
]
