"""The documented `data_store` object: a user's records by namespace and key, any JSON."""

from .awaited import AsyncDataStore
from .blocking import AgentDataStoreProxy, DataStore
from .locking import AsyncRecordLock, RecordLock
from .records import Change, DataStoreRecord, Found
from .running import data_store
from .service import DataStoreService
from .tools import data_store_tools
from .watching import AsyncWatch, Watch

__all__ = [
    "AgentDataStoreProxy",
    "AsyncDataStore",
    "AsyncRecordLock",
    "AsyncWatch",
    "Change",
    "DataStore",
    "DataStoreRecord",
    "DataStoreService",
    "Found",
    "RecordLock",
    "Watch",
    "data_store",
    "data_store_tools",
]
