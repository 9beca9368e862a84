"""The documented `data_store` object: a user's records by namespace and key, any JSON."""

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names

if TYPE_CHECKING:
    from ..sql.items.user_counts import UserCount
    from .administration import DataStoreAdministration
    from .async_data_store import AsyncDataStore
    from .explain import QueryPlan
    from .langchain_tools import data_store_tools
    from .locks import AsyncRecordLock, RecordLock
    from .models import Change, DataStoreRecord, FoundRecord
    from .running_graph import data_store
    from .service import DataStoreService
    from .sql.administration import (
        AccessedRecord,
        AgentCount,
        LargeRecord,
        NamespaceCount,
        NamespaceSize,
    )
    from .sync_data_store import AgentDataStoreProxy, DataStore
    from .watch import AsyncWatch, Watch
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            ".sql.administration": (
                "AccessedRecord",
                "AgentCount",
                "LargeRecord",
                "NamespaceCount",
                "NamespaceSize",
            ),
            ".administration": ("DataStoreAdministration", "UserCount"),
            ".async_data_store": ("AsyncDataStore",),
            ".sync_data_store": ("AgentDataStoreProxy", "DataStore"),
            ".locks": ("AsyncRecordLock", "RecordLock"),
            ".explain": ("QueryPlan",),
            ".models": ("Change", "DataStoreRecord", "FoundRecord"),
            ".running_graph": ("data_store",),
            ".service": ("DataStoreService",),
            ".langchain_tools": ("data_store_tools",),
            ".watch": ("AsyncWatch", "Watch"),
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
