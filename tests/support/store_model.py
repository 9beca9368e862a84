"""What a store means, as a plain dict: the other half of the property tests.

The methods are named as the store's and return what `shown` makes of the store's answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from langgraph.store.base import GetOp, Item, ListNamespacesOp, MatchCondition, Op, PutOp, SearchOp

from langgraph_agentstore.model.namespaces import Labels, encode_labels
from langgraph_agentstore.model.users import Scope
from langgraph_agentstore.sql.filters import matches, parse_filter

Address: TypeAlias = tuple[Labels, str]
Filter: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is compared of an item; `value` as JSON text, which tells 1 from 1.0 and true."""

    namespace: Labels
    key: str
    value: bytes
    is_new: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """An item of the model: its times are the numbers of the steps that set them."""

    value: Mapping[str, Any]
    created: int
    updated: int


def shown(answer: Any) -> Any:
    """An answer of a store, comparable with the model's."""
    if isinstance(answer, Item):
        is_new = answer.created_at == answer.updated_at
        return Shown(answer.namespace, answer.key, as_text(answer.value), is_new)
    if isinstance(answer, Mapping):
        return as_text(answer)
    if isinstance(answer, list):
        return [shown(each) for each in answer]
    return answer


def as_text(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


class StoreModel:
    """A store; `scope` decides the order of items and what a prefix covers."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.items: dict[Address, Stored] = {}
        self.step = 0

    def put(self, namespace: Labels, key: str, value: Filter | None, **_options: Any) -> None:
        self.batch([PutOp(namespace, key, value)])

    def get(self, namespace: Labels, key: str) -> Shown | None:
        stored = self.items.get((namespace, key))
        return None if stored is None else self._shown((namespace, key))

    def delete(self, namespace: Labels, key: str) -> None:
        self.items.pop((namespace, key), None)

    def expire(self, namespace: Labels, key: str) -> None:
        self.delete(namespace, key)

    def search(
        self, prefix: Labels, filter: Filter | None = None, limit: int = 10, offset: int = 0
    ) -> list[Shown]:
        found = sorted(self._below(prefix, filter), key=self._newest_first)
        return [self._shown(address) for address in found[offset : offset + limit]]

    def count(self, prefix: Labels, filter: Filter | None = None) -> int:
        return len(self._below(prefix, filter))

    def iter_items(
        self, prefix: Labels, filter: Filter | None = None, page_size: int = 0
    ) -> list[Shown]:
        return [
            self._shown(address) for address in sorted(self._below(prefix, filter), key=self.row)
        ]

    def delete_namespace(self, prefix: Labels) -> int:
        doomed = self._below(prefix, None)
        for address in doomed:
            del self.items[address]
        return len(doomed)

    def list_namespaces(
        self,
        prefix: Labels = (),
        suffix: Labels = (),
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Labels]:
        conditions = (MatchCondition("prefix", prefix), MatchCondition("suffix", suffix))
        return self._list(ListNamespacesOp(conditions, max_depth, limit, offset))

    def update(self, namespace: Labels, key: str, fn: Callable[[Any], Mapping[str, Any]]) -> bytes:
        stored = self.items.get((namespace, key))
        value = fn(None if stored is None else stored.value)
        self.put(namespace, key, value)
        return as_text(value)

    def load(self, items: Sequence[tuple[Labels, str, Mapping[str, Any]]]) -> int:
        self.batch([PutOp(namespace, key, dict(value)) for namespace, key, value in items])
        return len({(namespace, key) for namespace, key, _ in items})

    def batch(self, operations: Iterable[Op]) -> list[Any]:
        operations = list(operations)
        results = [self._read(operation) for operation in operations]
        self.step += 1
        for operation in operations:
            if isinstance(operation, PutOp):
                self._write(operation)
        return results

    def row(self, address: Address) -> tuple[str, str, str]:
        """The primary key of an item, in whose order they are walked."""
        where = self.scope.address(address[0])
        return where.user_id, encode_labels(where.labels), address[1]

    def _read(self, operation: Op) -> Any:
        if isinstance(operation, GetOp):
            return self.get(operation.namespace, operation.key)
        if isinstance(operation, SearchOp):
            return self.search(
                operation.namespace_prefix, operation.filter, operation.limit, operation.offset
            )
        if isinstance(operation, ListNamespacesOp):
            return self._list(operation)
        return None

    def _write(self, operation: PutOp) -> None:
        address = (operation.namespace, operation.key)
        if operation.value is None:
            self.items.pop(address, None)
            return
        before = self.items.get(address)
        created = self.step if before is None else before.created
        self.items[address] = Stored(operation.value, created, self.step)

    def _below(self, prefix: Labels, filter: Filter | None) -> list[Address]:
        parsed = parse_filter(filter or {})
        return [
            address
            for address, stored in self.items.items()
            if address[0][: len(prefix)] == prefix and matches(parsed, stored.value)
        ]

    def _newest_first(self, address: Address) -> tuple[int, str, Labels, str]:
        where = self.scope.address(address[0])
        return -self.items[address].updated, where.user_id, where.labels, address[1]

    def _list(self, op: ListNamespacesOp) -> list[Labels]:
        kept = {
            namespace[: op.max_depth]
            for namespace, _ in self.items
            if all(_meets(namespace, condition) for condition in op.match_conditions or ())
        }
        return sorted(kept)[op.offset : op.offset + op.limit]

    def _shown(self, address: Address) -> Shown:
        stored = self.items[address]
        return Shown(*address, as_text(stored.value), stored.created == stored.updated)


def _meets(namespace: Labels, condition: MatchCondition) -> bool:
    path = tuple(condition.path)
    if len(namespace) < len(path):
        return False
    start = 0 if condition.match_type == "prefix" else len(namespace) - len(path)
    there = namespace[start : start + len(path)]
    return all(wanted in ("*", label) for wanted, label in zip(path, there, strict=True))
