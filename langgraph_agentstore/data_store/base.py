"""What `DataStore` and `AsyncDataStore` share: whose records, which namespace, which options."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from langgraph.store.base import NOT_PROVIDED, NotProvided, SearchItem
from typing_extensions import Self

from .._support.lifecycle import Handle
from ..config.index import SearchMode
from ..errors import ConfigurationError, ValueTypeError
from ..model.json_values import check_text
from ..store.base import StoreBase
from ..store.bulk_load import check_size
from ..store.views import check_view
from .atomic_changes import Changing
from .change_feed import Watching
from .models import RANKED_BY, FoundRecord
from .ops_log import OpsLog
from .options import (
    DEFAULT_NAMESPACE,
    LARGEST_VALUE_BYTES,
    Access,
    checked_settings,
)
from .view import RecordView


class Proxy(Handle):
    """A user's namespace; its subclasses say how operations are run."""

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
        self._executor = store.executor
        self._operations = Changing(store, settings)

    @cached_property
    def _view(self) -> RecordView:
        """For search; most proxies never do, and are made for one request."""
        return RecordView(self._store, self.user_id)

    @property
    def user_id(self) -> str:
        """Whose records these are."""
        return self._operations.settings.user_id

    @property
    def agent_name(self) -> str | None:
        """Who reads and writes here."""
        return self._operations.settings.agent_name

    @property
    def namespace(self) -> str:
        """Which namespace of the user this is."""
        return self._operations.settings.namespace

    @property
    def ops_log(self) -> OpsLog | None:
        """Where operations are logged."""
        return self._operations.settings.ops_log

    @property
    def access(self) -> Access:
        """What this proxy may do."""
        return self._operations.settings.access

    def use_namespace(
        self, namespace: str, *, ttl: float | NotProvided | None = NOT_PROVIDED
    ) -> Self:
        """Another namespace of the same user, with the same agent, log, access and limit.

        Absolute, whatever this one is; no I/O. `ttl`, in minutes, is advisory: what is written
        through the new proxy expires after it, unless a `set` says otherwise.

        Raises:
            InvalidNamespaceError: it is empty, or too long.
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
        return Watching(self._operations.at, prefix or "")

    @staticmethod
    def _asked(
        query: str | None,
        filter: Mapping[str, Any] | None,
        limit: int,
        offset: int,
        mode: SearchMode | None,
        min_score: float | None,
        min_similarity: float | None,
    ) -> dict[str, Any]:
        """The arguments of the store's search; reading a record here never moves its expiry."""
        return {
            "query": query,
            "filter": None if filter is None else dict(filter),
            "limit": limit,
            "offset": offset,
            "mode": mode,
            "min_score": min_score,
            "min_similarity": min_similarity,
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
