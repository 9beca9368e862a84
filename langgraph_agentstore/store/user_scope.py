"""One user's part of any store: the one rule for every facade.

An `AgentStore` keeps user ids unchanged and has a view for each user. Any other LangGraph store
has tuples alone: a user's part of it is at or below `("users", label)`. LangGraph refuses labels
with a period, and user ids are often e-mail addresses. So a label writes a period as `%2E` and a
percent sign as `%25`. Two users never share a label.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from langgraph.store.base import BaseStore, SearchOp

from ..errors import InvalidNamespaceError
from ..model.namespaces import Labels
from ..model.users import DEFAULT_TEMPLATE, check_user_id
from .base import StoreBase
from .views import view_of

USERS: Labels = DEFAULT_TEMPLATE[:-1]
"""The labels above the users' in a store that knows no users."""

_ENCODED = re.compile(r"(?:[^%.]|%25|%2E)+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
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
        """Return a search of the part; it moves expiries on if the store's reads do."""
        refreshes = (getattr(self.store, "ttl_config", None) or {}).get("refresh_on_read", True)
        return SearchOp(self.labels, filter, limit, offset, query, refreshes)


def part_of(store: BaseStore, user_id: str, labels: Labels = ()) -> Part:
    """Find a user's part of a store, or the part at or below some of the user's labels.

    Raises:
        MissingUserError: the user id is None or empty.
        ConfigurationError: the store is the view of another user.
    """
    if isinstance(store, StoreBase):
        return Part(view_of(store, user_id), labels)
    return Part(store, (*labels_of_user(user_id), *labels))


def labels_of_user(user_id: str) -> Labels:
    """Return the labels of a user's part of a store that has no users.

    Raises:
        MissingUserError: the user id is None or empty.
    """
    return (*USERS, encode_label(check_user_id(user_id)))


def labels_naming(user_id: str) -> tuple[str, ...]:
    """Return all labels that `decode_label` reads as a user's: ours, and one that other code wrote.

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
