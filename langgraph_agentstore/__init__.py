"""A LangGraph store on Postgres for agents that must remember: user, namespace, key."""

from typing import TYPE_CHECKING

from ._support.lazy import lazy_names

if TYPE_CHECKING:
    from .config.index_options import AgentIndexConfig, AnnIndexConfig
    from .config.store_options import PoolConfig
    from .data_store import (
        AgentDataStoreProxy,
        AsyncDataStore,
        DataStore,
        DataStoreRecord,
        DataStoreService,
    )

    # All of them, until 0.3: 0.1 had them here.
    from .errors import *  # noqa: F403
    from .errors import AgentStoreError
    from .results import (
        Explanation,
        Finding,
        ItemRecord,
        MigrationReport,
        RefusedItem,
        ScoredItem,
        StoreHealth,
        StoreStats,
    )
    from .store.agent_store import AgentStore
    from .store.user_views import PerUserStore, UserStore
__version__ = "0.2.0"

__all__ = [
    "AgentDataStoreProxy",
    "AgentIndexConfig",
    "AgentStore",
    "AgentStoreError",
    "AnnIndexConfig",
    "AsyncDataStore",
    "DataStore",
    "DataStoreRecord",
    "DataStoreService",
    "Explanation",
    "Finding",
    "ItemRecord",
    "MigrationReport",
    "PerUserStore",
    "PoolConfig",
    "RefusedItem",
    "ScoredItem",
    "StoreHealth",
    "StoreStats",
    "UserStore",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            ".config.store_options": ("PoolConfig",),
            ".data_store": (
                "AgentDataStoreProxy",
                "AsyncDataStore",
                "DataStore",
                "DataStoreRecord",
                "DataStoreService",
            ),
            ".errors": ("AgentStoreError",),
            ".config.index_options": ("AgentIndexConfig", "AnnIndexConfig"),
            ".results": (
                "Explanation",
                "Finding",
                "ItemRecord",
                "MigrationReport",
                "RefusedItem",
                "ScoredItem",
                "StoreHealth",
                "StoreStats",
            ),
            ".store.agent_store": ("AgentStore",),
            ".store.user_views": ("PerUserStore", "UserStore"),
        },
        # Errors were public here in 0.1; they are imported from `.errors` since 0.2.
        moved_to=".errors",
    )
