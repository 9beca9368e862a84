"""What the operations of a data store share: its options, its checks, its log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from langgraph.store.base import NOT_PROVIDED, NotProvided

from ..errors import NotPermittedError, ValueTooLargeError
from ..model.addresses import ItemAddress, checked_key
from ..model.json_values import encode_mapping, encode_value, shown
from ..model.namespaces import Labels, decode_labels
from ..model.shared_scope import Neighbors
from ..model.ttl import ttl_interval
from ..model.users import RecordScope
from ..sql.indexed_content import content_of
from ..sql.statement import NO_METADATA, Operation, Put, PutTogether, ResultT, SqlContext
from ..sql.view_planner import ViewPlanner
from ..store.base import StoreBase
from ..store.ttl_defaults import default_ttl
from ..store.user_views import executor_of
from .ops_log import log_entry
from .options import Settings


def record_planner(store: StoreBase, user_id: str) -> ViewPlanner:
    """Return a planner of a user's records. Labels may be any: they come from checked names."""
    return ViewPlanner(RecordScope(user_id), store.executor.current_rules, _as_they_are)


def _as_they_are(labels: object) -> Labels:
    assert isinstance(labels, tuple)
    return labels


class OperationsBase:
    """One proxy's options. Each operation is a generator, checked before its first step."""

    def __init__(self, store: StoreBase, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.at = settings.at
        self.executor = executor_of(store, settings.user_id)
        self._neighbors = Neighbors(store.executor.current_rules.constants, settings.user_id)
        self.names_another = self._neighbors.named(self.at.labels) is not None

    @property
    def context(self) -> SqlContext:
        """The SQL context in force."""
        return self.store.executor.context

    def may_read(self, method: str) -> None:
        """Raise NotPermittedError if the proxy may only write."""
        if self.settings.access == "write":
            raise NotPermittedError(f"{method}: this proxy was made with access='write'")

    def planned(
        self, plan: Callable[[ItemAddress], Operation[ResultT]], *, writes: bool = False
    ) -> Operation[ResultT]:
        """Plan an operation at the namespace's address, which is another user's if it is shared."""
        if not self.names_another:
            return plan(self.at)
        labels = self.at.labels
        return self._planner.at(labels, lambda p: plan(p.address_of(labels)), writes=writes)

    def writing(self, put: Put, plan: Callable[[Put], Operation[ResultT]]) -> Operation[ResultT]:
        """Plan a write of `put`, whose address is that of the namespace."""
        if not self.names_another:
            return plan(put)
        return self.planned(lambda at: plan(moved(put, at)), writes=True)

    def writing_together(self, puts: list[Put]) -> Operation[None]:
        """Plan a write of puts, all or none; without a share, each keeps its own address."""
        if not any(map(self._is_at_another, puts)):
            return PutTogether(puts)
        places = list(dict.fromkeys(labels_of_put(put) for put in puts))
        return self._planner.writing_at(
            places,
            lambda planner: PutTogether(
                [moved(put, planner.address_of(labels_of_put(put))) for put in puts]
            ),
        )

    @property
    def _planner(self) -> ViewPlanner:
        return record_planner(self.store, self.settings.user_id)

    def _is_at_another(self, put: Put) -> bool:
        """Return whether the namespace of a put names another user."""
        if put.item_id[1] == self.at.stored:
            return self.names_another
        return self._neighbors.named(labels_of_put(put)) is not None

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
        # What was written by a share is not at this address: nothing is counted there.
        engine, agent = self.store.executor, self.settings.agent_name
        if agent is None:
            engine.access.forget_touch(put.item_id)
        else:
            engine.note_access([(put.item_id, None)], 0, agent)


def labels_of_put(put: Put) -> Labels:
    """Return the labels of the namespace of a put."""
    return decode_labels(put.item_id[1])


def moved(put: Put, at: ItemAddress) -> Put:
    """Return the same put at another address."""
    return replace(put, item_id=(at.user_id, at.stored, put.item_id[2]), sort_key=at.sort_key)
