"""What the operations of a data store share: its options, its checks, its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.store.base import NOT_PROVIDED, NotProvided

from ..errors import NotPermittedError, ValueTooLargeError
from ..model.addresses import ItemAddress, checked_key
from ..model.json_values import encode_mapping, encode_value, shown
from ..model.ttl import ttl_interval
from ..sql.indexed_content import content_of
from ..sql.statement import NO_METADATA, Put, SqlContext
from ..store.base import StoreBase
from ..store.ttl_defaults import default_ttl
from ..store.user_views import executor_of
from .ops_log import log_entry
from .options import Settings


class OperationsBase:
    """One proxy's options. Each operation is a generator, checked before its first step."""

    def __init__(self, store: StoreBase, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.at = settings.at
        self.executor = executor_of(store, settings.user_id)

    @property
    def context(self) -> SqlContext:
        """The SQL context in force."""
        return self.store.executor.context

    def may_read(self, method: str) -> None:
        """Raise NotPermittedError if the proxy may only write."""
        if self.settings.access == "write":
            raise NotPermittedError(f"{method}: this proxy was made with access='write'")

    def log(self, op: str, **details: Any) -> None:
        """Add an entry to the operations log, if there is one."""
        settings = self.settings
        log_entry(settings.ops_log, op, settings.namespace, settings.agent_name, details)

    def put(
        self,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None = None,
        ttl: float | NotProvided | None = NOT_PROVIDED,
        at: ItemAddress | None = None,
    ) -> Put:
        """Check a record and plan its write."""
        at = self.at if at is None else at
        key = checked_key(key, at)
        text = encode_value(value)
        self._check_size(key, len(text))
        described = encode_mapping(metadata) if metadata else NO_METADATA
        self._check_size(key, len(described), "metadata")
        index = self.context.index
        return Put(
            (at.user_id, at.stored, key),
            at.sort_key,
            text,
            ttl_interval(self._ttl(ttl)),
            None if index is None else content_of(self.context.searchable(text), None, index),
            metadata=described,
            created_by=self.settings.agent_name,
        )

    @property
    def max_value_bytes(self) -> int:
        """The smaller of the proxy's and the store's limit."""
        return min(self.settings.max_value_bytes, self.context.max_value_bytes)

    def _check_size(self, key: str, size: int, what: str = "value") -> None:
        if size <= self.max_value_bytes:
            return
        whose = "the store's" if self.max_value_bytes < self.settings.max_value_bytes else "its"
        raise ValueTooLargeError(
            f"the {what} of {shown(key)} has {size:,} bytes as JSON, the limit is "
            f"{self.max_value_bytes:,}: keep it elsewhere and store where, or allow more by "
            f"{whose} max_value_bytes"
        )

    def may_write(self, method: str) -> None:
        """Raise NotPermittedError if the proxy may only read."""
        if self.settings.access == "read":
            raise NotPermittedError(f"{method}: this proxy was made with access='read'")

    def _ttl(self, ttl: float | NotProvided | None) -> float | None:
        """Return the TTL of the call, else of the proxy, else of the store."""
        for minutes in (ttl, self.settings.ttl):
            if not isinstance(minutes, NotProvided):
                return minutes
        return default_ttl(self.store)

    def wrote(self, put: Put) -> None:
        """Note the agent as the last to touch the record. This counts no read."""
        engine, agent = self.store.executor, self.settings.agent_name
        if agent is None:
            engine.access.forget_touch(put.item_id)
        else:
            engine.note_access([(put.item_id, None)], 0, agent)
