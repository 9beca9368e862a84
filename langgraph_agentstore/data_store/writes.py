"""Operations of a data store that write whole values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from langgraph.store.base import NotProvided

from ..model.addresses import checked_key
from ..model.json_values import decode_value
from ..sql.statement import Put
from ..store.step_driver import Steps
from .operations_base import OperationsBase
from .ops_log import preview
from .sql.atomic_changes import plan_clear, plan_delete

Pairs: TypeAlias = "Mapping[str, Any] | Iterable[tuple[str, Any]]"


class Writes(OperationsBase):
    """Operations that write whole values."""

    def set(
        self,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None,
        ttl: float | NotProvided | None,
    ) -> Steps[None]:
        self.may_write("set")
        put = self.put(key, value, metadata, ttl)
        yield self.writing(put, lambda p: p)
        self.wrote(put)
        self._log_value("set", put)

    def set_many(
        self, items: Pairs, metadata: Mapping[str, Any] | None, ttl: float | NotProvided | None
    ) -> Steps[int]:
        self.may_write("set_many")
        pairs = items.items() if isinstance(items, Mapping) else items
        # Of a key that comes twice the last wins, as in a dict.
        puts = {put.item_id: put for put in (self.put(k, v, metadata, ttl) for k, v in pairs)}
        yield from self.put_together(list(puts.values()))
        self.log("set_many", count=len(puts), keys=[item_id[2] for item_id in puts][:10])
        return len(puts)

    def put_together(self, puts: list[Put]) -> Steps[None]:
        """Write all of them, or none."""
        if puts:
            yield self.writing_together(puts)
        for put in puts:
            self.wrote(put)

    def delete(self, key: str) -> Steps[bool]:
        self.may_write("delete")
        key = checked_key(key, self.at)
        found: bool = yield self.planned(lambda at: plan_delete(at, key, self.context), writes=True)
        self.store.executor.access.forget_touch((self.at.user_id, self.at.stored, key))
        self.log("delete", key=key, found=found)
        return found

    def clear(self) -> Steps[int]:
        self.may_write("clear")
        count: int = yield self.planned(lambda at: plan_clear(at, self.context), writes=True)
        self.log("clear", count=count)
        return count

    def _log_value(self, op: str, put: Put) -> None:
        if self.settings.ops_log is not None:
            self.log(op, key=put.item_id[2], valuePreview=preview(decode_value(put.value)))
