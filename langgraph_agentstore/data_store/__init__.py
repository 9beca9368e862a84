"""The documented `data_store` object: a user's records by namespace and key, any JSON."""

from typing import TYPE_CHECKING, Any

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
from .service import DataStoreService
from .watching import AsyncWatch, Watch

if TYPE_CHECKING:
    from .running import data_store
    from .tools import data_store_tools

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


def __getattr__(name: str) -> Any:
    # What they need of LangChain takes longer to import than all the rest.
    if name == "data_store":
        from .running import data_store

        return data_store
    if name == "data_store_tools":
        from .tools import data_store_tools

        return data_store_tools
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
