"""Writing records, as steps: whole values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from langgraph.store.base import NOT_PROVIDED, NotProvided

from ..errors import NotPermittedError, ValueTooLargeError
from ..model.addresses import ItemAddress, checked_key
from ..model.json_values import (
    decode_value,
    encode_mapping,
    encode_value,
    shown,
)
from ..model.ttl import ttl_interval
from ..sql.indexed_content import content_of
from ..sql.statement import NO_METADATA, Put, PutTogether
from ..store.steps import Steps
from .ops_log import preview
from .reads import Reading
from .sql.atomic_changes import plan_clear, plan_delete

Items: TypeAlias = "Mapping[str, Any] | Iterable[tuple[str, Any]]"


class Writing(Reading):
    """The operations of a proxy that write; what is wrong with one shows before its first step."""

    def set(
        self,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None,
        ttl: float | NotProvided | None,
    ) -> Steps[None]:
        self.may_write("set")
        put = self.put(key, value, metadata, ttl)
        yield put
        self.wrote(put)
        self._log_value("set", put)

    def set_many(
        self, items: Items, metadata: Mapping[str, Any] | None, ttl: float | NotProvided | None
    ) -> Steps[int]:
        self.may_write("set_many")
        pairs = items.items() if isinstance(items, Mapping) else items
        # Of a key that comes twice the last wins, as in a dict.
        puts = {put.item_id: put for put in (self.put(k, v, metadata, ttl) for k, v in pairs)}
        yield from self.put_together(list(puts.values()))
        self.log("set_many", count=len(puts), keys=[item_id[2] for item_id in puts][:10])
        return len(puts)

    def put_together(self, puts: list[Put]) -> Steps[None]:
        """Makes all of them, or none."""
        if puts:
            yield PutTogether(puts)
        for put in puts:
            self.wrote(put)

    def delete(self, key: str) -> Steps[bool]:
        self.may_write("delete")
        key = checked_key(key, self.at)
        found: bool = yield plan_delete(self.at, key, self.context)
        self.store.executor.access.forget_touch((self.at.user_id, self.at.stored, key))
        self.log("delete", key=key, found=found)
        return found

    def clear(self) -> Steps[int]:
        self.may_write("clear")
        count: int = yield plan_clear(self.at, self.context)
        self.log("clear", count=count)
        return count

    def put(
        self,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None = None,
        ttl: float | NotProvided | None = NOT_PROVIDED,
        at: ItemAddress | None = None,
    ) -> Put:
        """The write of a record, checked."""
        at = self.at if at is None else at
        key = checked_key(key, at)
        text = encode_value(value)
        self._check_size(key, len(text))
        described = encode_mapping(metadata) if metadata else NO_METADATA
        self._check_size(key, len(described), "metadata")
        index = self.context.index
        return Put(
            (at.user_id, at.stored, key),
            at.place,
            text,
            ttl_interval(self._ttl(ttl)),
            None if index is None else content_of(text, None, index),
            metadata=described,
            created_by=self.settings.agent_name,
        )

    @property
    def max_value_bytes(self) -> int:
        """The smaller of what the proxy and its store allow."""
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
        if self.settings.access == "read":
            raise NotPermittedError(f"{method}: this proxy was made with access='read'")

    def _ttl(self, ttl: float | NotProvided | None) -> float | None:
        """The first that says something: the call, the proxy, the store."""
        for minutes in (ttl, self.settings.ttl):
            if not isinstance(minutes, NotProvided):
                return minutes
        return (self.store.ttl_config or {}).get("default_ttl")

    def wrote(self, put: Put) -> None:
        """Tells by whom it was touched last; that is no read."""
        engine, agent = self.store.executor, self.settings.agent_name
        if agent is None:
            engine.access.forget_touch(put.item_id)
        else:
            engine.note_access([(put.item_id, None)], 0, agent)

    def _log_value(self, op: str, put: Put) -> None:
        if self.settings.ops_log is not None:
            self.log(op, key=put.item_id[2], valuePreview=preview(decode_value(put.value)))
