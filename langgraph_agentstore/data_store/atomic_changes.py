"""Atomic changes of records.

One statement does it where only the value matters. On a store with an index the value also
decides what the record is found by, and a store that encrypts gives the server no value to change.
There the record is read, changed, and written over just the version read, as often as it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from langgraph.store.base import NOT_PROVIDED, NotProvided

from ..errors import InvalidValueError, ValueTypeError, VersionConflictError
from ..model.addresses import checked_key
from ..model.checks import is_number
from ..model.json_values import (
    LARGEST_INTEGER,
    SMALLEST_INTEGER,
    decode_value,
    encode_value,
    same_json,
)
from ..sql.items.records import StoredRecord, plan_one_record
from ..sql.statement import Operation, Put, PutExpected
from ..store.items import UPDATE_ATTEMPTS
from ..store.step_driver import Steps
from .operations_base import OperationsBase
from .sql.atomic_changes import plan_append, plan_compare_and_set, plan_increment


class AtomicChanges(OperationsBase):
    """Operations whose result depends on the stored value."""

    def increment(self, key: str, by: float) -> Steps[Any]:
        self.may_read("increment")
        self.may_write("increment")
        if not is_number(by):
            raise ValueTypeError(f"increment: by is a number, got {type(by).__name__} {by!r}")
        put = self.put(key, by)
        if not self._by_statement:
            total = yield from self._change(put.item_id[2], partial(_sum, by=by), by)
        else:
            total = yield self.writing(put, lambda p: plan_increment(p, self.context))
            if total is not None:
                self.wrote(put)
        if total is None:
            found = yield from self._found(put)
            if not is_number(found):
                raise ValueTypeError(f"increment: {key!r} holds no number but {_kind(found)}")
            raise InvalidValueError(f"increment: {key!r} and {by} have a sum beyond 64 bits")
        self.log("increment", key=put.item_id[2], by=by)
        return total

    def append(self, key: str, item: Any) -> Steps[int]:
        self.may_write("append")
        put = self.put(key, [item])
        key = put.item_id[2]
        length: int | None = None
        if self._by_statement:
            length = yield self.writing(
                put, lambda p: plan_append(p, self.max_value_bytes, self.context)
            )
            if length is not None:
                self.wrote(put)
        if length is None:
            # Also where the server found the list too long: it counts the spaces that it shows
            # between elements, which are no bytes of the value.
            changed = yield from self._change(key, partial(_longer, item=item), [item])
            if changed is None:
                found = yield from self._found(put)
                raise ValueTypeError(f"append: {key!r} holds no list but {_kind(found)}")
            length = len(changed)
        self.log("append", key=key, count=length)
        return length

    def update(self, key: str, fn: Callable[[Any], Any], default: Any) -> Steps[Any]:
        self.may_read("update")
        self.may_write("update")
        key = checked_key(key, self.at)
        value = yield from self._change(key, fn, NOT_PROVIDED, default)
        self.log("update", key=key)
        return value

    def compare_and_set(self, key: str, expected: Any, new: Any) -> Steps[bool]:
        self.may_write("compare_and_set")
        put = self.put(key, new)
        encode_value(expected)
        if self._by_statement:
            written: bool = yield self.writing(
                put, lambda p: plan_compare_and_set(p, expected, self.context)
            )
        else:
            written = yield from self._replace_if(put, expected)
        if written:
            self.wrote(put)
        self.log("compare_and_set", key=put.item_id[2], written=written)
        return written

    def set_if_absent(
        self,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None,
        ttl: float | NotProvided | None,
    ) -> Steps[bool]:
        self.may_write("set_if_absent")
        put = self.put(key, value, metadata, ttl)
        try:
            yield self.writing(put, lambda p: PutExpected(p, 0))
        except VersionConflictError:
            written = False
        else:
            written = True
            self.wrote(put)
        self.log("set_if_absent", key=put.item_id[2], written=written)
        return written

    @property
    def _by_statement(self) -> bool:
        """Tell whether the server can do it alone: it can read the value, which alone counts."""
        context = self.context
        return context.index is None and context.sealing is None and not context.guarded

    def _change(
        self, key: str, fn: Callable[[Any], Any], absent: Any, default: Any = None
    ) -> Steps[Any]:
        """Write `fn` of the value over the version it was read in, as often as it takes.

        If there is no record, write `absent`, or `fn(default)` if `absent` is not provided. If `fn`
        returns `_UNFIT`, write nothing and return None.
        """
        lost = VersionConflictError("")
        for _ in range(UPDATE_ATTEMPTS):
            record = yield from self._record(key)
            if record is not None:
                value = fn(record.value)
            else:
                value = fn(default) if isinstance(absent, NotProvided) else absent
            if value is _UNFIT:
                return None
            put = self.put(key, value)
            try:
                yield self._over(put, record)
            except VersionConflictError as conflict:
                lost = conflict
            else:
                self.wrote(put)
                return decode_value(put.value)
        raise lost

    def _found(self, put: Put) -> Steps[Any]:
        """Read the current value, to explain a failure."""
        record = yield from self._record(put.item_id[2])
        return None if record is None else record.value

    def _replace_if(self, put: Put, expected: Any) -> Steps[bool]:
        while True:
            key = put.item_id[2]
            record = yield from self._record(key)
            if record is None or not same_json(record.value, expected):
                return False
            try:
                yield self._over(put, record)
            except VersionConflictError:
                continue
            return True

    def _record(self, key: str) -> Steps[StoredRecord | None]:
        record: StoredRecord | None = yield self.planned(
            lambda at: plan_one_record(at, key, self.context)
        )
        return record

    def _over(self, put: Put, record: StoredRecord | None) -> Operation[Any]:
        """Return a write over just this record, keeping its TTL; or one that needs none there."""
        if record is None:
            return self.writing(put, lambda p: PutExpected(p, 0))
        put.ttl, version, created_at = record.ttl, record.version, record.created_at
        return self.writing(put, lambda p: PutExpected(p, version, created_at))


_UNFIT: Any = object()


def _sum(value: Any, *, by: float) -> Any:
    """Add in decimals, as the server does; return `_UNFIT` if there is no number or no room."""
    if not is_number(value):
        return _UNFIT
    total = Decimal(repr(value)) + Decimal(repr(by))
    whole = isinstance(value, int) and isinstance(by, int)
    number = int(total) if whole else float(total)
    return number if SMALLEST_INTEGER <= total <= LARGEST_INTEGER else _UNFIT


def _longer(value: Any, *, item: Any) -> Any:
    return [*value, item] if isinstance(value, list) else _UNFIT


def _kind(value: Any) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
