"""Where a store keeps a namespace whose labels may hold periods."""

from __future__ import annotations

from langgraph.store.base import BaseStore

from ..model.namespaces import Labels
from ..store.user_scope import (
    USERS,
    Part,
    decode_label,
    encode_label,
    part_of,
)

__all__ = ["CONVERSATIONS", "address_of", "conversations_of", "decode_label", "encode_label"]

CONVERSATIONS = "conversations"


def address_of(store: BaseStore, namespace: Labels) -> Part:
    """Where `store` has a namespace: a user's part of it, or what nobody owns.

    Raises:
        ConfigurationError: the store is a view of another user.
    """
    depth = len(USERS)
    if len(namespace) <= depth or tuple(namespace[:depth]) != USERS:
        return Part(store, tuple(map(encode_label, namespace)))
    return part_of(store, namespace[depth], tuple(map(encode_label, namespace[depth + 1 :])))


def conversations_of(store: BaseStore, user_id: str) -> Part:
    """Where the turns of a user are: `("users", user_id, "conversations")`."""
    return part_of(store, user_id, (CONVERSATIONS,))
