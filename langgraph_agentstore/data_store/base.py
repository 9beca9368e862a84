"""What `DataStore` and `AsyncDataStore` share: store, user, namespace and options."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from langgraph.store.base import NOT_PROVIDED, NotProvided, SearchItem
from typing_extensions import Self

from .._support.lifecycle import Handle
from ..errors import ConfigurationError, ValueTypeError
from ..model.json_values import check_text
from ..store.base import StoreBase
from ..store.items import check_size
from ..store.search import Search
from ..store.user_views import check_view, executor_of
from .atomic_changes import AtomicChanges
from .change_feed import Watching
from .models import RANKED_BY, FoundRecord
from .operations_base import record_planner
from .ops_log import OpsLog
from .options import DEFAULT_NAMESPACE, LARGEST_VALUE_BYTES, Access, checked_settings
from .reads import Reads
from .writes import Writes


class Operations(Reads, Writes, AtomicChanges):
    """Every operation of one proxy."""


class RecordView(Search):
    """One user's records as a LangGraph store for search, with their stored values."""

    def __init__(self, store: StoreBase, user_id: str) -> None:
        planner = record_planner(store, user_id)
        super().__init__(executor_of(store, user_id), store.ttl_config, planner)


class Proxy(Handle):
    """One namespace of a user. Subclasses run its operations."""

    def __init__(
        self,
        store: StoreBase,
        user_id: str,
        agent_name: str | None,
        default_namespace: str = DEFAULT_NAMESPACE,
        ops_log: OpsLog | None = None,
        *,
        access: Access = "both",
        max_value_bytes: int = LARGEST_VALUE_BYTES,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        if not isinstance(store, StoreBase):
            raise ConfigurationError(
                f"a data store needs an AgentStore, or a view of one, got {type(store).__name__}"
            )
        settings = checked_settings(
            user_id, agent_name, default_namespace, ops_log, access, max_value_bytes, ttl
        )
        check_view(store, settings.user_id)
        # Keeps the store from being collected, and so closed, while somebody has this.
        self._store = store
        self._operations = Operations(store, settings)
        self._executor = self._operations.executor

    @cached_property
    def _view(self) -> RecordView:
        """The view that searches; most proxies never search, and live for one request."""
        return RecordView(self._store, self.user_id)

    @property
    def user_id(self) -> str:
        """The owner of the records."""
        return self._operations.settings.user_id

    @property
    def agent_name(self) -> str | None:
        """The agent that reads and writes here."""
        return self._operations.settings.agent_name

    @property
    def namespace(self) -> str:
        """The namespace of the records."""
        return self._operations.settings.namespace

    @property
    def ops_log(self) -> OpsLog | None:
        """The log that gets an entry for each operation."""
        return self._operations.settings.ops_log

    @property
    def access(self) -> Access:
        """The operations allowed: "read", "write" or "both"."""
        return self._operations.settings.access

    def use_namespace(
        self, namespace: str, *, ttl: float | NotProvided | None = NOT_PROVIDED
    ) -> Self:
        """Return a proxy of another namespace, with the same user, agent, log, access and limit.

        `namespace` is the full name. There is no I/O. `ttl`, in minutes, is the default of the new
        proxy: records written through it expire after that time, unless a `set` has its own `ttl`.

        Raises:
            InvalidNamespaceError: the namespace is empty, or too long.
        """
        settings = self._operations.settings
        return type(self)(
            self._store,
            settings.user_id,
            settings.agent_name,
            namespace,
            settings.ops_log,
            access=settings.access,
            max_value_bytes=settings.max_value_bytes,
            ttl=ttl,
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(user_id={self.user_id!r}, namespace={self.namespace!r}, "
            f"agent_name={self.agent_name!r})"
        )

    @staticmethod
    def _check_page_size(size: int) -> None:
        check_size("page_size", size)

    def _watching(self, prefix: str | None) -> Watching:
        self._operations.may_read("watch")
        if prefix is not None and not isinstance(prefix, str):
            raise ValueTypeError(f"a prefix is a string, got {type(prefix).__name__} {prefix!r}")
        check_text(prefix or "", "the prefix")
        operations = self._operations
        return Watching(operations.at, operations.planned, prefix or "")

    @staticmethod
    def _asked(
        query: str | None, filter: Mapping[str, Any] | None, limit: int, offset: int
    ) -> dict[str, Any]:
        """Return the arguments of the store's search. Searching renews no expiry here."""
        return {
            "query": query,
            "filter": None if filter is None else dict(filter),
            "limit": limit,
            "offset": offset,
            "refresh_ttl": False,
        }

    def _found(self, items: list[SearchItem]) -> list[FoundRecord]:
        self._operations.log("search", count=len(items))
        return [
            FoundRecord(
                ":".join(item.namespace),
                item.key,
                item.value,
                item.score,
                item.created_at,
                item.updated_at,
                *(getattr(item, name, None) for name in RANKED_BY),
            )
            for item in items
        ]
