"""One user's part of a store that knows no users: every namespace is relative to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
)

from .._support.lifecycle import Handle
from ..model.namespaces import Labels
from ..store.user_scope import labels_of_user
from .file_store import meets

_ALL: Final = 1_000_000


class ScopedStore(Handle, BaseStore):
    """A view of what lies at or below `("users", user)`; nothing reaches beyond it.

    `labels_of_user` says which label is whose.
    """

    def __init__(self, store: BaseStore, user_id: str) -> None:
        self.whole = store
        self._head = labels_of_user(user_id)
        self.supports_ttl = store.supports_ttl
        self.ttl_config = store.ttl_config

    def __repr__(self) -> str:
        return f"ScopedStore({self.whole!r}, {self._head[1]!r})"

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """As the store's own, within the scope."""
        todo = list(ops)
        results = self.whole.batch([self._outwards(op) for op in todo])
        return [self._inwards(op, result) for op, result in zip(todo, results, strict=True)]

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As `batch`, on a thread: not every store has awaitable methods."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _outwards(self, op: Any) -> Any:
        if isinstance(op, (GetOp, PutOp)):
            return op._replace(namespace=(*self._head, *op.namespace))
        if isinstance(op, SearchOp):
            return op._replace(namespace_prefix=(*self._head, *op.namespace_prefix))
        if isinstance(op, ListNamespacesOp):
            # All of them: which are asked for is decided on what is left without the head.
            within = (MatchCondition("prefix", self._head),)
            return ListNamespacesOp(within, max_depth=None, limit=_ALL, offset=0)
        return op

    def _inwards(self, op: Any, result: Any) -> Any:
        if isinstance(op, GetOp):
            return None if result is None else self._item(Item, result)
        if isinstance(op, SearchOp):
            # Some stores compare characters, not labels: another user's items go here.
            own = (item for item in result if self._is_own(item.namespace))
            return [self._item(SearchItem, item, score=item.score) for item in own]
        if isinstance(op, ListNamespacesOp):
            return self._listed(op, result)
        return result

    def _listed(self, op: ListNamespacesOp, outer: list[Labels]) -> list[Labels]:
        inner = {tuple(labels)[len(self._head) :] for labels in outer if self._is_own(labels)}
        found = {
            labels[: op.max_depth]
            for labels in inner
            if all(meets(labels, condition) for condition in op.match_conditions or ())
        }
        return sorted(found)[op.offset : op.offset + op.limit]

    def _is_own(self, labels: Labels) -> bool:
        return tuple(labels[: len(self._head)]) == self._head

    def _item(self, kind: type[Any], item: Item, **more: Any) -> Any:
        return kind(
            namespace=tuple(item.namespace)[len(self._head) :],
            key=item.key,
            value=item.value,
            created_at=item.created_at,
            updated_at=item.updated_at,
            **more,
        )
