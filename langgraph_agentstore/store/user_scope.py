"""One user's part of any store: the one rule for every facade.

An `AgentStore` keeps user ids unchanged and has a view for each user. Any other LangGraph store
has only tuples. There, a user's part is at or below `("users", label)`. LangGraph rejects labels
with a period, and user ids are often e-mail addresses. A label therefore contains `%2E` for a
period and `%25` for a percent sign. Two users never share a label.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
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
from ..errors import InvalidNamespaceError
from ..model.namespaces import Labels
from ..model.users import DEFAULT_TEMPLATE, check_user_id
from .base import StoreBase
from .user_views import view_of

USERS: Labels = DEFAULT_TEMPLATE[:-1]
"""The labels above the users' in a store that knows no users."""

_ENCODED = re.compile(r"(?:[^%.]|%25|%2E)+", re.DOTALL)
_ALL: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class UserPart:
    """A store, and the labels below which it holds a part of one user's items."""

    store: BaseStore
    labels: Labels

    def search_op(
        self,
        limit: int,
        offset: int = 0,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
    ) -> SearchOp:
        """Return a search of the part; it extends expiries if the store's reads do."""
        refreshes = (getattr(self.store, "ttl_config", None) or {}).get("refresh_on_read", True)
        return SearchOp(self.labels, filter, limit, offset, query, refreshes)


def part_of(store: BaseStore, user_id: str, labels: Labels = ()) -> UserPart:
    """Find a user's part of a store, or the part at or below some of the user's labels.

    Raises:
        MissingUserError: the user id is None or empty.
        ConfigurationError: the store is the view of another user.
    """
    if isinstance(store, StoreBase):
        return UserPart(view_of(store, user_id), labels)
    return UserPart(store, (*labels_of_user(user_id), *labels))


def labels_of_user(user_id: str) -> Labels:
    """Return the labels of a user's part of a store that has no users.

    Raises:
        MissingUserError: the user id is None or empty.
    """
    return (*USERS, encode_label(check_user_id(user_id)))


def labels_naming(user_id: str) -> tuple[str, ...]:
    """Return all labels that `decode_label` maps to a user: the encoded and the plain one.

    Raises:
        MissingUserError: the user id is None or empty.
    """
    label = encode_label(check_user_id(user_id))
    is_readable = "." not in user_id and decode_label(user_id) == user_id
    return (label, user_id) if is_readable and label != user_id else (label,)


def encode_label(label: str) -> str:
    """Encode any string as a label without periods. Different strings give different labels."""
    if not isinstance(label, str):
        raise InvalidNamespaceError(
            f"a label is a string, got {type(label).__name__} {label!r}; convert it"
        )
    return label.replace("%", "%25").replace(".", "%2E")


def decode_label(label: str) -> str:
    """Decode a label of `encode_label`; return any other label unchanged."""
    if not _ENCODED.fullmatch(label):
        return label
    return label.replace("%2E", ".").replace("%25", "%")


class ScopedStore(Handle, BaseStore):
    """A view of the items at or below the labels of one user; it reaches no others.

    All namespaces are relative to `labels_of_user`.
    """

    def __init__(self, store: BaseStore, user_id: str) -> None:
        self.whole = store
        self._head = labels_of_user(user_id)
        self.supports_ttl = store.supports_ttl
        self.ttl_config = store.ttl_config

    def __repr__(self) -> str:
        return f"ScopedStore({self.whole!r}, {self._head[1]!r})"

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations of the store within the user's part."""
        todo = list(ops)
        results = self.whole.batch([self._outwards(op) for op in todo])
        return [self._inwards(op, result) for op, result in zip(todo, results, strict=True)]

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Async form of `batch`; it runs in a thread, since some stores have no async methods."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _outwards(self, op: Any) -> Any:
        if isinstance(op, (GetOp, PutOp)):
            return op._replace(namespace=(*self._head, *op.namespace))
        if isinstance(op, SearchOp):
            return op._replace(namespace_prefix=(*self._head, *op.namespace_prefix))
        if isinstance(op, ListNamespacesOp):
            # List all. The conditions apply to the labels below the head.
            within = (MatchCondition("prefix", self._head),)
            return ListNamespacesOp(within, max_depth=None, limit=_ALL, offset=0)
        return op

    def _inwards(self, op: Any, result: Any) -> Any:
        if isinstance(op, GetOp):
            return None if result is None else self._item(Item, result)
        if isinstance(op, SearchOp):
            # Some stores compare characters, not labels, and so find items of other users.
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


def meets(namespace: Labels, condition: MatchCondition) -> bool:
    """Check a namespace against a prefix or suffix condition; `*` is any one label."""
    path = condition.path
    if len(path) > len(namespace):
        return False
    part = namespace[: len(path)]
    if condition.match_type == "suffix":
        part = namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for wanted, label in zip(path, part, strict=True))
